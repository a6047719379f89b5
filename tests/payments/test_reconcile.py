"""Reconciliation: what a provider has not told, or we have not kept, is asked for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from augury.audit_log.service import events
from augury.bootstrap import audit_books
from augury.kit.clock import SECOND, now
from augury.payments import reconcile, settle, top_ups
from augury.payments.providers.protocol import PaymentState, ProviderUnavailable
from augury.payments.reconcile import reconcile_due
from augury.payments.tables import top_ups as rows
from augury.payments.top_ups import Wish, start_top_up
from augury.payments.values import TopUp
from support.payments import ANY_ACTOR, BUYER, Crash, ScriptedBank, Till, unavailable


class Clock:
    """A clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take over the clock of the reconciliation."""
        self._real = now
        self._ahead = 0
        monkeypatch.setattr(reconcile, "now", lambda: self._real() + self._ahead)

    def forward(self, seconds: int) -> None:
        """Let time pass."""
        self._ahead += seconds * SECOND


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    return Clock(monkeypatch)


def read(till: Till, top_up: TopUp) -> TopUp:
    """Return a top-up as it is now."""
    with till.db.read() as tx:
        return top_ups.read(tx, top_up.id)


def test_a_lost_notification_is_made_up_for(till: Till, clock: Clock) -> None:
    """A payment whose notification never came is credited when the provider is asked."""
    anna = till.customer()
    top_up = till.begin(anna)
    till.bank.pay(top_up)
    assert reconcile_due(till.desk) == 0, "nothing is due yet"
    clock.forward(61)
    assert reconcile_due(till.desk) == 1
    assert (till.available(anna), read(till, top_up).status) == (1000, "succeeded")
    clock.forward(7 * 24 * 3600)
    assert reconcile_due(till.desk) == 0, "what is decided is not asked about"


def test_a_process_that_dies_before_its_commit_loses_nothing(
    till: Till, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider said "paid", we died before it was stored; the next question credits it."""
    anna = till.customer()
    top_up = till.begin(anna)
    event = till.bank.pay(top_up)

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as dying:
        dying.setattr(settle, "tell", die)
        with pytest.raises(Crash):
            settle.settle(till.db, "bank", event)
    assert (till.available(anna), read(till, top_up).status) == (0, "pending")
    clock.forward(61)
    reconcile_due(till.desk)
    assert settle.settle(till.db, "bank", event) == settle.ALREADY
    assert till.available(anna) == 1000


def test_a_declined_payment_is_found_out(till: Till, clock: Clock) -> None:
    """A failure that was never told fails the top-up."""
    top_up = till.begin(till.customer())
    till.bank.pay(top_up, PaymentState.FAILED)
    clock.forward(61)
    reconcile_due(till.desk)
    assert read(till, top_up).status == "failed"


def test_an_unpaid_top_up_expires_after_the_provider_was_asked(till: Till, clock: Clock) -> None:
    """Its time passes, the provider knows of no payment, and it expires."""
    top_up = till.begin(till.customer())
    clock.forward(61)
    reconcile_due(till.desk)
    assert read(till, top_up).status == "pending"
    clock.forward(top_ups.PATIENCE_SECONDS)
    reconcile_due(till.desk)
    assert read(till, top_up).status == "expired"


def test_a_provider_that_is_silent_lets_nothing_expire(till: Till, clock: Clock) -> None:
    """Nobody knows whether it was paid, so it stays pending until the provider answers."""
    anna = till.customer()
    top_up = till.begin(anna)
    till.bank.pay(top_up)
    till.bank.trouble = unavailable()
    clock.forward(top_ups.PATIENCE_SECONDS + 61)
    reconcile_due(till.desk)
    assert read(till, top_up).status == "pending"
    clock.forward(reconcile._LONGEST_PAUSE_SECONDS)
    reconcile_due(till.desk)
    assert (till.available(anna), read(till, top_up).status) == (1000, "succeeded")


def test_money_that_comes_after_the_top_up_expired_is_found(till: Till, clock: Clock) -> None:
    """For a week an expired top-up is still asked about; then it rests."""
    anna = till.customer()
    top_up, never = till.begin(anna), till.begin(anna)
    clock.forward(top_ups.PATIENCE_SECONDS + 61)
    reconcile_due(till.desk)
    till.bank.pay(top_up)
    clock.forward(reconcile._LONGEST_PAUSE_SECONDS)
    reconcile_due(till.desk)
    assert (till.available(anna), read(till, top_up).status) == (1000, "succeeded")
    clock.forward(reconcile._LATE_SECONDS)
    assert reconcile_due(till.desk) == 1
    assert read(till, never).status == "expired"
    clock.forward(10 * reconcile._LATE_SECONDS)
    assert reconcile_due(till.desk) == 0


def test_a_checkout_that_nobody_got_expires(till: Till, clock: Clock) -> None:
    """The provider was silent at the start and nobody asked again: there is nothing to pay."""
    till.bank.trouble = unavailable()
    anna = till.customer()
    with pytest.raises(ProviderUnavailable):
        till.begin(anna)
    clock.forward(top_ups.PATIENCE_SECONDS + 61)
    reconcile_due(till.desk)
    (top_up,) = top_ups.list_top_ups(till.db, user_id=anna, limit=10)
    assert top_up.status == "expired"


def test_questions_come_less_and_less_often(till: Till, clock: Clock) -> None:
    """After an hour of silence there have been six questions and not sixty."""
    till.begin(till.customer())
    asked = 0
    for _ in range(60):
        clock.forward(60)
        asked += reconcile_due(till.desk)
    assert asked == 6


def test_one_payments_trouble_stops_no_other(till: Till, clock: Clock) -> None:
    """A payment that cannot be asked about, or differs, leaves the others to be settled."""
    customers = [till.customer() for _ in range(3)]
    first, second, third = (till.begin(one) for one in customers)
    till.bank.trouble = RuntimeError("a bug in the provider's library")
    event = till.bank.pay(second)
    wrong = replace(event.payment, money=replace(event.payment.money, amount_minor=1))
    till.bank.payments[event.payment.reference] = wrong
    till.bank.pay(first)
    till.bank.pay(third)
    clock.forward(61)
    assert reconcile_due(till.desk) == 3
    assert [till.available(one) for one in customers] == [0, 0, 1000]
    clock.forward(3600)
    reconcile_due(till.desk)
    assert [till.available(one) for one in customers] == [1000, 0, 1000]


def test_a_silent_provider_is_waited_for_once_in_a_round(till: Till, clock: Clock) -> None:
    """Twenty of its payments cost one wait, and nobody else's are held up by them."""
    other = ScriptedBank()
    anna = till.customer()
    for _ in range(20):
        till.begin(anna)
    desk = replace(till.desk, providers={"bank": till.bank, "other": other})
    wish = Wish(anna, 1000, BUYER, "en", provider="other")
    top_up, _ = start_top_up(desk, wish)
    other.payments[f"pay-{top_up.id}"] = replace(
        other.payments[f"pay-{top_up.id}"], state=PaymentState.SUCCEEDED
    )
    till.bank.always = unavailable()
    till.bank.asked = 0
    clock.forward(61)
    reconcile_due(desk)
    assert till.bank.asked == 1
    assert till.available(anna) == 1000
    till.bank.always = None


def test_what_differed_once_is_settled_when_it_is_right(till: Till, clock: Clock) -> None:
    """A provider that told something wrong once is believed when it tells what is right."""
    anna = till.customer()
    top_up = till.begin(anna)
    event = till.bank.pay(top_up)
    right = till.bank.payments[event.payment.reference]
    till.bank.payments[right.reference] = replace(right, money=replace(right.money, amount_minor=1))
    clock.forward(61)
    reconcile_due(till.desk)
    assert till.available(anna) == 0
    assert read(till, top_up).attention == "payment_differs"
    till.bank.payments[right.reference] = right
    clock.forward(3600)
    reconcile_due(till.desk)
    assert till.available(anna) == 1000
    assert read(till, top_up).attention is None


def test_what_is_due_is_asked_by_one_process_only(till: Till, clock: Clock) -> None:
    """The second process of the same moment finds nothing due."""
    till.begin(till.customer())
    clock.forward(61)
    subjects = select(rows.c.id, rows.c.provider)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _: reconcile._claim(till.desk, rows, subjects), range(8)))
    assert sorted(map(len, claimed)) == [0] * 7 + [1]


def test_a_provider_that_is_off_is_not_asked(till: Till, clock: Clock) -> None:
    """Its top-ups wait until it is back."""
    anna = till.customer()
    top_up = till.begin(anna)
    till.bank.pay(top_up)
    clock.forward(top_ups.PATIENCE_SECONDS + 61)
    reconcile_due(replace(till.desk, providers={}))
    assert read(till, top_up).status == "pending"
    clock.forward(3600)
    reconcile_due(till.desk)
    assert till.available(anna) == 1000


def test_an_administrator_can_ask_at_once(till: Till) -> None:
    """Without waiting for its time."""
    anna = till.customer()
    top_up = till.begin(anna)
    till.bank.pay(top_up)
    reconcile.check_top_up(till.desk, top_up.id)
    assert till.available(anna) == 1000


@pytest.mark.parametrize("end", ["succeeded", "failed", "expired"])
def test_what_an_administrators_question_changes_is_in_the_audit_log(
    till: Till, clock: Clock, end: str
) -> None:
    """Once, with what came of it; a question that changes nothing is not, nor are the duties'."""
    asked, left = (till.begin(till.customer()) for _ in range(2))
    reconcile.check_top_up(till.desk, asked.id, ANY_ACTOR)
    if end == "expired":
        clock.forward(top_ups.PATIENCE_SECONDS + 61)
    else:
        for top_up in (asked, left):
            till.bank.pay(top_up, PaymentState(end))
    for _ in range(2):
        reconcile.check_top_up(till.desk, asked.id, ANY_ACTOR)
    clock.forward(61)
    reconcile_due(till.desk)
    assert [read(till, top_up).status for top_up in (asked, left)] == [end] * 2
    with till.db.read() as tx:
        event, *others = events(tx, limit=10)
    assert {one.action for one in others} == {"user.registered"}
    assert (event.actor_id, event.action) == (ANY_ACTOR.user_id, "top_up.checked")
    assert (event.subject, event.details) == (f"top_up:{asked.id}", {"from": "pending", "to": end})


def test_the_books_name_what_does_not_match(till: Till) -> None:
    """A paid top-up without credits, credits without one, and a wrong sum of refunds are found."""
    anna = till.customer()
    top_up = till.paid(anna)
    with till.db.read() as tx:
        assert len(tx.execute(select(rows).where(rows.c.transfer_id.is_not(None))).all()) == 1

    def kinds(change: str, back: str) -> set[str]:
        with till.db.write() as tx:
            tx.execute(text(change), {"id": top_up.id})
        with till.db.read() as tx:
            found = {finding.kind for finding in audit_books(tx).findings}
        with till.db.write() as tx:
            tx.execute(text(back), {"id": top_up.id})
        return found

    stored = read(till, top_up).transfer_id
    assert kinds(
        "UPDATE top_ups SET status = 'pending', transfer_id = NULL WHERE id = :id",
        f"UPDATE top_ups SET status = 'succeeded', transfer_id = '{stored}' WHERE id = :id",
    ) == {"top_up_without_payment"}
    assert kinds(
        "UPDATE top_ups SET credits = 999 WHERE id = :id",
        "UPDATE top_ups SET credits = 1000 WHERE id = :id",
    ) == {"top_up_differs"}
    assert kinds(
        "UPDATE top_ups SET refunded_credits = 5 WHERE id = :id",
        "UPDATE top_ups SET refunded_credits = 0 WHERE id = :id",
    ) == {"refunded_wrong"}
    assert kinds(
        "UPDATE top_ups SET transfer_id = '01900000-0000-7000-8000-000000000000' WHERE id = :id",
        f"UPDATE top_ups SET transfer_id = '{stored}' WHERE id = :id",
    ) == {"top_up_without_payment", "top_up_without_transfer"}
