"""The client's calls about money, each against the real API."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pypdf
import pytest
from starlette.testclient import TestClient

from augury.client import (
    ApiError,
    AutomaticTopUp,
    Buyer,
    Client,
    Money,
    Patience,
    TopUp,
    Unreachable,
    UsageTotals,
)
from augury.kit.ids import new_id
from augury.payments.providers.sandbox import Choice
from client.shop import Shop
from support.days import await_whole_day


def refused(code: str, caught: "pytest.ExceptionInfo[ApiError]") -> bool:
    """Tell whether the API refused with a code."""
    return caught.value.code == code


def test_packs_are_seen_by_guests(shop: Shop) -> None:
    found = shop.guest().money.packs()
    usual = found.packs[0]
    assert (usual.credits, usual.money, usual.discount) == (1000, Money(100_000, "RUB"), 0)
    assert [one.discount for one in found.packs if one.money.currency == "RUB"] == [0, 5, 10, 15]
    (sandbox,) = found.providers
    assert (sandbox.name, sandbox.currencies, sandbox.saves_methods) == (
        "sandbox",
        ("RUB", "USD", "EUR"),
        True,
    )


def test_a_top_up_goes_from_the_wish_to_the_balance(shop: Shop, anna: Client) -> None:
    begun = anna.money.start_top_up(5000)
    assert (begun.status, begun.money, begun.provider) == (
        "pending",
        Money(475_000, "RUB"),
        "sandbox",
    )
    assert begun.checkout_url is not None
    assert begun.expires_at is not None
    assert begun.expires_at > begun.created_at
    shop.pay(begun)
    paid = anna.money.top_up(begun.id)
    assert (paid.status, paid.checkout_url) == ("succeeded", None)
    assert anna.me().balance.available == 10_000
    (movement,) = anna.transactions(type="top_up").items
    assert (movement.id, movement.amount) == (paid.transfer_id, 5000)


def test_a_declined_top_up_says_why(shop: Shop, anna: Client) -> None:
    begun = anna.money.start_top_up(1000, provider="sandbox", currency="EUR")
    assert begun.money == Money(1100, "EUR")
    shop.pay(begun, Choice.DECLINE)
    failed = anna.money.top_up(begun.id)
    assert (failed.status, failed.reason) == ("failed", "declined")


def test_an_invoice_can_name_who_pays(anna: Client) -> None:
    buyer = Buyer("ООО «Ромашка»", tax_id="7707083893")
    assert anna.money.start_top_up(1000, buyer=buyer).status == "pending"


def test_top_ups_are_listed_newest_first_and_walked_to_their_end(anna: Client) -> None:
    made = [anna.money.start_top_up(1000 + number).id for number in range(3)]
    page = anna.money.top_ups(limit=2)
    assert [one.id for one in page.items] == made[:0:-1]
    rest = anna.money.top_ups(limit=2, cursor=page.next_cursor)
    assert ([one.id for one in rest.items], rest.next_cursor) == ([made[0]], None)
    assert [one.id for one in anna.money.each_top_up(status="pending")] == made[::-1]
    assert list(anna.money.each_top_up(status="succeeded")) == []


def test_a_paid_top_up_has_a_receipt_and_an_unpaid_one_has_none(shop: Shop, anna: Client) -> None:
    begun = anna.money.start_top_up(5000)
    with pytest.raises(ApiError) as caught:
        anna.money.receipt(begun.id)
    assert refused("top_up_not_paid", caught)
    shop.pay(begun)
    paper = pypdf.PdfReader(io.BytesIO(anna.money.receipt(begun.id)))
    assert "5,000" in paper.pages[0].extract_text()


def test_somebody_elses_top_up_is_not_there(shop: Shop, anna: Client) -> None:
    begun = shop.customer().money.start_top_up(1000)
    with pytest.raises(ApiError) as caught:
        anna.money.top_up(begun.id)
    assert refused("not_found", caught)


class Losing(httpx2.BaseTransport):
    """A line to a test client that loses the answers to the first POSTs after they were given."""

    def __init__(self, http: TestClient, losses: int) -> None:
        """Lose so many."""
        self._inner = http._transport
        self._losses = losses

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass the request on, and lose the answer."""
        answer = self._inner.handle_request(request)
        if request.method == "POST" and self._losses:
            self._losses -= 1
            message = "the answer was lost"
            raise httpx2.ReadTimeout(message, request=request)
        return answer


def lossy(shop: Shop, like: Client, losses: int) -> Client:
    """Return a client of the same user whose line loses answers."""
    patience = Patience(attempts=3, longest_pause_seconds=0)
    line = Losing(shop.http, losses)
    return Client("http://testserver", like.token, patience=patience, transport=line)


def test_a_lost_answer_to_a_top_up_begins_no_second_one(shop: Shop, anna: Client) -> None:
    begun = lossy(shop, anna, 2).money.start_top_up(1000)
    assert [one.id for one in anna.money.each_top_up()] == [begun.id]


def test_an_own_key_holds_across_calls(anna: Client) -> None:
    first = anna.money.start_top_up(1000, idempotency_key="one intention")
    second = anna.money.start_top_up(1000, idempotency_key="one intention")
    assert first == second
    with pytest.raises(ApiError) as caught:
        anna.money.start_top_up(2000, idempotency_key="one intention")
    assert refused("idempotency_conflict", caught)


def voucher(shop: Shop, **changes: Any) -> str:
    """Make a code that gives 500 credits."""
    form = {"name": "spring", "credits": 500, "codes": 1, **changes}
    headers = {"Authorization": f"Bearer {shop.admin().token}"}
    answer = shop.http.post("/v1/admin/voucher-batches", json=form, headers=headers)
    code: str = answer.json()["codes"][0]
    return code


def test_a_voucher_is_redeemed_once_even_when_the_answer_is_lost(shop: Shop, anna: Client) -> None:
    code = voucher(shop)
    redeemed = lossy(shop, anna, 1).money.redeem_voucher(code.lower())
    assert (redeemed.credits, redeemed.balance_after) == (500, 5500)
    assert (redeemed.transfer.type, redeemed.transfer.amount) == ("promotion", 500)
    with pytest.raises(ApiError) as caught:
        anna.money.redeem_voucher(code)
    assert refused("voucher_spent", caught)
    assert anna.me().balance.available == 5500


def test_usage_is_of_the_last_days_or_of_the_days_that_are_asked_for(anna: Client) -> None:
    recent = anna.money.usage()
    assert recent.group_by == "day"
    assert recent.until - recent.since == timedelta(days=30)
    assert (recent.totals, recent.items) == (UsageTotals(0, 0, 0), ())
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    march = anna.money.usage(group_by="model", since=since, until=until)
    assert (march.group_by, march.since, march.until) == ("model", since, until)


def test_a_statement_comes_in_three_forms(shop: Shop) -> None:
    await_whole_day()  # and so in one month
    anna = shop.customer()
    (month,) = anna.money.statements().items
    assert (month.opening_balance, month.closing_balance, month.movements) == (0, 5000, 1)
    assert not month.final
    whole = anna.money.statement(month.month)
    assert [(one.type, one.amount) for one in whole.items] == [("promotion", 5000)]
    assert (whole.begins_at.day, whole.totals[0].amount) == (1, 5000)
    told = json.loads(anna.money.statement_file(month.month, "json"))
    assert told["items"][0]["id"] == whole.items[0].id
    assert "promotion" in anna.money.statement_file(month.month, "csv").decode("utf-8-sig")
    paper = pypdf.PdfReader(io.BytesIO(anna.money.statement_file(month.month, "pdf")))
    assert "5,000" in paper.pages[0].extract_text()


def test_a_statement_that_is_not_there_is_refused_before_anything_is_read(anna: Client) -> None:
    for month, code in (("2026-13", "invalid_input"), ("../me", "not_found")):
        with pytest.raises(ApiError) as caught:
            anna.money.statement_pieces(month, "csv")
        assert refused(code, caught)


def test_a_statement_that_breaks_off_is_no_shorter_statement() -> None:
    class Broken(httpx2.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"first half"
            message = "the line broke"
            raise httpx2.ReadError(message)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Broken())

    client = Client("http://api.test", transport=httpx2.MockTransport(answer))
    with pytest.raises(Unreachable):
        client.money.statement_file("2026-03", "csv")


def test_the_alert_is_set_and_taken_off(anna: Client) -> None:
    assert anna.money.balance_alert() is None
    anna.money.set_balance_alert(100)
    assert anna.money.balance_alert() == 100
    anna.money.set_balance_alert(None)
    assert anna.money.balance_alert() is None


def saved(shop: Shop, who: Client) -> TopUp:
    """Pay a top-up so that the way it was paid is remembered."""
    begun = who.money.start_top_up(1000, save_method=True)
    shop.pay(begun)
    return begun


def test_a_saved_method_is_listed_and_forgotten(shop: Shop, anna: Client) -> None:
    saved(shop, anna)
    (method,) = anna.money.payment_methods()
    assert (method.provider, method.title[:8]) == ("sandbox", "Sandbox ")
    anna.money.remove_payment_method(method.id)
    assert anna.money.payment_methods() == ()
    with pytest.raises(ApiError) as caught:
        anna.money.remove_payment_method(method.id)
    assert refused("not_found", caught)


def test_an_automatic_top_up_is_set_seen_and_ended(shop: Shop, anna: Client) -> None:
    saved(shop, anna)
    (method,) = anna.money.payment_methods()
    made = anna.money.set_automatic_top_up(
        method.id, below=500, credits=5000, currency="RUB", monthly_cap_minor=1_500_000
    )
    assert made == AutomaticTopUp(method.id, 500, 5000, "RUB", 1_500_000)
    assert anna.money.automatic_top_up() == made
    anna.money.remove_automatic_top_up()
    with pytest.raises(ApiError) as caught:
        anna.money.automatic_top_up()
    assert refused("not_found", caught)


def test_an_automatic_top_up_needs_a_method_of_ones_own(shop: Shop, anna: Client) -> None:
    with pytest.raises(ApiError) as caught:
        anna.money.set_automatic_top_up(
            new_id(), below=1, credits=1, currency="RUB", monthly_cap_minor=10**6
        )
    assert refused("not_found", caught)


def test_movements_are_listed_by_several_types(shop: Shop, anna: Client) -> None:
    shop.pay(anna.money.start_top_up(1000))
    kinds = [one.type for one in anna.each_transaction(type=["top_up", "promotion"])]
    assert kinds == ["top_up", "promotion"]
    assert [one.type for one in anna.each_transaction(type="promotion")] == ["promotion"]
