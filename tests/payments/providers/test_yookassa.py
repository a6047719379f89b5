"""YooKassa, through the official SDK over HTTP, against a server made from its published contract."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs
from yookassa.domain.common import SecurityHelper
from yookassa.domain.request import CapturePaymentRequest, PaymentRequest, RefundRequest

from augury.kit.clock import SECOND, now
from augury.kit.ids import new_id
from augury.payments.providers import yookassa
from augury.payments.providers.protocol import (
    Buyer,
    Money,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.providers.yookassa import YooKassa, YooKassaSettings
from payments.providers.contract import SavingContract, TellingContract
from payments.providers.yookassa_bank import (
    PRICE,
    YooKassaBank,
    checkout,
    found,
    open_bank,
    paid,
    provider_of,
    read,
    refunding,
    started,
    told,
)
from payments.providers.yookassa_server import SECRET_KEY, SHOP_ID, Asked


@pytest.fixture
def bank() -> Iterator[YooKassaBank]:
    with open_bank() as opened:
        yield opened


class TestYooKassaKeepsThePromises(TellingContract, SavingContract):
    """Everything that every provider promises."""


# Switching on.


def test_without_shop_or_secret_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOP_ID", "SECRET_KEY"):
        monkeypatch.delenv(f"AUGURY_YOOKASSA_{name}", raising=False)
    open_provider: Callable[[Any], YooKassa | None] = yookassa.open_provider
    assert open_provider(None) is None
    monkeypatch.setenv("AUGURY_YOOKASSA_SHOP_ID", SHOP_ID)
    assert open_provider(None) is None
    monkeypatch.setenv("AUGURY_YOOKASSA_SECRET_KEY", " \n")
    assert open_provider(None) is None
    monkeypatch.setenv("AUGURY_YOOKASSA_SECRET_KEY", f"{SECRET_KEY}\n")
    opened = open_provider(None)
    assert opened is not None
    assert (opened.currencies, opened.saves_methods) == (frozenset({"RUB"}), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notification_networks", "185.71.76.0/27,example.com"),
        ("notification_networks", "185.71.76.1/27"),
        ("api_url", "http://api.yookassa.ru/v3"),
        ("vat_code", 0),
        ("tax_system_code", 7),
        ("receipts", "maybe"),
    ],
)
def test_settings_that_do_not_fit_stop_the_start(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        YooKassaSettings(**{name: value})  # type: ignore[arg-type]  # what must be refused


def test_every_setting_of_yookassa_has_a_row() -> None:
    page = (Path(__file__).parents[3] / "docs/settings.md").read_text()
    rows = re.findall(r"^\| `AUGURY_YOOKASSA_([A-Z_]+)` \|", page, re.MULTILINE)
    assert [row.lower() for row in rows] == list(YooKassaSettings.model_fields)


def test_the_networks_hold_every_one_that_the_sdk_knows() -> None:
    ours = [ip_network(one) for one in YooKassaSettings().notification_networks.split(",")]
    for network in map(ip_network, SecurityHelper.YOOKASSA_NETWORKS):
        assert any(
            network.version == one.version and network.subnet_of(one)  # type: ignore[arg-type]  # of one version
            for one in ours
        ), network


# Starting.


def test_the_order_says_what_yookassa_and_the_law_want(bank: YooKassaBank) -> None:
    asked = checkout(description="К" * 200, save_method=True)
    answer = bank.provider.start(asked)
    assert answer.checkout_url is not None
    assert answer.checkout_url.startswith("https://yoomoney.ru/checkout/")
    (request,) = bank.server.asked
    assert (request.method, request.path) == ("POST", "/v3/payments")
    assert request.headers["idempotence-key"] == asked.top_up_id
    amount = {"value": "1500.00", "currency": "RUB"}
    assert request.body == {
        "amount": amount,
        "description": "К" * 128,
        "metadata": {"top_up_id": asked.top_up_id},
        "capture": False,
        "save_payment_method": True,
        "confirmation": {
            "type": "redirect",
            "return_url": "https://augury.example/top-ups/1",
            "locale": "ru_RU",
        },
        "receipt": {
            "customer": {"email": "anna@example.com"},
            "items": [
                {
                    "description": "К" * 128,
                    "quantity": "1.00",
                    "amount": amount,
                    "vat_code": 1,
                    "payment_mode": "full_prepayment",
                    "payment_subject": "service",
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("minor", "value"),
    [
        (1, "0.01"),
        (99, "0.99"),
        (100, "1.00"),
        (150_007, "1500.07"),
        (2**53 + 1, "90071992547409.93"),
    ],
)
def test_amounts_go_out_and_come_back_to_the_kopeck(
    bank: YooKassaBank, minor: int, value: str
) -> None:
    money = Money(minor, "RUB")
    reference = started(bank, money=money)
    bank.server.pay(reference)
    payment = found(bank, reference, money)
    assert (payment.money, payment.state) == (money, PaymentState.SUCCEEDED)
    assert bank.server.asked[0].body["amount"] == {"value": value, "currency": "RUB"}


def test_the_sdk_itself_finds_nothing_wrong_with_our_requests(bank: YooKassaBank) -> None:
    reference = paid(bank, save_method=True)
    bank.provider.refund(refunding(reference, 100))
    judges = {
        "/v3/payments": PaymentRequest,
        f"/v3/payments/{reference}/capture": CapturePaymentRequest,
        "/v3/refunds": RefundRequest,
    }
    posted = [one for one in bank.server.asked if one.method == "POST"]
    assert {one.path for one in posted} == judges.keys()
    for one in posted:
        request = judges[one.path](one.body)
        request.validate()
        assert dict(request).keys() - {"transfers", "statements", "sources"} == one.body.keys()


def test_english_customers_pay_on_an_english_page(bank: YooKassaBank) -> None:
    started(bank, language="en")
    assert bank.server.asked[0].body["confirmation"]["locale"] == "en_US"


def test_receipts_have_the_tax_codes_of_the_settings_or_are_off(bank: YooKassaBank) -> None:
    server = bank.server
    coded = provider_of(server, vat_code=11, tax_system_code=2)
    coded.start(checkout())
    receipt = server.asked[0].body["receipt"]
    assert (receipt["items"][0]["vat_code"], receipt["tax_system_code"]) == (11, 2)
    server.needs_receipts = False
    provider_of(server, receipts="off").start(checkout())
    assert "receipt" not in server.asked[1].body


@pytest.mark.parametrize("changes", [{"receipts": "off"}, {}])
def test_a_shop_that_needs_receipts_refuses_payments_without(
    bank: YooKassaBank, changes: dict[str, Any]
) -> None:
    provider = provider_of(bank.server, **changes)
    with pytest.raises(ProviderRefused) as refused:
        provider.start(checkout(buyer=Buyer(email="")))
    assert refused.value.values == {"reason": "invalid_request"}
    assert bank.payments() == 0


def test_a_connection_that_breaks_during_the_start_gives_the_same_payment_when_repeated(
    bank: YooKassaBank,
) -> None:
    asked = checkout()
    bank.server.cuts = "after"
    with pytest.raises(ProviderUnavailable):
        bank.provider.start(asked)
    assert bank.payments() == 1
    bank.server.cuts = None
    answer = bank.provider.start(asked)
    assert [answer.reference] == list(bank.server.payments)
    assert bank.provider.start(asked) == answer


def test_a_repetition_that_says_something_else_is_no_refusal(bank: YooKassaBank) -> None:
    """The customer has changed the e-mail address meanwhile: the first request may be paid yet."""
    asked = checkout()
    bank.provider.start(asked)
    with pytest.raises(ProviderUnavailable):
        bank.provider.start(replace(asked, buyer=Buyer(email="anna@example.org")))
    assert bank.payments() == 1


def test_a_top_up_older_than_the_keys_are_kept_is_never_started_again(bank: YooKassaBank) -> None:
    method = found(bank, paid(bank, save_method=True)).saved_method
    assert method is not None
    before = bank.payments()
    day_ago = (now() - 24 * 3600 * SECOND) // 1000
    text = f"{day_ago:012x}"
    old = f"{text[:8]}-{text[8:]}{new_id()[13:]}"
    with capture_logs() as logs, pytest.raises(ProviderUnavailable):
        bank.provider.start(checkout(top_up_id=old, saved_method=method.reference))
    assert logs[0] == {
        "event": "yookassa_start_too_late",
        "log_level": "error",
        "room": "payments",
        "top_up_id": old,
    }
    assert bank.payments() == before


def test_an_id_that_tells_no_time_is_started(bank: YooKassaBank) -> None:
    for name in ("an-order", str(uuid.uuid4())):
        started(bank, top_up_id=name)
    assert bank.payments() == 2


def test_a_payment_without_a_page_to_pay_on_is_no_start(bank: YooKassaBank) -> None:
    started(bank)
    (payment,) = bank.server.payments.values()
    bare = {name: value for name, value in payment.items() if name != "confirmation"}
    bank.server.answers = (200, json.dumps(bare).encode(), {})
    with pytest.raises(ProviderUnavailable):
        started(bank)


# Two stages.


def test_money_is_taken_in_a_second_stage_that_find_completes(bank: YooKassaBank) -> None:
    reference = started(bank)
    assert found(bank, reference).state is PaymentState.PENDING
    bank.server.pay(reference)
    event = read(bank, bank.server.sent[-1])
    assert (event.payment.state, event.payment.needs_confirmation) == (PaymentState.PENDING, True)
    assert bank.server.payments[reference]["status"] == "waiting_for_capture"
    payment = found(bank, reference)
    assert (payment.state, payment.needs_confirmation) == (PaymentState.SUCCEEDED, False)
    (capture,) = (one for one in bank.server.asked if one.path.endswith("/capture"))
    assert capture.headers["idempotence-key"] == f"capture-{reference}"
    assert capture.body == {"amount": {"value": "1500.00", "currency": "RUB"}}
    found(bank, reference)
    assert sum(one.path.endswith("/capture") for one in bank.server.asked) == 1


@pytest.mark.parametrize(
    "expected", [Money(150_001, "RUB"), Money(149_999, "RUB"), Money(150_000, "USD")]
)
def test_another_amount_or_currency_than_expected_is_never_taken(
    bank: YooKassaBank, expected: Money
) -> None:
    reference = started(bank)
    bank.server.pay(reference)
    with capture_logs() as logs:
        payment = found(bank, reference, expected)
    assert (payment.state, payment.money) == (PaymentState.PENDING, PRICE)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == [
        "yookassa_amount_differs"
    ]
    assert bank.server.payments[reference]["status"] == "waiting_for_capture"


def test_a_capture_that_comes_too_late_tells_what_became_of_the_payment(
    bank: YooKassaBank,
) -> None:
    reference = started(bank)
    bank.server.pay(reference)

    def expire(asked: Asked) -> None:
        if asked.path.endswith("/capture"):
            bank.server.cancel(reference, "expired_on_capture")

    bank.server.meanwhile = expire
    payment = found(bank, reference)
    assert (payment.state, payment.reason) == (PaymentState.FAILED, "expired_on_capture")


def test_a_payment_that_vanishes_before_its_capture_stays_pending(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.server.pay(reference)

    def vanish(asked: Asked) -> None:
        if asked.path.endswith("/capture"):
            bank.server.payments.clear()

    bank.server.meanwhile = vanish
    assert found(bank, reference).state is PaymentState.PENDING


def test_a_capture_whose_answer_is_lost_is_completed_by_the_next_look(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.server.pay(reference)
    bank.server.cuts = "after"
    with pytest.raises(ProviderUnavailable):
        bank.provider.find(reference, PRICE)
    bank.server.cuts = None
    assert found(bank, reference).state is PaymentState.SUCCEEDED


def test_many_who_look_at_once_take_the_money_once(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.server.pay(reference)
    with ThreadPoolExecutor(8) as pool:
        payments = list(pool.map(lambda _: found(bank, reference), range(8)))
    assert {payment.state for payment in payments} == {PaymentState.SUCCEEDED}
    succeeded = [one for one in bank.server.sent if b'"payment.succeeded"' in one]
    assert len(succeeded) == 1


def test_a_cancelled_payment_says_why(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.decline(reference)
    payment = found(bank, reference)
    assert (payment.state, payment.reason) == (PaymentState.FAILED, "expired_on_confirmation")
    assert read(bank, bank.server.sent[-1]).payment == payment


@pytest.mark.parametrize(
    "name", ["01900000-0000-7000-8000-000000000000", "", "../payments", "a/b", "x" * 65, "ы"]
)
def test_unknown_and_odd_references_find_nothing(bank: YooKassaBank, name: str) -> None:
    started(bank)
    assert bank.provider.find(name, PRICE) is None


def test_payments_that_others_made_in_the_shop_do_not_concern_us(bank: YooKassaBank) -> None:
    reference = started(bank)
    bank.server.payments[reference]["metadata"] = {"order": "7"}
    bank.server.pay(reference)
    assert bank.provider.find(reference, PRICE) is None
    assert bank.provider.read(told(bank.server.sent[-1])) is None
    assert bank.server.payments[reference]["status"] == "waiting_for_capture"
