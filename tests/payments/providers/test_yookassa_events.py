"""What YooKassa tells, what anybody could tell, saved methods and refunds."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from augury.kit.ids import new_id
from augury.payments.providers.protocol import (
    Money,
    NotificationRefused,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from payments.providers.yookassa_bank import (
    ANNA,
    PRICE,
    YooKassaBank,
    checkout,
    claim,
    found,
    open_bank,
    paid,
    provider_of,
    read,
    refunding,
    started,
    told,
)


@pytest.fixture
def bank() -> Iterator[YooKassaBank]:
    with open_bank() as opened:
        yield opened


# Notifications.


@pytest.mark.parametrize(
    "address",
    [
        "185.71.76.0",
        "185.71.77.31",
        "77.75.153.127",
        "77.75.156.11",
        "77.75.156.35",
        "77.75.154.128",
        "2a02:5180:0:1509::7",
        "::ffff:185.71.76.10",
    ],
)
def test_yookassas_own_addresses_are_believed(bank: YooKassaBank, address: str) -> None:
    (genuine,) = bank.pay(started(bank))
    assert bank.provider.read(replace(genuine, address=address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        "185.71.76.32",
        "77.75.156.12",
        "77.75.154.127",
        "2a02:5181::1",
        "::ffff:10.0.0.1",
        "::185.71.76.10",
        "185.71.76.10, 203.0.113.7",
        "185.71.76.10:443",
        "185.71.76.010",
        " 185.71.76.10",
    ],
)
def test_other_addresses_are_not_and_yookassa_is_not_even_asked(
    bank: YooKassaBank, address: str
) -> None:
    (genuine,) = bank.pay(started(bank))
    before = len(bank.server.asked)
    with pytest.raises(NotificationRefused):
        bank.provider.read(replace(genuine, address=address))
    assert len(bank.server.asked) == before


def test_an_operator_may_name_other_networks(bank: YooKassaBank) -> None:
    provider = provider_of(bank.server, notification_networks="10.0.0.0/8, 192.168.7.7/32")
    (genuine,) = bank.pay(started(bank))
    assert provider.read(replace(genuine, address="192.168.7.7")) is not None
    with pytest.raises(NotificationRefused):
        provider.read(genuine)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        claim("payment.succeeded", new_id(), note="x" * 256 * 1024),
        b"[" * 200_000,
        b'{"a":' * 40_000,
        b'{"type": "notification", "event": "payment.succeeded"}',
        b'{"type": "notification", "event": "payment.succeeded", "object": []}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": 7}}',
        b'{"type": "notification", "event": ["payment.succeeded"], "object": {"id": "7"}}',
        b'{"type": "alert", "event": "payment.succeeded", "object": {"id": "7"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": ""}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "\xff"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "\\ud800"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "../me"}}',
        b'{"type": "notification", "event": "refund.succeeded", "object": {"id": "a?b"}}',
        b'{"type": "notification", "event": "payment.succeeded", "object": {"id": "1"}} more',
        b'{"n": 1e999, "big": ' + b"9" * 5000 + b"}",
    ],
)
def test_garbage_from_the_right_address_is_refused_and_asks_nothing(
    bank: YooKassaBank, body: bytes
) -> None:
    with pytest.raises(NotificationRefused):
        bank.provider.read(told(body))
    assert bank.server.asked == []


@pytest.mark.parametrize(
    "event", ["payout.succeeded", "deal.closed", "payment_method.active", "payment.new_status"]
)
def test_events_about_other_things_do_not_concern_us(bank: YooKassaBank, event: str) -> None:
    assert bank.provider.read(told(claim(event, "po-285e5ee7-0022-5000-8000-01516a44b147"))) is None
    assert bank.server.asked == []


def test_a_forged_status_or_amount_changes_nothing_because_the_payment_is_read_again(
    bank: YooKassaBank,
) -> None:
    reference = started(bank)
    for event in ("payment.succeeded", "payment.waiting_for_capture", "payment.canceled"):
        with pytest.raises(NotificationRefused):
            bank.provider.read(told(claim(event, reference, status="succeeded", paid=True)))
    bank.server.pay(reference)
    forged = {"status": "succeeded", "amount": {"value": "999999.00", "currency": "RUB"}}
    payment = read(bank, claim("payment.waiting_for_capture", reference, **forged)).payment
    assert (payment.state, payment.money) == (PaymentState.PENDING, PRICE)
    assert bank.server.payments[reference]["status"] == "waiting_for_capture"


def test_events_have_ids_of_their_own_and_a_repetition_has_the_same(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.server.pay(reference)
    waiting = read(bank, bank.server.sent[-1])
    assert read(bank, bank.server.sent[-1]) == waiting
    found(bank, reference)
    bank.provider.refund(refunding(reference, 100))
    bank.provider.refund(refunding(reference, 100))
    later = [read(bank, body) for body in bank.server.sent]
    assert [read(bank, body) for body in bank.server.sent] == later
    # The first notification, sent again, tells something new by now.
    ids = [waiting.id, *(event.id for event in later)]
    assert len(set(ids)) == 5
    assert max(map(len, ids)) < 255
    assert {event.payment.state for event in later} == {PaymentState.SUCCEEDED}


def test_a_refund_is_told_as_an_event_of_its_payment(bank: YooKassaBank) -> None:
    reference = paid(bank)
    bank.provider.refund(refunding(reference, 40_000))
    payment = read(bank, bank.server.sent[-1]).payment
    assert (payment.reference, payment.refunded_minor) == (reference, 40_000)


def test_a_refund_that_has_not_succeeded_cannot_be_told_as_done(bank: YooKassaBank) -> None:
    reference = paid(bank)
    bank.server.refund_status = "pending"
    bank.provider.refund(refunding(reference, 40_000))
    (name,) = bank.server.refunds
    with pytest.raises(NotificationRefused):
        bank.provider.read(told(claim("refund.succeeded", name, status="succeeded")))


def test_a_notification_that_cannot_be_checked_is_unavailable_not_believed(
    bank: YooKassaBank,
) -> None:
    (genuine,) = bank.pay(started(bank))
    with bank.unreachable(), pytest.raises(ProviderUnavailable):
        bank.provider.read(genuine)


# Saved methods.


def test_a_method_is_saved_only_when_asked_and_shows_its_last_digits(bank: YooKassaBank) -> None:
    assert found(bank, paid(bank)).saved_method is None
    method = found(bank, paid(bank, save_method=True)).saved_method
    assert method is not None
    assert method.title == "MasterCard •••• 4242"


@pytest.mark.parametrize(
    ("method", "title"),
    [
        (
            {"type": "yoo_money", "title": "YooMoney wallet 41001******"},
            "YooMoney wallet 41001******",
        ),
        ({"type": "sberbank", "title": None, "card": None}, "sberbank"),
        ({"type": "bank_card", "card": {"last4": "0001"}}, "bank_card •••• 0001"),
        ({"type": "future_method", "title": "t" * 200, "new": [1]}, "t" * 64),
    ],
)
def test_methods_without_a_card_show_their_title(
    bank: YooKassaBank, method: dict[str, object], title: str
) -> None:
    reference = paid(bank)
    bank.server.payments[reference]["payment_method"] = {"id": "m", "saved": True, **method}
    saved = found(bank, reference).saved_method
    assert saved is not None
    assert (saved.reference, saved.title) == ("m", title)


def test_a_saved_method_is_charged_in_one_stage_with_a_receipt(bank: YooKassaBank) -> None:
    method = found(bank, paid(bank, save_method=True)).saved_method
    assert method is not None
    charged = bank.provider.start(checkout(saved_method=method.reference))
    assert charged.checkout_url is None
    body = bank.server.asked[-1].body
    assert (body["capture"], body["payment_method_id"]) == (True, method.reference)
    assert "receipt" in body
    assert not {"confirmation", "save_payment_method"} & body.keys()
    assert found(bank, charged.reference).state is PaymentState.SUCCEEDED


@pytest.mark.parametrize("reason", ["insufficient_funds", "permission_revoked"])
def test_a_declined_charge_is_refused_with_its_reason_however_often(
    bank: YooKassaBank, reason: str
) -> None:
    method = found(bank, paid(bank, save_method=True)).saved_method
    assert method is not None
    bank.server.declines_charges = reason
    asked = checkout(saved_method=method.reference)
    for _ in range(2):
        with pytest.raises(ProviderRefused) as refused:
            bank.provider.start(asked)
        assert refused.value.values == {"reason": reason}
    assert bank.payments() == 2


def test_an_unknown_saved_method_is_refused(bank: YooKassaBank) -> None:
    with pytest.raises(ProviderRefused):
        started(bank, saved_method=new_id())


def test_a_shop_without_recurring_payments_never_asks_to_save(bank: YooKassaBank) -> None:
    bank.server.allows_saving = False
    with pytest.raises(ProviderUnavailable):
        started(bank, save_method=True)
    provider = provider_of(bank.server, saved_methods="off")
    assert not provider.saves_methods
    provider.start(checkout(save_method=True))
    assert "save_payment_method" not in bank.server.asked[-1].body


# Refunds.


def test_a_refund_carries_our_id_and_a_receipt_that_names_what_was_paid(
    bank: YooKassaBank,
) -> None:
    reference = paid(bank)
    asked = refunding(reference, 40_007)
    assert bank.provider.refund(asked) is PaymentState.SUCCEEDED
    request = bank.server.asked[-1]
    amount = {"value": "400.07", "currency": "RUB"}
    assert request.headers["idempotence-key"] == asked.id
    item = request.body["receipt"]["items"][0]
    assert (item["description"], item["amount"]) == ("1500 кредитов Augury", amount)
    assert request.body["receipt"]["customer"] == {"email": ANNA.email}
    assert request.body | {"receipt": None} == {
        "payment_id": reference,
        "amount": amount,
        "metadata": {"refund_id": asked.id},
        "description": "Ошибка клиента",
        "receipt": None,
    }


def test_a_refund_without_a_reason_has_no_description(bank: YooKassaBank) -> None:
    bank.provider.refund(refunding(paid(bank), 100, reason=""))
    assert "description" not in bank.server.asked[-1].body


def test_a_refund_is_not_made_twice_even_when_the_keys_are_forgotten(bank: YooKassaBank) -> None:
    reference = paid(bank)
    for _ in range(3):
        bank.provider.refund(refunding(reference, 100))
    bank.server.page_size = 2
    asked = refunding(reference, 40_000)
    bank.server.meanwhile = lambda one: setattr(
        bank.server, "cuts", "after" if one.method == "POST" else None
    )
    with pytest.raises(ProviderUnavailable):
        bank.provider.refund(asked)
    bank.server.cuts, bank.server.meanwhile = None, None
    assert bank.refunded_minor(reference) == 40_300
    bank.server.forget_keys()
    assert bank.provider.refund(asked) is PaymentState.SUCCEEDED
    assert bank.refunded_minor(reference) == 40_300


def test_a_refund_under_way_is_pending_until_it_is_done(bank: YooKassaBank) -> None:
    asked = refunding(paid(bank), 100)
    bank.server.refund_status = "pending"
    assert bank.provider.refund(asked) is PaymentState.PENDING
    (refund,) = bank.server.refunds.values()
    refund["status"] = "succeeded"
    assert bank.provider.refund(asked) is PaymentState.SUCCEEDED


def test_a_refund_that_was_cancelled_is_refused_with_its_reason(bank: YooKassaBank) -> None:
    asked = refunding(paid(bank), 100)
    bank.server.refund_status = "canceled"
    for _ in range(2):
        with pytest.raises(ProviderRefused) as refused:
            bank.provider.refund(asked)
        assert refused.value.values == {"reason": "insufficient_funds"}


def test_another_currency_or_payment_is_refused(bank: YooKassaBank) -> None:
    reference = paid(bank)
    for asked in (
        replace(refunding(reference, 100), money=Money(100, "USD")),
        refunding(new_id(), 100),
        refunding("", 100),
        refunding(f"{reference}/capture", 100),
    ):
        with pytest.raises(ProviderRefused):
            bank.provider.refund(asked)
    assert bank.refunded_minor(reference) == 0


def test_what_yookassa_sends_is_what_the_tests_forge(bank: YooKassaBank) -> None:
    """The forgeries differ from the genuine only in what they claim."""
    (genuine,) = bank.pay(started(bank))
    body = json.loads(genuine.body)
    assert body.keys() == json.loads(claim("a", "b")).keys()
    assert (body["type"], body["event"]) == ("notification", "payment.waiting_for_capture")
