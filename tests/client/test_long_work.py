"""Long work that tells of itself: what it comes to, why it failed, and a line that breaks off."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from augury.client import ApiError, Client, Patience, Unreachable

WHOLE = {"is_whole": True, "number": 7, "link": "ab", "waiting": 0, "seconds": 0.1, "faults": []}
STAGE = {"stage": "events", "done": 5, "total": 7}
REFUSED = {"status": 503, "code": "ledger_unavailable", "detail": "Later.", "request_id": "r-1"}


def event(name: str, told: object) -> bytes:
    """Return an event as the API sends it."""
    return f"event: {name}\ndata: {json.dumps(told)}\n\n".encode()


def client(content: bytes | Iterator[bytes]) -> Client:
    """Return a client of an API that answers everything with a stream."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=content)

    transport = httpx2.MockTransport(answer)
    return Client("http://api.test", patience=Patience(attempts=1), transport=transport)


def test_what_it_comes_to_is_returned_and_every_stage_told() -> None:
    """Events of next year and comments are passed over; nobody has to listen."""
    stream = b": still there\n\n" + event("progress", STAGE) + event("pause", {})
    told: list[Any] = []
    found = client(stream + event("result", WHOLE)).admin.audit.verify(
        tell=lambda *stage: told.append(stage)
    )
    assert (found.is_whole, found.number, told) == (True, 7, [("events", 5, 7)])
    assert client(stream + event("result", WHOLE)).admin.audit.verify().is_whole


def test_why_it_failed_is_a_refusal_like_any_other() -> None:
    """With the code, the sentence and the request of a problem."""
    with pytest.raises(ApiError) as refused:
        client(event("progress", STAGE) + event("problem", REFUSED)).admin.audit.verify()
    assert (refused.value.code, refused.value.status) == ("ledger_unavailable", 503)
    assert (refused.value.detail, refused.value.request_id) == ("Later.", "r-1")


def test_a_line_that_breaks_off_is_no_result() -> None:
    """Whether it ends in peace or not."""

    def torn() -> Iterator[bytes]:
        yield event("progress", STAGE)
        message = "reset"
        raise httpx2.ReadError(message)

    for content in (event("progress", STAGE), torn()):
        with pytest.raises(Unreachable):
            client(content).admin.audit.verify()


@pytest.mark.parametrize("name", ["progress", "result", "problem"])
def test_what_cannot_be_read_is_said(name: str) -> None:
    with pytest.raises(ApiError) as refused:
        client(event(name, {"of": "next year"})).admin.audit.verify(tell=lambda *_: None)
    assert refused.value.code == "unreadable_answer"
