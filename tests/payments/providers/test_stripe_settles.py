"""From the customer's payment at Stripe to credits in the ledger, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from augury.kit.clock import SECOND, now
from augury.payments import reconcile, refunds, settle, top_ups
from augury.payments.desk import Desk
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import NotificationRefused, ProviderUnavailable
from augury.payments.settle import receive
from augury.payments.values import TopUp
from payments.providers.stripe_bank import StripeBank, open_bank
from payments.providers.stripe_server import event, sent
from support.payments import ANY_ACTOR, BUYER, PACKS, Till


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeBank]:
    with open_bank(monkeypatch) as opened:
        yield opened


def desk(till: Till, bank: StripeBank) -> Desk:
    prices = PriceList(PACKS)
    return Desk(till.db, {"stripe": bank.provider}, prices, "https://augury.example", 60)


def wish(user_id: str) -> top_ups.Wish:
    return top_ups.Wish(user_id, 1000, BUYER, "en", currency="USD", key="once")


def begin(till: Till, bank: StripeBank, user_id: str) -> TopUp:
    return top_ups.start_top_up(desk(till, bank), wish(user_id))[0]


def stored(till: Till, top_up: TopUp) -> TopUp:
    with till.db.read() as tx:
        return top_ups.read(tx, top_up.id)


def test_a_payment_is_credited_once_however_it_is_told(till: Till, bank: StripeBank) -> None:
    """Told four times at one instant, then late, in the wrong order and by other events."""
    anna = till.customer()
    top_up = begin(till, bank, anna)
    by_intent, by_session = bank.pay(top_up.reference or "")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: receive(desk(till, bank), "stripe", one), [by_session] * 4))
    session = bank.server.things[top_up.reference or ""]
    unpaid = {**session, "payment_status": "unpaid"}
    expired = {**unpaid, "status": "expired"}
    for late in (
        by_session,
        by_intent,
        sent(event("checkout.session.completed", session)),
        sent(event("checkout.session.completed", unpaid)),
        sent(event("checkout.session.expired", expired)),
    ):
        receive(desk(till, bank), "stripe", late)
    assert till.available(anna) == 1000
    assert stored(till, top_up).status == "succeeded"


@pytest.mark.parametrize("changes", [{"amount_total": 1}, {"currency": "eur"}, {"id": "cs_other"}])
def test_a_payment_of_something_else_is_not_credited(
    till: Till, bank: StripeBank, changes: dict[str, object]
) -> None:
    """The signature is genuine, and amount, currency or session are not those of the top-up."""
    anna = till.customer()
    top_up = begin(till, bank, anna)
    (*_, told) = bank.server.pay(top_up.reference or "")
    told["data"]["object"].update(changes)
    with pytest.raises(NotificationRefused):
        receive(desk(till, bank), "stripe", sent(told))
    assert till.available(anna) == 0
    assert stored(till, top_up).attention == settle.DIFFERS


def test_a_start_whose_answer_was_lost_is_gone_on_with_by_the_same_key(
    till: Till, bank: StripeBank
) -> None:
    anna = till.customer()
    bank.server.faults = ["cut"]
    with pytest.raises(ProviderUnavailable):
        begin(till, bank, anna)
    top_up = begin(till, bank, anna)
    (session,) = bank.all("checkout.session")
    assert (top_up.reference, top_up.checkout_url) == (session["id"], session["url"])
    assert top_up.expires_at == session["expires_at"] * SECOND


def test_a_payment_whose_start_was_never_answered_is_credited_by_its_notification(
    till: Till, bank: StripeBank
) -> None:
    """Nobody knows the page's address; the books must balance even if somebody did."""
    anna = till.customer()
    bank.server.faults = ["cut"]
    with pytest.raises(ProviderUnavailable):
        begin(till, bank, anna)
    (session,) = bank.all("checkout.session")
    receive(desk(till, bank), "stripe", bank.pay(session["id"])[-1])
    assert till.available(anna) == 1000


def test_a_payment_that_was_never_told_of_is_found_and_credited(
    till: Till, bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    told = bank.pay(top_up.reference or "")
    monkeypatch.setattr(reconcile, "now", lambda: now() + 120 * SECOND)
    reconcile.reconcile_due(desk(till, bank))
    assert till.available(anna) == 1000
    for one in told:
        receive(desk(till, bank), "stripe", one)
    assert till.available(anna) == 1000


def test_a_refund_takes_credits_and_money_together(till: Till, bank: StripeBank) -> None:
    anna = till.customer()
    top_up = begin(till, bank, anna)
    receive(desk(till, bank), "stripe", bank.pay(top_up.reference or "")[-1])
    bank.server.refund_status = "pending"
    refund, _ = refunds.refund(
        desk(till, bank), top_up.id, 400, "Mistake", actor=ANY_ACTOR, key=None
    )
    assert (refund.status, till.available(anna)) == ("pending", 600)
    (made,) = bank.all("refund")
    made["status"] = "succeeded"
    refunds.carry_out(desk(till, bank), refund.id)
    with till.db.read() as tx:
        refund = refunds.read(tx, refund.id)
    assert (refund.status, till.available(anna)) == ("succeeded", 600)
    assert bank.refunded_minor(top_up.reference or "") == refund.money.amount_minor
