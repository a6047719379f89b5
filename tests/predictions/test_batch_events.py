"""How a batch goes on: server-sent events, their end, and how many may listen."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from augury.api import sse
from augury.api.limits import TooManyAtOnce, Turns
from augury.kit.coalescer import Overloaded
from augury.kit.errors import LedgerUnavailable
from support.batch_shop import BatchShop, open_shop
from support.databases import sqlite_database
from support.files import PRICE, applicants, await_end, send, written
from support.houses import findings, fund, servers, sign_up


class State(BaseModel):
    """How far something is."""

    done: int


def told(events: AsyncIterator[bytes], most: int = 1000) -> list[str]:
    """Return what a stream tells, up to so many pieces."""

    async def read() -> list[str]:
        return [piece.decode() async for piece, _ in _zipped(events, range(most))]

    return asyncio.run(read())


async def _zipped(events: AsyncIterator[bytes], numbers: Iterator[int] | range) -> Any:
    for number in numbers:
        with suppress(StopAsyncIteration):
            yield await anext(events), number


def test_every_change_is_told_once_and_the_end_ends_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first event is the state as it is; a database that is away is no news."""
    monkeypatch.setattr(sse, "LOOK_SECONDS", 0)
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 3600)
    seen: Iterator[int | None] = iter([1, 1, None, 2, 2, 3, 4])

    def look() -> State:
        state = next(seen)
        if state is None:
            raise LedgerUnavailable
        return State(done=state)

    pieces = told(sse.progress(look, lambda state: state.done == 3))
    assert all(piece.startswith("event: progress\ndata: ") for piece in pieces)
    assert [json.loads(piece.split("data: ")[1].split("\n")[0])["done"] for piece in pieces] == [
        1, 2, 3,
    ]  # fmt: skip
    assert all(piece.endswith("\n\n") for piece in pieces)


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment that readers skip, so that nothing on the way takes the line for dead."""
    monkeypatch.setattr(sse, "LOOK_SECONDS", 0)
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0)
    first, *others = told(sse.progress(partial(State, done=1), lambda _: False), 4)
    assert first.startswith("event: progress")
    assert others == [": ping\n\n"] * 3


def test_so_many_of_one_and_so_many_in_all() -> None:
    """Who has too many is told so; whoever ends makes room."""
    turns = Turns(2, 3)
    turns.begin("anna")
    turns.begin("anna")
    with pytest.raises(TooManyAtOnce):
        turns.begin("anna")
    turns.begin("boris")
    with pytest.raises(Overloaded):
        turns.begin("clara")
    turns.end("anna")
    turns.begin("clara")
    with pytest.raises(Overloaded):
        turns.begin("anna")


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchShop]:
    """A house whose customer anna starts with 5000 credits."""
    with open_shop(database_url, tmp_path, monkeypatch) as opened:
        yield opened


def test_nobody_has_more_open_requests_than_allowed(shop: BatchShop) -> None:
    """Of each kind, counted for the customer; a stream that has ended makes room."""
    content = written("csv", applicants(1))
    id_ = shop.send(content).json()["id"]
    shop.run()
    me = shop.get("me")["id"]
    for _ in range(20):
        assert shop.client.get(f"/v1/batches/{id_}/events", headers=shop.headers).status_code == 200
        assert shop.results(id_).status_code == 200
    lines = shop.client.app._app.state.batch_lines  # type: ignore[attr-defined]
    for turns, most, ask in (
        (
            lines.events,
            5,
            lambda: shop.client.get(f"/v1/batches/{id_}/events", headers=shop.headers),
        ),
        (lines.downloads, 4, lambda: shop.results(id_)),
        (lines.uploads, 20, lambda: shop.send(content, path="/quotes")),
    ):
        for _ in range(most):
            turns.begin(me)
        refused = ask()
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_at_once")
        assert refused.headers["Retry-After"]
        turns.end(me)
        assert ask().status_code == 200


def test_a_stream_tells_what_another_process_does(tmp_path: Path) -> None:
    """Over a real connection: every event is the batch, the last one its end, and then it ends."""
    url = sqlite_database(tmp_path)
    with servers(url, tmp_path, 2) as (first, second):
        with httpx2.Client(base_url=first.address, timeout=120) as client:
            anna = sign_up(client)
            fund(url, client.get("/v1/me", headers=anna).json()["id"], 30_000 * PRICE)
            # So wide that there are several chunks.
            wide = dict.fromkeys([f"note_{number}" for number in range(100)], "")
            rows = [row | wide for row in applicants(30_000)]
            id_ = send(client, anna, written("csv", rows)).json()["id"]
            path = f"{second.address}/v1/batches/{id_}/events"
            with httpx2.stream("GET", path, headers=anna, timeout=120) as answer:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                lines = list(answer.iter_lines())
            seen = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
            assert [one["rows_done"] for one in seen] == sorted(one["rows_done"] for one in seen)
            assert seen[-1] == await_end(client, anna, id_)
            assert (seen[-1]["status"], seen[-1]["rows_done"]) == ("succeeded", 30_000)
    assert findings(url) == []
