"""The client over predictions in the background: ordered, awaited, cancelled, against a real API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from augury.client import ApiError, Client
from client.shop import Shop
from support.databases import sqlite_database
from support.houses import APPLICANT, findings, open_house, settings_for

MODEL = "credit-logistic-regression"
QUEUED = {
    "id": "p1",
    "status": "queued",
    "model": MODEL,
    "version": 1,
    "rows": 1,
    "price": 10,
    "outputs": None,
    "charge": None,
    "error": None,
    "created_at": "2026-11-02T12:30:00Z",
    "completed_at": None,
}
FAILED = QUEUED | {"status": "failed", "error": {"code": "model_failed", "message": "Because."}}


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Client]:
    """A client of a real house."""
    url = sqlite_database(tmp_path)
    with open_house(settings_for(url, tmp_path)) as (http, house):
        yield Shop(http, house).customer()
    assert findings(url) == []


def scripted(*answers: dict[str, Any]) -> tuple[Client, list[httpx2.Request]]:
    """Return a client that gets these predictions one after the other, and what it sends."""
    left, sent = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json=left.pop(0))

    return Client("http://api.test", transport=httpx2.MockTransport(answer)), sent


def test_an_ordered_prediction_can_be_awaited(customer: Client) -> None:
    """It comes back at once, unfinished, and then with what it costs and gives."""
    ordered = customer.predict(MODEL, APPLICANT, wait=False)
    assert ordered.price == 10
    done = customer.await_prediction(ordered.id)
    assert (done.id, done.status, done.is_over, done.error) == (ordered.id, "succeeded", True, None)
    assert done.outputs is not None
    assert done.charge is not None
    assert customer.me().balance.available == 4990


def test_what_is_over_cannot_be_cancelled(customer: Client) -> None:
    """The refusal can be told from others by its code."""
    done = customer.await_prediction(customer.predict(MODEL, APPLICANT, wait=False).id)
    with pytest.raises(ApiError) as refused:
        customer.cancel(done.id)
    assert refused.value.code == "not_cancellable"


def test_awaiting_asks_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses; a failure is an answer, with its reason."""
    pauses: list[float] = []
    monkeypatch.setattr("augury.client.sdk.time.sleep", pauses.append)
    client, sent = scripted(QUEUED, QUEUED | {"status": "running"}, FAILED)
    found = client.await_prediction("p1")
    assert found.error is not None
    assert (found.status, found.error.code, len(sent)) == ("failed", "model_failed", 3)
    assert pauses == sorted(pauses)
    assert len(pauses) == 2


def test_awaiting_ends_when_time_is_up() -> None:
    """Whoever does not want to wait longer hears how far it is."""
    client, _ = scripted(QUEUED)
    with pytest.raises(TimeoutError, match="queued"):
        client.await_prediction("p1", timeout_seconds=0)


def test_cancelling_is_one_call() -> None:
    """`cancel` posts to the prediction and gives it back."""
    client, sent = scripted(QUEUED | {"status": "cancelled"})
    assert client.cancel("p1").status == "cancelled"
    assert (sent[0].method, sent[0].url.path) == ("POST", "/v1/predictions/p1/cancel")
