"""The frame around a request, driven by hand: what a caller gets when the server stops."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from augury.api.frame import App, Frame

Message = MutableMapping[str, Any]


async def cancelled(app: App, *, door: bool) -> list[Message]:
    """Start a request to the app, cancel it when it has got going, and return what was sent."""
    sent: list[Message] = []
    running = asyncio.Event()

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        running.set()
        await asyncio.sleep(60)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/door",
        "headers": [(b"accept-language", b"ru"), (b"x-request-id", b"find-me-1")],
    }
    frame = Frame(inside, {"/door": inside} if door else {})
    task = asyncio.ensure_future(frame(scope, receive, send))
    await asyncio.wait_for(running.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return sent


async def _nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    pass


async def _half(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": []})


@pytest.mark.parametrize("door", [True, False])
def test_a_request_that_is_cut_off_is_told_so(door: bool) -> None:
    """A cancelled request whose answer has not begun is answered 503 `stopping`, once."""
    start, body = asyncio.run(cancelled(_nothing, door=door))
    assert (start["type"], start["status"]) == ("http.response.start", 503)
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-request-id"] == b"find-me-1"
    assert int(headers[b"retry-after"]) >= 1
    assert int(headers[b"content-length"]) == len(body["body"])
    assert not body.get("more_body")
    problem = json.loads(body["body"])
    assert (problem["status"], problem["code"]) == (503, "stopping")
    assert problem["request_id"] == "find-me-1"


def test_an_answer_that_has_begun_is_not_answered_again() -> None:
    """A cancelled request whose answer is on its way gets no second one on top."""
    (start,) = asyncio.run(cancelled(_half, door=True))
    assert start["status"] == 201
