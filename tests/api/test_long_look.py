"""Looks at everything: told of while they go on, one at a time, over when their reader has gone."""

import asyncio
import threading
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Message

from augury.api import long_look
from augury.api.long_look import LongLook, StageOut
from augury.kit.coalescer import Overloaded
from augury.kit.errors import LedgerUnavailable
from augury.kit.progress import Tell, counted

FOUND = StageOut(stage="found", done=1, total=1)


def asked() -> Request:
    """Return a request as the frame hands it on."""
    state = {"language": "en", "request_id": "r-1"}
    return Request({"type": "http", "headers": [], "state": state})


def events_of(stream: list[Any]) -> list[tuple[str, Any]]:
    """Return the events of what was sent, and what they tell."""
    answer = httpx2.Response(
        200,
        headers={"Content-Type": "text/event-stream"},
        content=b"".join(stream),
        request=httpx2.Request("GET", "http://here"),
    )
    return [(one.event, msgspec.json.decode(one.data)) for one in httpx2.EventSource(answer)]


def test_what_goes_on_is_told_and_a_second_look_is_put_off() -> None:
    """The stage as it is, then the result; afterwards another may look."""
    has_told, go_on = threading.Event(), threading.Event()

    def look(tell: Tell) -> StageOut:
        tell("transfers", 1, 10)
        tell("transfers", 5, 10)
        has_told.set()
        assert go_on.wait(60)
        return FOUND

    async def follow() -> list[Any]:
        looks: LongLook[StageOut] = LongLook(7)
        events = aiter(looks.stream(asked(), look).body_iterator)
        assert await asyncio.to_thread(has_told.wait, 60)
        told = [await anext(events)]
        with pytest.raises(Overloaded) as refused:
            await looks.answer(look)
        assert refused.value.retry_after_seconds == 7
        go_on.set()
        told += [one async for one in events]
        assert await looks.answer(look) == FOUND
        return told

    stages = events_of(asyncio.run(follow()))
    assert stages == [
        ("progress", {"stage": "transfers", "done": 5, "total": 10}),
        ("result", FOUND.model_dump()),
    ]


def test_a_look_ends_when_its_reader_has_gone() -> None:
    """The next one begins at once, and nothing is read for nobody."""
    ended = threading.Event()

    def look(tell: Tell) -> StageOut:
        try:
            for done in range(100_000):
                tell("transfers", done, 100_000)
                threading.Event().wait(0.001)
        finally:
            ended.set()
        return FOUND

    async def leave() -> None:
        looks: LongLook[StageOut] = LongLook(7)
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        await looks.stream(asked(), look)({"type": "http"}, receive, send)
        assert await asyncio.to_thread(ended.wait, 60)
        # The thread that looked is about to let go.
        assert await asyncio.to_thread(looks.looking.acquire, timeout=60)
        looks.looking.release()
        assert await looks.answer(lambda _: FOUND) == FOUND

    asyncio.run(asyncio.wait_for(leave(), 150))


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [(LedgerUnavailable(), "ledger_unavailable", 503), (OSError("a disk"), "internal_error", 500)],
)
def test_what_fails_says_so_at_the_end(fault: Exception, code: str, status: int) -> None:
    """As the answer would have, without what went wrong inside; and the way is free."""

    def look(_: Tell) -> StageOut:
        raise fault

    async def follow() -> list[Any]:
        looks: LongLook[StageOut] = LongLook(7)
        told = [one async for one in looks.stream(asked(), look).body_iterator]
        assert not looks.looking.locked()
        return told

    ((event, problem),) = events_of(asyncio.run(follow()))
    assert (event, problem["code"], problem["status"]) == ("problem", code, status)
    assert problem["request_id"] == "r-1"
    assert "a disk" not in str(problem)


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment, so that nothing on the way takes the line for dead."""
    monkeypatch.setattr(long_look, "LOOK_SECONDS", 0)
    monkeypatch.setattr(long_look, "HEARTBEAT_SECONDS", 0)
    go_on = threading.Event()

    def look(_: Tell) -> StageOut:
        assert go_on.wait(60)
        return FOUND

    async def follow() -> list[Any]:
        looks: LongLook[StageOut] = LongLook(7)
        events = aiter(looks.stream(asked(), look).body_iterator)
        told = [await anext(events)]
        go_on.set()
        return told + [one async for one in events]

    sent = asyncio.run(follow())
    assert sent[0].startswith(b":")
    assert [event for event, _ in events_of(sent)] == ["result"]


def test_a_look_that_cannot_begin_leaves_the_way_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has as many threads as it may have."""

    def start(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    async def ask() -> None:
        looks: LongLook[StageOut] = LongLook(7)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="new thread"):
                await looks.answer(lambda _: FOUND)
        assert await looks.answer(lambda _: FOUND) == FOUND

    asyncio.run(ask())


@pytest.mark.parametrize("rows", [0, 1, 5_000, 12_345])
def test_rows_are_counted_while_they_are_read(rows: int) -> None:
    """At the start, now and then, and all of them at the end, however many were thought to be there; of none not at all."""
    told: list[tuple[str, int, int]] = []
    read = list(counted(range(rows), "rows", 10_000, lambda *stage: told.append(stage)))
    assert read == list(range(rows))
    seen = [("rows", done, 10_000) for done in range(0, rows, 5_000)]
    assert told == ([*seen, ("rows", rows, rows)] if rows else [])
