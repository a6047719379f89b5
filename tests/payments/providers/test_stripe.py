"""Stripe keeps the promises of every provider: its real SDK, over HTTP, to a server of the tests."""

import dataclasses
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import stripe
from pydantic import ValidationError
from structlog.testing import capture_logs

from augury.kit.clock import SECOND, now
from augury.payments.providers import stripe as ours
from augury.payments.providers import stripe_client
from augury.payments.providers.protocol import (
    Context,
    Money,
    NotificationRefused,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.providers.stripe import Stripe, StripeSettings, open_provider
from payments.providers.contract import SavingContract, TellingContract, a_checkout, begin
from payments.providers.stripe_bank import StripeBank, open_bank
from payments.providers.stripe_server import KEY, WEBHOOK_SECRET, sent


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeBank]:
    with open_bank(monkeypatch) as opened:
        yield opened


class TestStripe(TellingContract, SavingContract):
    """The promises of every provider."""


def test_a_session_asks_for_exactly_what_the_top_up_costs(bank: StripeBank) -> None:
    checkout, started = begin(bank)
    (session,) = bank.all("checkout.session")
    end = checkout.expires_at // SECOND + 1800
    marks = {"top_up_id": checkout.top_up_id}
    price = {"currency": "usd", "unit_amount": "10000"}
    assert session["asked"] == {
        "mode": "payment",
        "client_reference_id": checkout.top_up_id,
        "metadata": marks,
        "line_items": {
            "0": {
                "quantity": "1",
                "price_data": {**price, "product_data": {"name": checkout.description}},
            }
        },
        "payment_intent_data": {"description": checkout.description, "metadata": marks},
        "adaptive_pricing": {"enabled": "false"},
        "success_url": checkout.return_url,
        "cancel_url": checkout.return_url,
        "expires_at": str(end),
        "locale": "en",
        "customer_email": "anna@example.com",
    }
    assert started.checkout_url == session["url"]
    assert started.expires_at == end * SECOND


def test_a_session_speaks_russian_and_keeps_the_card_when_asked(bank: StripeBank) -> None:
    checkout = a_checkout(bank, save_method=True)
    bank.provider.start(dataclasses.replace(checkout, language="ru"))
    (session,) = bank.all("checkout.session")
    assert session["asked"]["locale"] == "ru"
    assert session["asked"]["customer_creation"] == "always"
    assert session["asked"]["payment_intent_data"]["setup_future_usage"] == "off_session"


@pytest.mark.parametrize("seconds", [1, 60, 3600, 23 * 3600, 24 * 3600, 7 * 24 * 3600])
def test_a_session_ends_within_the_time_that_stripe_allows(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """The server refuses what is less than half an hour or more than a day."""
    moment = now()
    monkeypatch.setattr(ours, "now", lambda: moment)  # one second is soon over
    bank.server.clock = lambda: moment / SECOND
    checkout = dataclasses.replace(a_checkout(bank), expires_at=moment + seconds * SECOND)
    started = bank.provider.start(checkout)
    assert started.expires_at is not None
    assert started.expires_at >= min(checkout.expires_at, moment + 23 * 3600 * SECOND)


def test_a_repetition_names_the_same_key(bank: StripeBank) -> None:
    checkout, _ = begin(bank)
    bank.provider.start(checkout)
    keys = [headers["idempotency-key"] for _, _, _, headers in bank.server.requests]
    assert keys == [f"augury-top-up-{checkout.top_up_id}"] * 2


def test_an_answer_that_breaks_off_is_asked_for_again_and_is_one_session(bank: StripeBank) -> None:
    checkout = a_checkout(bank)
    bank.server.faults = ["cut"]
    with pytest.raises(ProviderUnavailable):
        bank.provider.start(checkout)
    (session,) = bank.all("checkout.session")
    assert bank.provider.start(checkout).reference == session["id"]
    assert bank.payments() == 1


def test_a_dropped_connection_and_a_busy_moment_are_tried_again_at_once(bank: StripeBank) -> None:
    bank.server.faults = ["drop", "503"]
    begin(bank)
    assert bank.payments() == 1


def test_no_answer_in_time_is_unavailable(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_client, "_TIMEOUT_SECONDS", (0.05, 0.05))
    hurried = StripeBank(bank.server)
    bank.server.faults = ["hang"] * 3
    with pytest.raises(ProviderUnavailable):
        begin(hurried)
    until = time.monotonic() + 60
    while bank.server.faults:  # it may hear of an attempt after that was given up
        assert time.monotonic() < until
        time.sleep(0.005)


def test_stripe_is_not_told_whose_calls_belong_together(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would keep an identifier in the home folder and send it with every request."""
    monkeypatch.setattr(stripe, "enable_telemetry", True)
    quiet = StripeBank(bank.server)
    checkout, _ = begin(quiet)
    quiet.provider.start(checkout)
    sent_headers = [headers for _, _, _, headers in bank.server.requests]
    assert "telemetry" not in repr(sent_headers).lower()


def test_no_attempt_begins_when_the_time_is_over(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 104.9, 105.1])
    monkeypatch.setattr(stripe_client, "monotonic", lambda: next(moments))
    bank.server.faults = ["500", "500", "500"]
    with pytest.raises(ProviderUnavailable):
        begin(bank)
    assert len(bank.server.requests) == 1


@pytest.mark.parametrize("status", ["429", "500", "502", "503"])
def test_trouble_at_stripe_is_unavailable_for_a_while(bank: StripeBank, status: str) -> None:
    bank.server.faults = [status] * 3
    with pytest.raises(ProviderUnavailable) as refusal:
        begin(bank)
    assert refusal.value.retry_after_seconds == 30


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_key_is_unavailable_and_an_error_in_the_log(
    bank: StripeBank, status: str
) -> None:
    bank.server.faults = [status]
    with capture_logs() as logs, pytest.raises(ProviderUnavailable):
        begin(bank)
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("stripe_key_refused", "error")
    assert line["status"] == int(status)


def test_no_secret_and_no_person_is_ever_logged(
    bank: StripeBank, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by us nor by the SDK, unless somebody asks the SDK to debug."""
    wrong = Stripe(
        StripeSettings(
            secret_key="sk_test_wrong", webhook_secret="whsec_wrong", api_url=bank.server.address
        )
    )
    genuine = bank.pay(begin(bank)[1].reference)[-1]
    poor = dataclasses.replace(a_checkout(bank), money=Money(1, "USD"))
    with caplog.at_level(logging.INFO), capture_logs() as logs:
        for provider, checkout in ((wrong, a_checkout(bank)), (bank.provider, poor)):
            with pytest.raises((ProviderUnavailable, ProviderRefused)) as refusal:
                provider.start(checkout)
            assert refusal.value.__cause__ is None
            assert refusal.value.__suppress_context__
        with pytest.raises(NotificationRefused):
            wrong.read(genuine)
    written = caplog.text + repr(logs)
    assert "stripe_refused" in written
    assert "stripe_notification_refused" in written
    for secret in ("sk_test", "whsec", "anna@"):
        assert secret not in written


def test_what_stripe_finds_wrong_is_refused_with_its_code(bank: StripeBank) -> None:
    checkout = dataclasses.replace(a_checkout(bank), money=Money(1, "USD"))
    with pytest.raises(ProviderRefused) as refusal:
        bank.provider.start(checkout)
    assert refusal.value.values == {"reason": "amount_too_small"}
    assert bank.payments() == 0


def test_a_repetition_in_another_language_is_the_same_session(bank: StripeBank) -> None:
    """Stripe refuses the key with other parameters; then the session is looked for."""
    checkout, started = begin(bank)
    for _ in range(101):
        begin(bank)
    other = dataclasses.replace(checkout, language="ru", description="1000 кредитов")
    assert bank.provider.start(other) == started
    assert bank.payments() == 102


def test_a_key_that_is_known_for_something_that_is_gone_is_unavailable(bank: StripeBank) -> None:
    checkout, started = begin(bank)
    del bank.server.things[started.reference]
    with pytest.raises(ProviderUnavailable):
        bank.provider.start(dataclasses.replace(checkout, language="ru"))


def test_what_lies_too_far_back_is_unavailable_and_not_refused(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not found among the newest does not mean that it was never made."""
    monkeypatch.setattr(ours, "_MOST_LOOKED_THROUGH", 3)
    checkouts = [begin(bank)[0] for _ in range(4)]
    monkeypatch.setattr(ours, "now", lambda: checkouts[-1].expires_at)
    assert bank.provider.start(checkouts[1]).reference
    with pytest.raises(ProviderUnavailable):
        bank.provider.start(checkouts[0])


@pytest.mark.parametrize("saved", [False, True])
def test_a_late_payment_is_found_and_never_made_again(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch, *, saved: bool
) -> None:
    """A process that was down for days asks again, when Stripe has long forgotten the key."""
    method = bank.saved_card() if saved else None
    made, never_made = (
        dataclasses.replace(a_checkout(bank), saved_method=method) for _ in range(2)
    )
    started = bank.provider.start(made)
    bank.server.forget_keys()
    later = made.expires_at + 3 * 24 * 3600 * SECOND
    monkeypatch.setattr(ours, "now", lambda: later)
    assert bank.provider.start(made) == started
    with pytest.raises(ProviderRefused) as refusal:
        bank.provider.start(never_made)
    assert refusal.value.values == {"reason": "expired"}
    assert bank.payments() == 1


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ({"declines": ("card_declined", "insufficient_funds")}, "insufficient_funds"),
        ({"declines": ("expired_card", None)}, "expired_card"),
        (
            {"declines": ("authentication_required", "authentication_required")},
            "authentication_required",
        ),
        ({"asks": True}, "authentication_required"),
    ],
)
def test_a_saved_card_that_is_declined_is_refused_with_the_banks_code(
    bank: StripeBank, card: dict[str, Any], reason: str
) -> None:
    checkout = dataclasses.replace(a_checkout(bank), saved_method=bank.saved_card(**card))
    for _ in range(2):
        with pytest.raises(ProviderRefused) as refusal:
            bank.provider.start(checkout)
        assert refusal.value.values == {"reason": reason}
    (intent,) = bank.all("payment_intent")
    assert intent["status"] in {"requires_payment_method", "canceled"}
    assert bank.found(intent["id"]).state is PaymentState.FAILED


def test_a_card_that_failed_earlier_is_not_charged_in_a_repetition(
    bank: StripeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = bank.saved_card(declines=("card_declined", "lost_card"))
    checkout = dataclasses.replace(a_checkout(bank), saved_method=method)
    with pytest.raises(ProviderRefused):
        bank.provider.start(checkout)
    bank.server.things[method.partition(":")[2]]["declines"] = None
    for later in (now(), checkout.expires_at):
        monkeypatch.setattr(ours, "now", lambda moment=later: moment)
        with pytest.raises(ProviderRefused) as refusal:
            bank.provider.start(checkout)
        assert refusal.value.values == {"reason": "lost_card"}
        bank.server.forget_keys()
    assert bank.payments() == 1


@pytest.mark.parametrize("missing", ["SECRET_KEY", "WEBHOOK_SECRET", "SECRET_KEY WEBHOOK_SECRET"])
@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_without_either_secret_it_is_off(
    monkeypatch: pytest.MonkeyPatch, missing: str, empty: str | None
) -> None:
    for name in ("SECRET_KEY", "WEBHOOK_SECRET"):
        value = empty if name in missing.split() else "set"
        if value is None:
            monkeypatch.delenv(f"AUGURY_STRIPE_{name}", raising=False)
        else:
            monkeypatch.setenv(f"AUGURY_STRIPE_{name}", value)
    assert open_provider(cast("Context", None)) is None


def test_with_both_secrets_it_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGURY_STRIPE_SECRET_KEY", KEY)
    monkeypatch.setenv("AUGURY_STRIPE_WEBHOOK_SECRET", f"{WEBHOOK_SECRET}\n")
    monkeypatch.setenv("AUGURY_STRIPE_CURRENCIES", "USD, GBP")
    opened = open_provider(cast("Context", None))
    assert opened is not None
    assert opened.currencies == {"USD", "GBP"}
    with pytest.raises(NotificationRefused):
        opened.read(sent({}, "whsec_other"))
    assert (
        opened.read(
            sent({"object": "event", "type": "x", "livemode": False, "data": {"object": {}}})
        )
        is None
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("currencies", "usd", "three capitals"),
        ("currencies", "USD,", "three capitals"),
        ("currencies", "USD,ISK,UGX", "ISK, UGX in other units"),
        ("tolerance_seconds", "0", "greater than or equal to 1"),
        ("api_url", "http://api.stripe.com", "match pattern"),
        ("api_url", "https://", "match pattern"),
        ("api_url", "http://127.0.0.1.example", "match pattern"),
    ],
)
def test_a_setting_that_would_lose_money_or_the_key_is_refused(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence) as refusal:
        settings(**{name: value})
    assert KEY not in str(refusal.value)


def test_every_setting_has_a_row_in_the_documentation() -> None:
    page = Path(__file__).parents[3] / "docs/settings.md"
    rows = re.findall(r"^\| `(AUGURY_STRIPE_[A-Z_]+)` \|", page.read_text(), re.MULTILINE)
    assert rows == [f"AUGURY_STRIPE_{name.upper()}" for name in StripeSettings.model_fields]


def settings(**changes: Any) -> StripeSettings:
    return StripeSettings(**{"secret_key": KEY, "webhook_secret": WEBHOOK_SECRET, **changes})
