"""What Stripe tells, what it is asked, and what goes back: beyond the promises of every provider."""

import dataclasses
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from augury.kit.ids import new_id
from augury.payments.providers.protocol import (
    Money,
    NotificationRefused,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    Refunding,
)
from augury.payments.providers.stripe import Stripe, StripeSettings
from payments.providers.contract import BUYER, a_checkout, a_refund, begin, paid
from payments.providers.stripe_bank import PRICE, StripeBank, open_bank
from payments.providers.stripe_server import KEY, WEBHOOK_SECRET, event, sent


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeBank]:
    with open_bank(monkeypatch) as opened:
        yield opened


def test_a_paid_session_is_told_once_and_not_by_its_intent(bank: StripeBank) -> None:
    """One payment never arrives under two references."""
    checkout, started = begin(bank)
    by_intent, by_session = bank.pay(started.reference)
    assert bank.provider.read(by_intent) is None
    told = bank.provider.read(by_session)
    assert told is not None
    assert told.id == json.loads(by_session.body)["id"]
    assert told.payment == bank.found(started.reference)
    assert told.payment.top_up_id == checkout.top_up_id


def test_a_declined_attempt_in_a_session_is_nothing_and_its_end_is_a_failure(
    bank: StripeBank,
) -> None:
    """The customer may try another card until the session ends."""
    _, started = begin(bank)
    attempt, end = bank.decline(started.reference)
    assert bank.provider.read(attempt) is None
    told = bank.provider.read(end)
    assert told is not None
    assert (told.payment.state, told.payment.reason) == (PaymentState.FAILED, "expired")


@pytest.mark.parametrize(
    ("paid_in_the_end", "state", "reason"),
    [(True, PaymentState.SUCCEEDED, None), (False, PaymentState.FAILED, "payment_failed")],
)
def test_a_method_that_takes_days_is_pending_and_then_decided(
    bank: StripeBank, paid_in_the_end: bool, state: PaymentState, reason: str | None
) -> None:
    _, started = begin(bank)
    (completed,) = bank.server.pay(started.reference, later=True)
    told = bank.provider.read(sent(completed))
    assert told is not None
    assert told.payment.state is PaymentState.PENDING
    assert bank.found(started.reference).state is PaymentState.PENDING
    told = bank.provider.read(sent(bank.server.tell_later(started.reference, paid=paid_in_the_end)))
    assert told is not None
    assert (told.payment.state, told.payment.reason) == (state, reason)
    found = bank.found(started.reference)
    assert found.state is state
    assert found.reason == (None if paid_in_the_end else "debit_not_authorized")


def test_an_event_brings_the_saved_card_or_comes_again(bank: StripeBank) -> None:
    _, started = begin(bank, save_method=True)
    completed = bank.pay(started.reference)[-1]
    with bank.unreachable(), pytest.raises(ProviderUnavailable):
        bank.provider.read(completed)
    told = bank.provider.read(completed)
    assert told is not None
    assert told.payment.saved_method is not None
    assert told.payment.saved_method.title == "Visa •••• 4242"
    customer, card = told.payment.saved_method.reference.split(":")
    assert bank.server.things[card]["customer"] == customer


def test_a_card_that_stripe_keeps_for_itself_is_not_ours_to_charge(bank: StripeBank) -> None:
    """An account may be set to make a customer of everybody; nobody has agreed to more."""
    _, started = paid(bank)
    session = bank.server.things[started.reference]
    intent = bank.server.things[session["payment_intent"]]
    session["customer"] = intent["customer"] = "cus_of_everybody"
    assert bank.found(started.reference).saved_method is None
    told = bank.provider.read(sent(event("checkout.session.completed", session)))
    assert told is not None
    assert told.payment.saved_method is None


def test_only_a_card_is_kept(bank: StripeBank) -> None:
    _, started = begin(bank, save_method=True)
    account = bank.server.card(type="sepa_debit", card=None)
    bank.server.pay(started.reference, account)
    payment = bank.found(started.reference)
    assert (payment.state, payment.saved_method) == (PaymentState.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("type_", "status", "state", "reason"),
    [
        ("payment_intent.succeeded", "succeeded", PaymentState.SUCCEEDED, None),
        (
            "payment_intent.payment_failed",
            "requires_payment_method",
            PaymentState.FAILED,
            "lost_card",
        ),
        ("payment_intent.payment_failed", "canceled", PaymentState.FAILED, "lost_card"),
    ],
)
def test_a_charge_of_a_saved_card_is_told_by_its_intent(
    bank: StripeBank, type_: str, status: str, state: PaymentState, reason: str | None
) -> None:
    checkout = dataclasses.replace(a_checkout(bank), saved_method=bank.saved_card())
    started = bank.provider.start(checkout)
    intent = bank.server.things[started.reference]
    error = {"code": "card_declined", "decline_code": "lost_card"}
    intent.update(status=status, last_payment_error=error)
    told = bank.provider.read(sent(event(type_, intent)))
    assert told is not None
    assert told.payment == bank.found(started.reference)
    assert (told.payment.state, told.payment.reason) == (state, reason)
    assert (told.payment.top_up_id, told.payment.money) == (checkout.top_up_id, PRICE)
    assert told.payment.saved_method is None


@pytest.mark.parametrize("status", ["processing", "requires_confirmation", "requires_capture"])
def test_a_charge_that_is_not_decided_is_pending(bank: StripeBank, status: str) -> None:
    checkout = dataclasses.replace(a_checkout(bank), saved_method=bank.saved_card())
    started = bank.provider.start(checkout)
    bank.server.things[started.reference]["status"] = status
    assert bank.found(started.reference).state is PaymentState.PENDING


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "payment_intent.created"},
        {"type": "charge.succeeded"},
        {"type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}},
        {"type": "checkout.session.something_new"},
        {"account": "acct_of_somebody_connected"},
    ],
)
def test_what_does_not_concern_us_is_nothing(bank: StripeBank, changes: dict[str, Any]) -> None:
    _, started = begin(bank)
    told = bank.server.pay(started.reference)[-1]
    assert bank.provider.read(sent({**told, **changes})) is None


@pytest.mark.parametrize("metadata", [None, {}, {"order": "7"}])
def test_sessions_and_intents_of_somebody_else_are_nothing(
    bank: StripeBank, metadata: dict[str, str] | None
) -> None:
    """The operator's account may sell other things, too."""
    _, started = begin(bank)
    for told in bank.server.pay(started.reference):
        told["data"]["object"]["metadata"] = metadata
        assert bank.provider.read(sent(told)) is None
    bank.server.things[started.reference]["metadata"] = metadata
    assert bank.provider.find(started.reference, PRICE) is None


def test_the_intent_inside_a_session_is_no_payment_of_its_own(bank: StripeBank) -> None:
    _, started = paid(bank)
    inside = bank.server.things[started.reference]["payment_intent"]
    assert bank.provider.find(inside, PRICE) is None


@pytest.mark.parametrize(
    "reference",
    ["", "..", "cs_../payment_intents", "ch_1", "cs_", "pi_1?x", "cs_é", "cs_" + "a" * 300],
)
def test_a_reference_that_stripe_cannot_have_made_is_not_asked_about(
    bank: StripeBank, reference: str
) -> None:
    assert bank.provider.find(reference, PRICE) is None
    with pytest.raises(ProviderRefused):
        bank.provider.refund(Refunding(new_id(), reference, PRICE, "why", BUYER))
    assert bank.server.requests == []


def test_an_unknown_intent_is_not_found(bank: StripeBank) -> None:
    assert bank.provider.find("pi_unknown", PRICE) is None
    assert len(bank.server.requests) == 1


def test_a_question_that_stripe_finds_wrong_says_nothing_of_the_payment(bank: StripeBank) -> None:
    """It is not a refusal: the payment may have been made."""
    _, started = paid(bank)
    bank.server.faults = ["400"]
    with capture_logs() as logs, pytest.raises(ProviderUnavailable):
        bank.provider.find(started.reference, PRICE)
    assert [line["event"] for line in logs] == ["stripe_question_refused"]


def test_an_old_notification_is_refused_and_a_young_one_is_not(bank: StripeBank) -> None:
    told = bank.server.pay(begin(bank)[1].reference)[-1]
    moment = int(time.time())
    assert bank.provider.read(sent(told, moment=moment - 200)) is not None
    with pytest.raises(NotificationRefused) as refusal:
        bank.provider.read(sent(told, moment=moment - 301))
    assert refusal.value.values == {"reason": "signature"}


def test_the_tolerance_is_a_setting(bank: StripeBank) -> None:
    told = bank.server.pay(begin(bank)[1].reference)[-1]
    patient = provider(bank, tolerance_seconds=3600)
    assert patient.read(sent(told, moment=int(time.time()) - 3000)) is not None


def test_one_of_two_signatures_is_enough_while_a_secret_is_changed(bank: StripeBank) -> None:
    told = bank.server.pay(begin(bank)[1].reference)[-1]
    moment = int(time.time())
    genuine, foreign = (sent(told, secret, moment) for secret in (WEBHOOK_SECRET, "whsec_other"))
    mine, other = (one.headers["stripe-signature"] for one in (genuine, foreign))
    both = f"{other},{mine.partition(',')[2]}"
    assert bank.provider.read(dataclasses.replace(genuine, headers={"stripe-signature": both}))
    neither = f"{other},v1={'0' * 64}"
    with pytest.raises(NotificationRefused):
        bank.provider.read(dataclasses.replace(genuine, headers={"stripe-signature": neither}))


def test_a_live_key_reads_live_events_only(bank: StripeBank) -> None:
    told = bank.server.pay(begin(bank)[1].reference)[-1]
    live = provider(bank, secret_key="rk_live_x")
    read = live.read(sent({**told, "livemode": True}))
    assert read is not None
    assert read.payment.state is PaymentState.SUCCEEDED
    for test_or_not, one in ((False, live), (True, bank.provider)):
        with pytest.raises(NotificationRefused) as refusal:
            one.read(sent({**told, "livemode": test_or_not}))
        assert refusal.value.values == {"reason": "livemode"}


@pytest.mark.parametrize(
    "told",
    [
        [],
        None,
        {"object": "v2.core.event", "livemode": False},
        {"object": "event", "type": "checkout.session.completed", "livemode": False},
        {"object": "event", "type": "checkout.session.completed", "livemode": False, "data": 1},
        {
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "data": {"object": {"object": "checkout.session", "id": "cs_1"}},
        },
    ],
)
def test_what_is_signed_and_cannot_be_read_is_refused(bank: StripeBank, told: Any) -> None:
    with pytest.raises(NotificationRefused) as refusal:
        bank.provider.read(sent(told))
    assert refusal.value.values == {"reason": "unreadable"}


def test_a_body_that_is_too_long_is_refused_before_it_is_looked_at(bank: StripeBank) -> None:
    told = bank.server.pay(begin(bank)[1].reference)[-1]
    room = 256 * 1024 - len(sent({**told, "padding": ""}).body)
    assert bank.provider.read(sent({**told, "padding": "x" * room})) is not None
    with pytest.raises(NotificationRefused) as refusal:
        bank.provider.read(sent({**told, "padding": "x" * (room + 1)}))
    assert refusal.value.values == {"reason": "too_large"}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", PaymentState.SUCCEEDED),
        ("pending", PaymentState.PENDING),
        ("requires_action", PaymentState.PENDING),
        ("failed", PaymentState.FAILED),
        ("canceled", PaymentState.FAILED),
    ],
)
def test_a_refund_is_as_far_as_stripe_says(
    bank: StripeBank, status: str, state: PaymentState
) -> None:
    checkout, started = paid(bank)
    bank.server.refund_status = status
    refunding = a_refund(started, checkout.money, 40_00)
    assert [bank.provider.refund(refunding) for _ in range(2)] == [state, state]


def test_a_refund_is_found_again_when_its_key_is_forgotten(bank: StripeBank) -> None:
    """Also behind two hundred others."""
    checkout, started = paid(bank)
    refunding = a_refund(started, checkout.money, 1_00)
    bank.provider.refund(refunding)
    (made,) = bank.all("refund")
    for _ in range(201):
        bank.server.make("re", **{**made, "metadata": {"refund_id": new_id()}})
    bank.server.forget_keys()
    assert bank.provider.refund(refunding) is PaymentState.SUCCEEDED
    assert bank.refunded_minor(started.reference) == 1_00


def test_refunds_at_one_instant_name_one_key_and_are_given_once(bank: StripeBank) -> None:
    """None of them finds another one made; the key decides."""
    checkout, started = paid(bank)
    refunding = a_refund(started, checkout.money, 40_00)
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(bank.provider.refund, [refunding] * 4))
    assert states == [PaymentState.SUCCEEDED] * 4
    asked = [headers for _, path, _, headers in bank.server.requests if path == "/v1/refunds"]
    keys = {headers["idempotency-key"] for headers in asked if "idempotency-key" in headers}
    assert keys == {f"augury-refund-{refunding.id}"}
    assert bank.refunded_minor(started.reference) == 40_00


def test_a_refund_whose_answer_was_lost_is_given_once(bank: StripeBank) -> None:
    checkout, started = paid(bank)
    refunding = a_refund(started, checkout.money, 40_00)
    bank.server.faults = ["", "", "cut"]
    with pytest.raises(ProviderUnavailable):
        bank.provider.refund(refunding)
    assert bank.provider.refund(refunding) is PaymentState.SUCCEEDED
    assert bank.refunded_minor(started.reference) == 40_00


@pytest.mark.parametrize("minor", [60_01, 100_00, 100_01])
def test_more_than_is_left_is_refused_and_nothing_goes_back(bank: StripeBank, minor: int) -> None:
    checkout, started = paid(bank)
    bank.provider.refund(a_refund(started, checkout.money, 40_00))
    with pytest.raises(ProviderRefused) as refusal:
        bank.provider.refund(a_refund(started, checkout.money, minor))
    assert refusal.value.values == {"reason": "invalid_request"}
    assert bank.refunded_minor(started.reference) == 40_00


def test_a_refund_in_another_currency_is_refused(bank: StripeBank) -> None:
    """Stripe takes an amount and no currency: a hundred euros would become a hundred dollars."""
    _, started = paid(bank)
    with pytest.raises(ProviderRefused) as refusal:
        bank.provider.refund(a_refund(started, Money(1_00, "EUR"), 1_00))
    assert refusal.value.values == {"reason": "currency"}
    assert bank.refunded_minor(started.reference) == 0


def test_a_charge_of_a_saved_card_can_go_back(bank: StripeBank) -> None:
    checkout = dataclasses.replace(a_checkout(bank), saved_method=bank.saved_card())
    started = bank.provider.start(checkout)
    assert bank.provider.refund(a_refund(started, PRICE, 40_00)) is PaymentState.SUCCEEDED
    assert bank.found(started.reference).refunded_minor == 40_00


def provider(bank: StripeBank, **changes: Any) -> Stripe:
    known = {"secret_key": KEY, "webhook_secret": WEBHOOK_SECRET, "api_url": bank.server.address}
    return Stripe(StripeSettings(**{**known, **changes}))
