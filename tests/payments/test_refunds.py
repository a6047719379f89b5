"""Refunds: credits and money go back together or not at all, and never what was spent."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import select

from augury.bootstrap import audit_books
from augury.kit.clock import SECOND, now
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.ledger.refusals import IdempotencyConflict
from augury.ledger.tables import holds
from augury.payments import reconcile, refunds, settle, top_ups
from augury.payments.providers.protocol import PaymentState
from augury.payments.refunds import CreditsSpent, NotRefundable
from augury.payments.tables import refunds as rows
from augury.payments.values import Refund, TopUp
from support.payments import ANY_ACTOR, Crash, Till, unavailable


def give_back(
    till: Till, top_up: TopUp, credits_: int | None = None, key: str | None = None
) -> Refund:
    """Ask for a refund as an administrator does."""
    made, _ = refunds.refund(till.desk, top_up.id, credits_, "asked for", actor=ANY_ACTOR, key=key)
    return made


def read(till: Till, top_up: TopUp) -> TopUp:
    """Return a top-up as it is now."""
    with till.db.read() as tx:
        return top_ups.read(tx, top_up.id)


def held(till: Till, user_id: str) -> int:
    """Return what is held of a customer's credits."""
    with till.db.read() as tx:
        return ledger.balances(tx, [user_id])[user_id].held


def test_a_full_refund_takes_all_credits_and_gives_all_money(till: Till) -> None:
    """Everything goes back, and the top-up says so."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    made = give_back(till, top_up)
    assert (made.status, made.credits, made.money.amount_minor) == ("succeeded", 1000, 100_000)
    assert till.available(anna) == held(till, anna) == 0
    assert till.bank.received() == 0
    stored = read(till, top_up)
    assert (stored.status, stored.refunded_credits) == ("refunded", 1000)
    with pytest.raises(NotRefundable):
        give_back(till, top_up)


def test_parts_add_up_to_the_whole_in_money(till: Till) -> None:
    """Rounding loses nothing: many odd parts together give back exactly what was paid."""
    anna = till.customer()
    top_up = till.paid(anna, 5001)  # 4750.95, which no part divides
    for part in (7, 1, 3333, 660, None):
        give_back(till, top_up, part)
    stored = read(till, top_up)
    assert stored.status == "refunded"
    assert stored.refunded == stored.money
    assert till.bank.received() == 0
    assert till.available(anna) == 0


def test_spent_credits_cannot_go_back(till: Till) -> None:
    """Only what is left of the balance can be refunded, and a refusal moves nothing."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.spend(anna, 700)
    with pytest.raises(CreditsSpent) as refusal:
        give_back(till, top_up)
    assert refusal.value.values == {"asked": 1000, "available": 300}
    assert till.bank.received() == 100_000
    assert give_back(till, top_up, 300).status == "succeeded"
    assert till.available(anna) == 0


def test_never_more_than_the_top_up_brought(till: Till) -> None:
    """Gifts and other top-ups in the balance do not make one top-up worth more."""
    anna = till.customer(9000)
    top_up = till.paid(anna, 1000)
    for credits_ in (1001, 0, -1):
        with pytest.raises(InvalidInput):
            give_back(till, top_up, credits_)
    give_back(till, top_up, 999)
    with pytest.raises(InvalidInput):
        give_back(till, top_up, 2)
    assert till.available(anna) == 9001


def test_less_than_a_coin_is_not_refunded(till: Till) -> None:
    """A part that is worth no coin would take credits and give nothing."""
    top_up = till.paid(till.customer(), 1000, currency="USD")
    assert top_up.money.amount_minor == 1200
    give_back(till, top_up, 1)
    with pytest.raises(InvalidInput):
        give_back(till, top_up, 0)
    cheap = till.paid(till.customer(), 2000, currency="KZT")
    assert cheap.money.amount_minor == 20
    with pytest.raises(InvalidInput) as refusal:
        give_back(till, cheap, 99)
    assert refusal.value.faults[0].key == "fault.refund_worth_nothing"
    assert give_back(till, cheap, 100).money.amount_minor == 1


@pytest.mark.parametrize("state", [None, PaymentState.FAILED])
def test_what_was_not_paid_is_not_refunded(till: Till, state: PaymentState | None) -> None:
    """A pending or failed top-up has nothing to give back."""
    top_up = till.begin(till.customer())
    if state is not None:
        settle.settle(till.db, "bank", till.bank.pay(top_up, state))
    with pytest.raises(NotRefundable):
        give_back(till, top_up)


def test_parallel_refunds_never_pass_the_whole(till: Till) -> None:
    """Many administrators at once give back what there is, once."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)

    def ask(_: int) -> str:
        try:
            return give_back(till, top_up, 300).status
        except (NotRefundable, InvalidInput, CreditsSpent):
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(8)))
    assert outcomes.count("succeeded") == 3
    assert till.available(anna) == 100
    assert till.bank.received() == 10_000


def test_refunds_race_with_spending_and_nobody_gets_both(till: Till) -> None:
    """Credits are either spent or given back."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)

    def act(number: int) -> None:
        if number % 2:
            till.spend(anna, 100)
        else:
            with suppress(CreditsSpent, InvalidInput, NotRefundable):
                give_back(till, top_up, 200)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(16)))
    stored = read(till, top_up)
    assert till.bank.received() == 100_000 - stored.refunded.amount_minor
    assert till.available(anna) >= 0


def test_one_key_is_one_refund(till: Till) -> None:
    """The same key and input give the same refund; another input, or top-up, is refused."""
    anna = till.customer()
    top_up, other = till.paid(anna, 1000), till.paid(anna, 1000)
    first = give_back(till, top_up, 100, key="k")
    assert give_back(till, top_up, 100, key="k").id == first.id
    assert till.available(anna) == 1900
    for subject, credits_ in ((top_up, 101), (other, 100)):
        with pytest.raises(IdempotencyConflict):
            give_back(till, subject, credits_, key="k")


def test_a_provider_that_refuses_gives_the_credits_back(till: Till) -> None:
    """No money, no credits taken; and the top-up can be refunded later."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.declines = True
    assert give_back(till, top_up).status == "failed"
    assert (till.available(anna), held(till, anna)) == (1000, 0)
    assert read(till, top_up).refunded_credits == 0
    till.bank.declines = False
    assert give_back(till, top_up).status == "succeeded"


@pytest.mark.parametrize("late", [False, True])
def test_silence_keeps_the_credits_held_until_the_provider_tells(
    till: Till, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether the money went, so the credits can neither be spent nor are they gone."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.trouble, till.bank.late = unavailable(), late
    made = give_back(till, top_up, 400)
    assert made.status == "pending"
    assert (till.available(anna), held(till, anna)) == (600, 400)
    later = now() + 61 * SECOND
    monkeypatch.setattr(reconcile, "now", lambda: later)
    assert reconcile.reconcile_due(till.desk) >= 1
    with till.db.read() as tx:
        assert refunds.read(tx, made.id).status == "succeeded"
    assert (till.available(anna), held(till, anna)) == (600, 0)
    assert till.bank.received() == 60_000


def test_a_crash_while_the_provider_pays_is_healed(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the money went and before we knew: the refund is found and finished."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.trouble, till.bank.late = Crash(), True
    with pytest.raises(Crash):
        give_back(till, top_up)
    assert held(till, anna) == 1000
    later = now() + 61 * SECOND
    monkeypatch.setattr(reconcile, "now", lambda: later)
    reconcile.reconcile_due(till.desk)
    assert read(till, top_up).status == "refunded"
    assert till.bank.received() == till.available(anna) == 0


def test_a_refund_that_takes_days_is_asked_about_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may take its time; the top-up is whole again only when all refunds are decided."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.undecided = True
    give_back(till, top_up, 400)
    till.bank.undecided = False
    give_back(till, top_up, 600)
    assert read(till, top_up).status == "succeeded"
    later = now() + 61 * SECOND
    monkeypatch.setattr(reconcile, "now", lambda: later)
    reconcile.reconcile_due(till.desk)
    assert read(till, top_up).status == "refunded"


def test_one_key_for_two_top_ups_at_one_instant_is_one_refund(till: Till) -> None:
    """Whoever comes second with the key is refused, and its credits are not held."""
    anna = till.customer()
    subjects = [till.paid(anna, 1000), till.paid(anna, 1000)]

    def ask(number: int) -> bool:
        try:
            give_back(till, subjects[number % 2], 100, key="k")
        except IdempotencyConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(8)))
    assert 0 < outcomes.count(True) <= 4
    assert (till.available(anna), held(till, anna)) == (1900, 0)


def test_the_hold_outlives_any_provider(till: Till) -> None:
    """Nothing but the provider's answer frees the credits within a year."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.undecided = True
    made = give_back(till, top_up)
    with till.db.read() as tx:
        expires_at = tx.execute(select(holds.c.expires_at).where(holds.c.id == made.hold_id))
        assert expires_at.scalar_one() > now() + 365 * 24 * 3600 * SECOND


def test_a_refund_whose_hold_is_over_still_takes_the_credits(till: Till) -> None:
    """The money went back; as long as the credits are there they follow it."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.undecided = True
    made = give_back(till, top_up, 400)
    release = Instruction(
        new_id(), TransferType.RELEASE, anna, 0, reference="over", hold_id=made.hold_id
    )
    with till.db.write() as tx:
        ledger.post(tx, [release])
    till.bank.undecided = False
    refunds.carry_out(till.desk, made.id)
    assert till.available(anna) == 600
    assert till.bank.received() == 60_000


def test_a_hold_that_is_gone_takes_no_credits_silently(till: Till) -> None:
    """If a refund's hold was ever resolved by somebody else, settling it stops with an error."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.undecided = True
    made = give_back(till, top_up, 400)
    release = Instruction(
        new_id(), TransferType.RELEASE, anna, 0, reference="gone", hold_id=made.hold_id
    )
    with till.db.write() as tx:
        ledger.post(tx, [release])
    till.spend(anna, 1000)
    with pytest.raises(AssertionError, match="cannot take what it held"):
        refunds.settle_refund(till.db, made, PaymentState.SUCCEEDED)
    assert till.available(anna) == 0
    with till.db.read() as tx:
        assert refunds.read(tx, made.id).status == "pending"


def test_a_refund_that_nobody_decides_is_a_finding(till: Till) -> None:
    """After a month the audit names it."""
    top_up = till.paid(till.customer(), 1000)
    till.bank.undecided = True
    made = give_back(till, top_up)
    later = now() + 32 * 24 * 3600 * SECOND
    with till.db.read() as tx:
        found = [(one.kind, one.subject) for one in audit_books(tx, later).findings]
    assert ("refund_overdue", made.id) in found


def test_a_refund_is_settled_once(till: Till) -> None:
    """Whoever comes second with the provider's answer changes nothing, whatever it says."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    made = give_back(till, top_up, 400)
    for state in (PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.PENDING):
        refunds.settle_refund(till.db, made, state)
    assert till.available(anna) == 600
    assert read(till, top_up).refunded_credits == 400


def test_refunds_of_a_top_up_are_listed(till: Till) -> None:
    """An administrator sees what went back, newest first."""
    top_up = till.paid(till.customer(), 1000)
    made = [give_back(till, top_up, 100) for _ in range(3)]
    listed = refunds.list_refunds(till.db, top_up.id)
    assert [one.id for one in listed] == [one.id for one in reversed(made)]


def test_a_refund_that_is_not_there_is_not_found(till: Till) -> None:
    """Neither a refund nor a top-up is made up."""
    with till.db.read() as tx, pytest.raises(NotFound):
        refunds.read(tx, new_id())
    with pytest.raises(NotFound):
        refunds.refund(till.desk, new_id(), 1, "why", actor=ANY_ACTOR, key=None)


def test_a_provider_that_is_off_leaves_refunds_for_later(till: Till) -> None:
    """A refund waits until its provider is switched on again."""
    anna = till.customer()
    top_up = till.paid(anna, 1000)
    till.bank.trouble = unavailable()
    made = give_back(till, top_up)
    desk = replace(till.desk, providers={})
    refunds.carry_out(desk, made.id)
    with till.db.read() as tx:
        assert tx.execute(select(rows.c.status)).scalar_one() == "pending"
    refunds.carry_out(till.desk, made.id)
    assert read(till, top_up).status == "refunded"
