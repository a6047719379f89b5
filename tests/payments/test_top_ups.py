"""Top-ups begin once for each intention, cost what the packs say, and survive silence."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from augury.kit.clock import SECOND, now
from augury.kit.errors import InvalidInput, NotFound
from augury.ledger.refusals import IdempotencyConflict
from augury.payments import top_ups
from augury.payments.desk import Desk, ProviderUnknown
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import ProviderRefused, ProviderUnavailable
from augury.payments.settle import settle
from augury.payments.tables import top_ups as rows
from augury.payments.top_ups import TooManyPending, Wish, start_top_up
from augury.payments.values import MOST_CREDITS
from support.payments import BUYER, PACKS, ScriptedBank, Till, unavailable


@pytest.mark.parametrize(
    ("credits_", "minor"),
    [
        (1000, 100_000),
        (1, 100),
        (1500, 150_000),
        (5000, 475_000),
        (5001, 475_095),
        (10_000, 950_000),
    ],
)
def test_credits_cost_what_the_largest_fitting_pack_says(credits_: int, minor: int) -> None:
    """A pack costs its price to the kopeck, anything else the price of its credits rounded up."""
    assert PriceList(PACKS).price(credits_, "RUB").amount_minor == minor


def test_packs_say_what_they_save() -> None:
    """The discount of a pack is against the smallest one, and never flatters."""
    packs = PriceList({"RUB": {1000: 1000, 3000: 2801}}).list_packs("RUB")
    assert [(pack.credits, pack.discount) for pack in packs] == [(1000, 0), (3000, 6)]


def test_a_top_up_waits_for_its_payment(till: Till) -> None:
    """A new top-up is pending, with an address to pay at, and gives no credits yet."""
    anna = till.customer()
    top_up = till.begin(anna)
    assert (top_up.status, top_up.credits, top_up.money.amount_minor) == ("pending", 1000, 100_000)
    assert top_up.checkout_url == f"https://bank.example/pay-{top_up.id}"
    assert till.available(anna) == 0


def test_one_key_is_one_top_up(till: Till) -> None:
    """The same key and wish give the same top-up again, at once or later."""
    anna = till.customer()
    wish = Wish(anna, 1000, BUYER, "en", key="k")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: start_top_up(till.desk, wish), range(8)))
    assert len({top_up.id for top_up, _ in made}) == 1
    assert sorted(replayed for _, replayed in made) == [False] + [True] * 7
    assert len(till.bank.payments) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"credits_": 1001},
        {"provider": "bank"},
        {"currency": "RUB"},
        {"save_method": True},
        {"buyer": replace(BUYER, name="Somebody else")},
    ],
)
def test_one_key_with_another_wish_is_refused(till: Till, other: dict[str, Any]) -> None:
    """A key that was used for anything else starts nothing."""
    anna, boris = till.customer(), till.customer()
    till.begin(anna, 1000, key="k")
    with pytest.raises(IdempotencyConflict):
        till.begin(anna, key="k", **other)
    till.begin(boris, 1001, key="k")  # somebody else's key is another key
    assert len(till.bank.payments) == 2


def test_a_key_goes_on_at_the_provider_that_it_began_with(till: Till) -> None:
    """The operator may change the usual provider between two attempts."""
    anna = till.customer()
    till.bank.trouble, till.bank.late = unavailable(), True
    with pytest.raises(ProviderUnavailable):
        till.begin(anna, key="k")
    other = ScriptedBank()
    desk = replace(till.desk, providers={"other": other, "bank": till.bank})
    top_up, replayed = start_top_up(desk, Wish(anna, 1000, BUYER, "en", key="k"))
    assert replayed
    assert (top_up.provider, other.payments) == ("bank", {})
    settle(till.db, "bank", till.bank.pay(top_up))
    assert till.available(anna) == 1000


def test_a_refused_key_can_begin_anew(till: Till) -> None:
    """A refusal leaves no key behind."""
    anna = till.customer()
    till.bank.trouble = ProviderRefused(reason="amount_too_small")
    with pytest.raises(ProviderRefused):
        till.begin(anna, key="k")
    assert till.begin(anna, key="k").status == "pending"


def test_a_slow_provider_takes_a_part_of_the_places_only(till: Till) -> None:
    """Who finds them all taken is told to come again, and its key goes on then."""
    desk = till.desk
    with ExitStack() as asking:
        for _ in range(12):
            asking.enter_context(desk.asking("bank"))
        with pytest.raises(ProviderUnavailable):
            start_top_up(desk, Wish(till.customer(), 10, BUYER, "en"))
        assert till.bank.payments == {}
    anna = till.customer()
    assert start_top_up(desk, Wish(anna, 10, BUYER, "en"))[0].checkout_url is not None


@pytest.mark.parametrize("late", [False, True])
def test_a_silent_provider_leaves_a_top_up_that_the_same_key_goes_on_with(
    till: Till, late: bool
) -> None:
    """Whether or not the provider heard of it, repeating with the same key makes one payment."""
    anna = till.customer()
    till.bank.trouble, till.bank.late = unavailable(), late
    with pytest.raises(ProviderUnavailable):
        till.begin(anna, key="k")
    with till.db.read() as tx:
        assert [row.status for row in tx.execute(select(rows))] == ["pending"]
    top_up = till.begin(anna, key="k")
    assert top_up.checkout_url is not None
    assert len(till.bank.payments) == 1


def test_a_provider_that_refuses_fails_the_top_up(till: Till) -> None:
    """What the provider will never take is failed, with its reason."""
    anna = till.customer()
    till.bank.trouble = ProviderRefused(reason="amount_too_small")
    with pytest.raises(ProviderRefused):
        till.begin(anna)
    (top_up,) = top_ups.list_top_ups(till.db, user_id=anna, limit=10)
    assert (top_up.status, top_up.reason) == ("failed", "amount_too_small")


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"provider": "nobody"}, ProviderUnknown),
        ({"currency": "GBP"}, InvalidInput),
        ({"currency": "EUR"}, InvalidInput),
        ({"credits_": 0}, InvalidInput),
        ({"credits_": MOST_CREDITS + 1}, InvalidInput),
    ],
)
def test_a_wish_that_cannot_be_granted_stores_nothing(
    till: Till, more: dict[str, object], refusal: type[Exception]
) -> None:
    """An unknown provider, currency or number of credits is refused before anything is stored."""
    anna = till.customer()
    with pytest.raises(refusal):
        till.begin(anna, **more)  # type: ignore[arg-type] # wrong ones are the point
    assert top_ups.list_top_ups(till.db, user_id=anna, limit=10) == []


def test_a_currency_that_nobody_takes_is_refused(till: Till) -> None:
    """A currency with prices that the provider does not take is named as such."""
    desk = Desk(till.db, till.desk.providers, PriceList({"EUR": {10: 10}, **PACKS}), "http://x", 60)
    with pytest.raises(InvalidInput):
        start_top_up(desk, Wish(till.customer(), 10, BUYER, "en", currency="EUR"))
    top_up, _ = start_top_up(desk, Wish(till.customer(), 10, BUYER, "en"))
    assert top_up.money.currency == "RUB"


def test_a_shop_without_providers_says_so(till: Till) -> None:
    """With every provider off there is nothing to pay with."""
    desk = Desk(till.db, {}, PriceList(PACKS), "http://x", 60)
    with pytest.raises(ProviderRefused):
        start_top_up(desk, Wish(till.customer(), 10, BUYER, "en"))


def test_unpaid_top_ups_are_limited(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody collects unpaid top-ups without end; expired ones do not count."""
    monkeypatch.setattr(top_ups, "_MOST_PENDING", 2)
    anna = till.customer()
    first, _ = till.begin(anna, key="k"), till.begin(anna)
    with pytest.raises(TooManyPending):
        till.begin(anna)
    assert till.begin(anna, key="k").id == first.id, "a repetition is nothing new"
    later = now() + (top_ups.PATIENCE_SECONDS + 1) * SECOND
    monkeypatch.setattr(top_ups, "now", lambda: later)
    till.begin(anna)


def test_top_ups_are_listed_newest_first(till: Till) -> None:
    """A customer sees its own, page by page and by status."""
    anna, boris = till.customer(), till.customer()
    mine = [till.begin(anna) for _ in range(3)]
    till.begin(boris)
    ids = [top_up.id for top_up in reversed(mine)]
    assert [one.id for one in top_ups.list_top_ups(till.db, user_id=anna, limit=10)] == ids
    second = top_ups.list_top_ups(till.db, user_id=anna, limit=1, before=ids[0])
    assert [one.id for one in second] == ids[1:2]
    assert top_ups.list_top_ups(till.db, user_id=anna, limit=10, status="succeeded") == []
    assert len(top_ups.list_top_ups(till.db, limit=10)) == 4


def test_a_top_up_that_is_not_there_is_not_found(till: Till) -> None:
    """An unknown id is a refusal."""
    with till.db.read() as tx, pytest.raises(NotFound):
        top_ups.read(tx, "01900000-0000-7000-8000-000000000000")
