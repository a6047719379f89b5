"""What can go wrong between YooKassa and us: silence, odd answers, secrets in logs, threads."""

import base64
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import yookassa
from structlog.testing import capture_logs

from augury.kit.errors import Refusal
from augury.payments.providers import yookassa_client
from augury.payments.providers.protocol import ProviderRefused, ProviderUnavailable
from payments.providers.yookassa_bank import (
    PRICE,
    YooKassaBank,
    checkout,
    found,
    open_bank,
    paid,
    provider_of,
    refunding,
    started,
)
from payments.providers.yookassa_server import SECRET_KEY, SHOP_ID, YooKassaServer

TOKEN = base64.b64encode(f"{SHOP_ID}:{SECRET_KEY}".encode()).decode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def bank() -> Iterator[YooKassaBank]:
    with open_bank() as opened:
        yield opened


def said(**error: Any) -> bytes:
    return json.dumps({"type": "error", "id": "ab5a11cd", **error}).encode()


def outcomes(bank: YooKassaBank, reference: str) -> list[Refusal]:
    """Ask for everything and return how each of it ended."""
    refusals = []
    for ask in (
        lambda: bank.provider.start(checkout()),
        lambda: bank.provider.find(reference, PRICE),
        lambda: bank.provider.refund(refunding(reference, 100)),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        refusals.append(refused.value)
    return refusals


@pytest.mark.parametrize(
    ("status", "content", "headers", "seconds"),
    [
        (500, said(code="internal_server_error"), JSON, 10),
        (502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}, 10),
        (503, b"", {"Retry-After": "120"}, 120),
        (429, said(code="too_many_requests", retry_after=1800), JSON, 2),
        (429, said(code="too_many_requests"), {"Retry-After": "0"}, 1),
        (503, b"[]", {"Retry-After": "99999999999999999999"}, 3600),
        (503, b"[]", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10),
        (202, said(code="processing", retry_after=5000), JSON, 5),
        (302, b"", {"Location": "/v3/elsewhere"}, 10),
        (418, b"[" * 100_000, JSON, 10),
        (204, b"", {}, 10),
    ],
)
def test_answers_that_decide_nothing_are_unavailable(
    bank: YooKassaBank, status: int, content: bytes, headers: dict[str, str], seconds: int
) -> None:
    reference = paid(bank)
    before = len(bank.server.asked)
    bank.server.answers = (status, content, headers)
    for refusal in outcomes(bank, reference):
        assert isinstance(refusal, ProviderUnavailable)
        assert refusal.retry_after_seconds == seconds
    assert len(bank.server.asked) == before + 3, "nothing is repeated and no redirect is followed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"id": "1", "status": "pending"}',
        b'{"id": "1", "status": "odd", "amount": {"value": "1.00", "currency": "RUB"}}',
        b'{"id": "1", "status": "succeeded", "amount": {"value": 1.00, "currency": "RUB"}}',
        b'{"id": "1", "status": "succeeded", "amount": {"value": "1", "currency": "RUB"}}',
        b'{"id": "1", "status": "succeeded", "amount": {"value": "1.000", "currency": "RUB"}}',
        b'{"id": "1", "status": "succeeded", "amount": {"value": "-1.00", "currency": "RUB"}}',
        b'{"id": "1", "status": "succeeded", "amount": {"value": "1.00\\n", "currency": "RUB"}}',
        '{"id": "1", "status": "succeeded", "amount": {"value": "١.٠٠", "currency": "RUB"}}'.encode(),
        b'{"id": "1", "status": "succeeded", "amount": {"value": "1e5", "currency": "RUB"}}',
    ],
)
def test_answers_that_cannot_be_read_decide_nothing(bank: YooKassaBank, content: bytes) -> None:
    reference = paid(bank)
    bank.server.answers = (200, content, JSON)
    with capture_logs() as logs:
        refusals = outcomes(bank, reference)
    assert {type(refusal) for refusal in refusals} == {ProviderUnavailable}
    assert {one["event"] for one in logs} == {"yookassa_answer_unreadable"}


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (400, said(code="invalid_request", parameter="amount"), "invalid_request"),
        (400, said(code="not_supported"), "not_supported"),
        (400, said(code="x" * 200), "x" * 64),
        (400, b"<html>", "refused"),
        (410, said(code="gone"), "gone"),
        (404, said(code="not_found"), "not_found"),
    ],
)
def test_a_no_of_yookassa_is_a_refusal_with_its_code(
    bank: YooKassaBank, status: int, content: bytes, reason: str
) -> None:
    bank.server.answers = (status, content, JSON)
    with pytest.raises(ProviderRefused) as refused:
        started(bank)
    assert refused.value.values == {"reason": reason}


def test_a_payment_that_vanishes_before_its_refund_is_refused(bank: YooKassaBank) -> None:
    reference = paid(bank)

    def vanish(asked: Any) -> None:
        if asked.path == "/v3/refunds":
            bank.server.payments.clear()

    bank.server.meanwhile = vanish
    with pytest.raises(ProviderRefused) as refused:
        bank.provider.refund(refunding(reference, 100))
    assert refused.value.values == {"reason": "not_found"}


def test_a_wrong_secret_is_an_error_in_the_log_and_not_a_refusal(bank: YooKassaBank) -> None:
    wrong = provider_of(bank.server, secret_key="another-secret-of-the-shop")
    with capture_logs() as logs, pytest.raises(ProviderUnavailable):
        wrong.start(checkout())
    (line,) = logs
    assert (line["log_level"], line["status"]) == ("error", 401)
    assert line["error_code"] == "invalid_credentials"
    assert "another-secret-of-the-shop" not in json.dumps(logs)


def test_nothing_is_waited_for_longer_than_our_patience(
    bank: YooKassaBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yookassa_client, "PATIENCE_SECONDS", 0.2)
    bank.server.stalled = threading.Event()
    try:
        with pytest.raises(ProviderUnavailable):
            bank.provider.find("a-payment", PRICE)
    finally:
        bank.server.stalled.set()


def test_nothing_is_asked_when_no_time_is_left(
    bank: YooKassaBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yookassa_client, "PATIENCE_SECONDS", 0)
    with pytest.raises(ProviderUnavailable):
        bank.provider.find("a-payment", PRICE)
    assert bank.server.asked == []


def test_pages_without_an_end_are_given_up(
    bank: YooKassaBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = paid(bank)
    monkeypatch.setattr(yookassa_client, "PATIENCE_SECONDS", 0.5)

    def endless(asked: Any) -> None:
        if asked.path == "/v3/refunds":
            bank.server.answers = (200, b'{"items": [], "next_cursor": "again"}', JSON)

    bank.server.meanwhile = endless
    with pytest.raises(ProviderUnavailable):
        bank.provider.refund(refunding(reference, 100))
    assert bank.refunded_minor(reference) == 0


def test_nobody_at_home_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody else is given the port meanwhile
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v3"
        with pytest.raises(ProviderUnavailable):
            provider_of(YooKassaServer(address=address)).find("a-payment", PRICE)


def test_the_secret_is_in_no_log_even_when_the_sdk_is_given_a_logger(
    bank: YooKassaBank, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(yookassa.Configuration, "logger", None)
    yookassa.Configuration.configure_logger(logging.getLogger("of-the-shop"))
    with capture_logs() as logs:
        reference = paid(bank)
        bank.server.cuts = "before"
        outcomes(bank, reference)
    assert caplog.records, "the HTTP library logs, so that something could be found"
    everything = json.dumps(logs) + "".join(str(record.__dict__) for record in caplog.records)
    assert SECRET_KEY not in everything
    assert TOKEN not in everything
    assert "anna@example.com" not in everything
    assert SECRET_KEY not in repr(bank.provider._settings)


def test_the_configuration_of_the_process_cannot_change_ours(
    bank: YooKassaBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("account_id", "secret_key", "api_url", "auth_token", "verify"):
        monkeypatch.setattr(yookassa.Configuration, name, getattr(yookassa.Configuration, name))
    yookassa.Configuration.configure("7", "x", api_url="http://127.0.0.1:9/v3", verify=False)
    assert found(bank, started(bank)).money == PRICE
    assert bank.provider._client.configuration.verify is True


def test_threads_of_two_shops_never_mix(bank: YooKassaBank) -> None:
    stranger = provider_of(bank.server, shop_id="7")

    def ask(number: int) -> bool:
        provider, wanted = stranger if number % 2 else bank.provider, checkout()
        for _ in range(5):  # on a busy machine an answer may come too late
            with suppress(ProviderUnavailable):
                return provider.start(wanted).checkout_url is not None
        return False

    with ThreadPoolExecutor(16) as pool:
        answered = list(pool.map(ask, range(32)))
    assert answered == [number % 2 == 0 for number in range(32)]
    assert bank.payments() == 16
