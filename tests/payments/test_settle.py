"""Whatever a provider sends, and however often, credits follow the money exactly once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from augury.kit.credits import MAX_CREDITS
from augury.kit.errors import NotFound
from augury.ledger.refusals import BalanceTooLarge
from augury.notices.tables import deliveries
from augury.payments import methods, top_ups
from augury.payments import settle as settling
from augury.payments.desk import Desk
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import (
    Event,
    Money,
    Notification,
    NotificationRefused,
    PaymentState,
)
from augury.payments.settle import receive, settle
from augury.payments.tables import notifications
from augury.payments.values import TopUp
from support.payments import PACKS, ScriptedBank, Till

SUCCEEDED, FAILED, PENDING = PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.PENDING


def status(till: Till, top_up: TopUp) -> str:
    """Return what has become of a top-up."""
    with till.db.read() as tx:
        return top_ups.read(tx, top_up.id).status


def test_a_payment_gives_its_credits(till: Till) -> None:
    """The verified success of a payment credits what was bought, and names the transfer."""
    anna = till.customer()
    top_up = till.begin(anna, 1000)
    assert settle(till.db, "bank", till.bank.pay(top_up)) == settling.SETTLED
    assert till.available(anna) == 1000
    with till.db.read() as tx:
        stored = top_ups.read(tx, top_up.id)
    assert stored.status == "succeeded"
    assert stored.transfer_id is not None
    assert stored.completed_at is not None


def test_a_notification_that_comes_again_changes_nothing(till: Till) -> None:
    """Duplicates, under the same event id or another, credit nothing more."""
    anna = till.customer()
    event = till.bank.pay(till.begin(anna))
    assert settle(till.db, "bank", event) == settling.SETTLED
    assert settle(till.db, "bank", event) == settling.SETTLED
    assert settle(till.db, "bank", replace(event, id="another")) == settling.ALREADY
    assert till.available(anna) == 1000


@pytest.mark.parametrize("same_id", [True, False])
def test_notifications_at_one_instant_credit_once(till: Till, same_id: bool) -> None:
    """Many threads with one event, or with as many events of one payment: one credit."""
    anna = till.customer()
    event = till.bank.pay(till.begin(anna))
    barrier = threading.Barrier(8)

    def tell(number: int) -> str:
        barrier.wait()
        told = event if same_id else replace(event, id=f"{number}-{event.id}")
        return settle(till.db, "bank", told)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(tell, range(8)))
    assert settling.SETTLED in outcomes
    assert till.available(anna) == 1000


@pytest.mark.parametrize(
    ("order", "credited", "ends"),
    [
        ([SUCCEEDED, FAILED], 1000, "succeeded"),
        ([FAILED, SUCCEEDED], 1000, "succeeded"),
        ([SUCCEEDED, PENDING], 1000, "succeeded"),
        ([PENDING, SUCCEEDED, FAILED, PENDING], 1000, "succeeded"),
        ([FAILED, FAILED], 0, "failed"),
        ([FAILED, PENDING], 0, "failed"),
        ([PENDING], 0, "pending"),
    ],
)
def test_the_order_of_notifications_does_not_matter(
    till: Till, order: list[PaymentState], credited: int, ends: str
) -> None:
    """Money that came is credited, whatever was told before or is told after."""
    anna = till.customer()
    top_up = till.begin(anna)
    for state in order:
        settle(till.db, "bank", till.bank.pay(top_up, state))
    assert till.available(anna) == credited
    assert status(till, top_up) == ends


def test_late_money_is_credited_after_the_top_up_has_expired(till: Till) -> None:
    """A notification that is delayed beyond the top-up's time still brings the credits."""
    anna = till.customer()
    top_up = till.begin(anna)
    with till.db.write() as tx:
        tx.execute(text("UPDATE top_ups SET status = 'expired' WHERE id = :id"), {"id": top_up.id})
    assert settle(till.db, "bank", till.bank.pay(top_up)) == settling.SETTLED
    assert till.available(anna) == 1000


@pytest.mark.parametrize(
    "change",
    [
        {"money": Money(99_999, "RUB")},
        {"money": Money(100_001, "RUB")},
        {"money": Money(100_000, "USD")},
        {"reference": "another payment"},
    ],
    ids=["less money", "more money", "another currency", "another payment"],
)
def test_a_payment_that_differs_credits_nothing_and_is_shown(
    till: Till, change: dict[str, Any]
) -> None:
    """Another amount, currency or payment than was asked for is refused, each time it comes."""
    anna = till.customer()
    top_up = till.begin(anna)
    event = till.bank.pay(top_up)
    wrong = replace(event, id="wrong", payment=replace(event.payment, **change))
    for _ in range(2):
        with pytest.raises(NotificationRefused):
            settle(till.db, "bank", wrong)
    assert till.available(anna) == 0
    (shown,) = top_ups.list_top_ups(till.db, limit=10, attention=True)
    assert (shown.id, shown.attention, shown.status) == (top_up.id, "payment_differs", "pending")
    settle(till.db, "bank", event)  # the right one still counts
    assert till.available(anna) == 1000


def test_another_provider_cannot_settle(till: Till) -> None:
    """A genuine notification of one provider says nothing about another one's top-up."""
    anna = till.customer()
    event = till.bank.pay(till.begin(anna))
    with pytest.raises(NotificationRefused):
        settle(till.db, "other", event)
    assert till.available(anna) == 0


@pytest.mark.parametrize(
    "top_up_id", ["01900000-0000-7000-8000-000000000000", "", "1; DROP TABLE top_ups", "é" * 40]
)
def test_a_payment_of_nobodys_top_up_is_refused_and_not_remembered(
    till: Till, top_up_id: str
) -> None:
    """It may be meant for another house at the same provider, or come before our own row."""
    event = till.bank.pay(till.begin(till.customer()))
    stranger = replace(event, id="strange", payment=replace(event.payment, top_up_id=top_up_id))
    with pytest.raises(NotificationRefused):
        settle(till.db, "bank", stranger)
    with till.db.read() as tx:
        assert tx.execute(select(notifications)).all() == []


@pytest.mark.parametrize("is_answered", [True, False])
def test_one_payment_cannot_pay_two_top_ups(till: Till, is_answered: bool) -> None:
    """A payment names the top-up it was started for; that of another one is not settled by it.

    Nor is one whose own payment nobody knows, since the provider has not answered about it.
    """
    anna = till.customer()
    first, second = till.begin(anna), till.begin(anna)
    if not is_answered:
        with till.db.write() as tx:
            forget = text("UPDATE top_ups SET reference = NULL WHERE id = :id")
            tx.execute(forget, {"id": second.id})
    event = till.bank.pay(first)
    moved = replace(event, payment=replace(event.payment, top_up_id=second.id))
    with pytest.raises(NotificationRefused):
        settle(till.db, "bank", moved)
    settle(till.db, "bank", replace(event, id="right"))
    assert till.available(anna) == 1000
    assert status(till, second) == "pending"
    (shown,) = top_ups.list_top_ups(till.db, limit=10, attention=True)
    assert (shown.id, shown.attention) == (second.id, "payment_differs")


def test_what_cannot_be_credited_is_told_and_kept(till: Till) -> None:
    """A balance that is full refuses the credits; the top-up stays, for an administrator to see."""
    anna = till.customer(MAX_CREDITS)
    top_up = till.begin(anna)
    event = till.bank.pay(top_up)
    with pytest.raises(BalanceTooLarge):
        settle(till.db, "bank", event)
    (shown,) = top_ups.list_top_ups(till.db, limit=10, attention=True)
    assert (shown.status, shown.attention) == ("pending", "balance_too_large")
    till.spend(anna, 5000)
    assert settle(till.db, "bank", event) == settling.SETTLED
    assert till.available(anna) == MAX_CREDITS - 4000


def test_money_given_back_past_us_is_shown(till: Till) -> None:
    """A refund made at the provider moves no credits by itself, and an administrator sees it."""
    anna = till.customer()
    top_up = till.paid(anna)
    payment = replace(till.bank.payments[f"pay-{top_up.id}"], refunded_minor=500)
    assert settle(till.db, "bank", Event("e", payment)) == settling.REFUNDED_ELSEWHERE
    (shown,) = top_ups.list_top_ups(till.db, limit=10, attention=True)
    assert (shown.id, shown.attention) == (top_up.id, "refunded_elsewhere")
    assert till.available(anna) == 1000


def test_a_decline_hides_nothing_from_administrators(till: Till) -> None:
    """What differed stays on their list whatever is told after it."""
    top_up = till.begin(till.customer())
    event = till.bank.pay(top_up)
    wrong = replace(event.payment, money=Money(1, "RUB"))
    with pytest.raises(NotificationRefused):
        settle(till.db, "bank", Event("wrong", wrong))
    settle(till.db, "bank", till.bank.pay(top_up, FAILED))
    (shown,) = top_ups.list_top_ups(till.db, limit=10, attention=True)
    assert (shown.status, shown.reason, shown.attention) == (
        "failed", "declined", "payment_differs",
    )  # fmt: skip


def test_a_card_is_kept_only_when_its_owner_asked_for_it(till: Till) -> None:
    """Whatever the provider tells of it."""
    anna = till.customer()
    till.paid(anna, 1000)
    assert methods.list_methods(till.db, anna) == []
    till.paid(anna, 1000, save_method=True)
    assert len(methods.list_methods(till.db, anna)) == 1


def test_the_customer_is_told_once(till: Till) -> None:
    """Success leaves one e-mail in the outbox, in the transaction that credits."""
    event = till.bank.pay(till.begin(till.customer()))
    for number in range(3):
        settle(till.db, "bank", replace(event, id=str(number)))
    with till.db.read() as tx:
        (mail,) = tx.execute(select(deliveries)).all()
    assert (mail.channel, mail.event_type) == ("mail", "top_up.succeeded")


class TwoStages(ScriptedBank):
    """A bank whose notifications say `pending` until the payment is confirmed."""

    told: Event | None = None

    def read(self, notification: Notification) -> Event | None:  # noqa: ARG002 -- tests tell it
        """Tell what the test put here."""
        return self.told


def _desk(till: Till, bank: TwoStages) -> Desk:
    till.bank = bank
    return till.desk


NOTHING = Notification({}, b"", "127.0.0.1")


def test_a_second_stage_is_asked_for_with_our_own_amount(till: Till) -> None:
    """A payment that waits for confirmation is looked up, and settled by what that says."""
    bank = TwoStages()
    desk = _desk(till, bank)
    anna = till.customer()
    top_up = till.begin(anna)
    event = bank.pay(top_up)
    waiting = replace(event.payment, state=PENDING, needs_confirmation=True)
    bank.told = Event("waiting", waiting)
    assert receive(desk, "bank", NOTHING) == settling.SETTLED
    assert till.available(anna) == 1000


@pytest.mark.parametrize(
    "change", [{"money": Money(1, "RUB")}, {"top_up_id": "01900000-0000-7000-8000-000000000000"}]
)
def test_a_second_stage_of_a_payment_that_differs_is_not_asked_for(
    till: Till, change: dict[str, Any]
) -> None:
    """What is not the payment that was asked for is never confirmed."""
    bank = TwoStages()
    desk = _desk(till, bank)
    event = bank.pay(till.begin(till.customer()))
    wrong = replace(event.payment, needs_confirmation=True, **change)
    bank.told, bank.trouble = Event("waiting", wrong), AssertionError("it was asked for")
    with pytest.raises(NotificationRefused):
        receive(desk, "bank", NOTHING)
    bank.trouble = None


def test_what_does_not_concern_us_is_noted(till: Till) -> None:
    """A provider may tell of things that are no payments of ours."""
    assert receive(_desk(till, TwoStages()), "bank", NOTHING) == settling.NOTED


def test_a_provider_that_is_off_takes_no_notification(till: Till) -> None:
    """Without its secrets a provider is off, and its endpoint is not there."""
    desk = Desk(till.db, {}, PriceList(PACKS), "http://x", 60)
    with pytest.raises(NotFound):
        receive(desk, "bank", NOTHING)
