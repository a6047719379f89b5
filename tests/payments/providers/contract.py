"""What every payment provider promises, as one suite; each provider's tests inherit it."""

import dataclasses
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from augury.kit.clock import SECOND, now
from augury.kit.ids import new_id
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Event,
    Money,
    Notification,
    NotificationRefused,
    PaymentState,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
    Refunding,
    Started,
)

BUYER = Buyer("anna@example.com", "ООО «Ромашка»", "7707083893", "Москва, Тверская, 1")


class Bank(Protocol):
    """The other company, in the test's hands, with the real provider code pointed at it."""

    notifies: bool

    @property
    def provider(self) -> Provider:
        """The real code, pointed at this company."""

    def pay(self, reference: str) -> list[Notification]:
        """The customer pays; return the notifications that the company sends."""

    def decline(self, reference: str) -> list[Notification]:
        """The payment is declined for good; return the notifications that the company sends."""

    def forgeries(self, genuine: Notification) -> dict[str, Notification]:
        """Return named ways to forge a notification."""

    def refunded_minor(self, reference: str) -> int:
        """Return what the company gave back."""

    def payments(self) -> int:
        """Return how many payments the company has made."""

    def unreachable(self) -> AbstractContextManager[None]:
        """Give a block in which the company does not answer."""


class ProviderContract:
    """Inherit it and define a fixture `bank`."""

    def test_a_checkout_started_twice_is_one_payment(self, bank: Bank) -> None:
        checkout = a_checkout(bank)
        first, second = bank.provider.start(checkout), bank.provider.start(checkout)
        assert first == second
        assert first.checkout_url is not None
        assert bank.payments() == 1

    def test_two_top_ups_are_two_payments(self, bank: Bank) -> None:
        first, second = (bank.provider.start(a_checkout(bank)) for _ in range(2))
        assert first.reference != second.reference
        assert bank.payments() == 2

    def test_a_payment_is_pending_until_it_is_paid(self, bank: Bank) -> None:
        checkout, started = begin(bank)
        pending = bank.provider.find(started.reference, checkout.money)
        assert pending is not None
        assert pending.state is PaymentState.PENDING
        bank.pay(started.reference)
        paid = bank.provider.find(started.reference, checkout.money)
        assert paid is not None
        assert paid.state is PaymentState.SUCCEEDED
        assert (paid.reference, paid.top_up_id) == (started.reference, checkout.top_up_id)
        assert paid.money == checkout.money
        assert paid.refunded_minor == 0

    def test_a_declined_payment_has_failed_with_a_reason(self, bank: Bank) -> None:
        checkout, started = begin(bank)
        bank.decline(started.reference)
        found = bank.provider.find(started.reference, checkout.money)
        assert found is not None
        assert found.state is PaymentState.FAILED
        assert found.reason

    def test_a_payment_that_nobody_started_is_not_found(self, bank: Bank) -> None:
        _, started = begin(bank)
        money = Money(1, min(bank.provider.currencies))
        end = "0000" if started.reference[-4:] != "0000" else "1111"
        unknown = started.reference[:-4] + end
        assert bank.provider.find(unknown, money) is None

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"id": 1}', b"x" * 2_000_000]
    )
    def test_garbage_is_refused_and_never_a_crash(self, bank: Bank, body: bytes) -> None:
        headers: dict[str, str] = {}
        if bank.notifies:
            _, started = begin(bank)
            headers = dict(bank.pay(started.reference)[-1].headers)
        for some in (headers, {}):
            with pytest.raises(NotificationRefused):
                bank.provider.read(Notification(some, body, "127.0.0.1"))

    def test_a_refund_asked_for_twice_is_given_once(self, bank: Bank) -> None:
        checkout, started = paid(bank)
        refunding = a_refund(started, checkout.money, 40_00)
        states = [bank.provider.refund(refunding) for _ in range(2)]
        assert PaymentState.FAILED not in states
        assert bank.refunded_minor(started.reference) == 40_00

    def test_refunds_add_up_and_more_than_is_left_is_refused(self, bank: Bank) -> None:
        checkout, started = paid(bank)
        for minor in (40_00, 60_00):
            bank.provider.refund(a_refund(started, checkout.money, minor))
        with pytest.raises(ProviderRefused) as refusal:
            bank.provider.refund(a_refund(started, checkout.money, 1))
        assert refusal.value.values["reason"]
        assert bank.refunded_minor(started.reference) == checkout.money.amount_minor
        found = bank.provider.find(started.reference, checkout.money)
        assert found is not None
        assert found.refunded_minor == checkout.money.amount_minor

    def test_a_payment_that_is_not_paid_cannot_be_refunded(self, bank: Bank) -> None:
        checkout, started = begin(bank)
        with pytest.raises(ProviderRefused):
            bank.provider.refund(a_refund(started, checkout.money, 1_00))

    def test_a_company_that_does_not_answer_is_unavailable(self, bank: Bank) -> None:
        checkout, started = paid(bank)
        refunding = a_refund(started, checkout.money, 1_00)
        with bank.unreachable():
            with pytest.raises(ProviderUnavailable):
                bank.provider.start(a_checkout(bank))
            with pytest.raises(ProviderUnavailable):
                bank.provider.find(started.reference, checkout.money)
            with pytest.raises(ProviderUnavailable):
                bank.provider.refund(refunding)
        bank.provider.refund(refunding)
        assert bank.refunded_minor(started.reference) == 1_00

    def test_no_method_is_saved_unless_asked(self, bank: Bank) -> None:
        checkout, started = paid(bank)
        found = bank.provider.find(started.reference, checkout.money)
        assert found is not None
        assert found.saved_method is None


class TellingContract(ProviderContract):
    """What a provider promises that sends notifications."""

    def test_genuine_notifications_tell_of_the_payment(self, bank: Bank) -> None:
        checkout, started = begin(bank)
        told = [bank.provider.read(one) for one in bank.pay(started.reference)]
        events = [event for event in told if event is not None]
        assert events
        payment = completed(bank, events[-1], checkout)
        assert payment.payment.state is PaymentState.SUCCEEDED
        assert payment.payment.top_up_id == checkout.top_up_id
        assert payment.payment.reference == started.reference
        assert payment.payment.money == checkout.money

    def test_the_same_notification_has_the_same_event_id(self, bank: Bank) -> None:
        _, started = begin(bank)
        for notification in bank.pay(started.reference):
            first, second = bank.provider.read(notification), bank.provider.read(notification)
            assert first is None or (second is not None and first.id == second.id)

    def test_events_of_two_payments_have_different_ids(self, bank: Bank) -> None:
        ids = []
        for _ in range(2):
            _, started = begin(bank)
            told = [bank.provider.read(one) for one in bank.pay(started.reference)]
            ids += [event.id for event in told if event is not None]
        assert len(ids) == len(set(ids))

    def test_every_forgery_is_refused(self, bank: Bank) -> None:
        _, started = begin(bank)
        genuine = bank.pay(started.reference)[-1]
        forgeries = bank.forgeries(genuine)
        assert len(forgeries) >= 2
        for name, forged in forgeries.items():
            with pytest.raises(NotificationRefused):
                bank.provider.read(forged)
                pytest.fail(f"{name} was taken for genuine")


class SavingContract(ProviderContract):
    """What a provider promises that can charge a payment method again."""

    def test_a_saved_method_pays_again_without_a_checkout(self, bank: Bank) -> None:
        checkout, started = paid(bank, save_method=True)
        found = bank.provider.find(started.reference, checkout.money)
        assert found is not None
        assert found.saved_method is not None
        assert found.saved_method.title
        again = dataclasses.replace(a_checkout(bank), saved_method=found.saved_method.reference)
        charged = bank.provider.start(again)
        assert charged == bank.provider.start(again)
        assert charged.checkout_url is None
        payment = bank.provider.find(charged.reference, again.money)
        assert payment is not None
        assert (payment.state, payment.top_up_id) == (PaymentState.SUCCEEDED, again.top_up_id)


def a_checkout(bank: Bank, *, save_method: bool = False) -> Checkout:
    """Return a checkout of 100.00 in a currency that the provider takes."""
    return Checkout(
        top_up_id=new_id(),
        money=Money(100_00, max(bank.provider.currencies)),
        credits=1000,
        description="1000 prediction credits",
        buyer=BUYER,
        return_url="http://127.0.0.1:8000/top-ups/x",
        language="en",
        expires_at=now() + 3600 * SECOND,
        save_method=save_method,
    )


def begin(bank: Bank, *, save_method: bool = False) -> tuple[Checkout, Started]:
    """Start a checkout."""
    checkout = a_checkout(bank, save_method=save_method)
    return checkout, bank.provider.start(checkout)


def paid(bank: Bank, *, save_method: bool = False) -> tuple[Checkout, Started]:
    """Start a checkout and pay it, both stages where there are two."""
    checkout, started = begin(bank, save_method=save_method)
    bank.pay(started.reference)
    found = bank.provider.find(started.reference, checkout.money)
    assert found is not None
    assert found.state is PaymentState.SUCCEEDED
    return checkout, started


def completed(bank: Bank, event: Event, checkout: Checkout) -> Event:
    """Carry out the second stage where an event waits for it, as settling does."""
    if not event.payment.needs_confirmation:
        return event
    found = bank.provider.find(event.payment.reference, checkout.money)
    assert found is not None
    return Event(event.id, found)


def a_refund(started: Started, money: Money, minor: int) -> Refunding:
    """Return a refund of so much of a payment."""
    return Refunding(new_id(), started.reference, Money(minor, money.currency), "why", BUYER)
