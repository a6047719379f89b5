"""The client over batches: uploads that stream, progress that is followed however bad the line."""

import io
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from augury.client import ApiError, Batch, Client, Patience, Unreachable

BATCH: dict[str, Any] = {
    "id": "b1",
    "status": "running",
    "model": "m",
    "version": 1,
    "explain": False,
    "rows": 10,
    "rows_done": 0,
    "rows_failed": 0,
    "price_per_row": 5,
    "credits_held": 50,
    "credits_captured": 0,
    "error": None,
    "created_at": "2026-11-02T12:30:00Z",
    "completed_at": None,
}
DONE = BATCH | {"status": "succeeded", "rows_done": 10, "credits_captured": 50}
LOST = httpx2.ReadError("the line broke")
STREAM = {"Content-Type": "text/event-stream"}

Answer = Callable[[httpx2.Request], httpx2.Response]


class Broken(httpx2.SyncByteStream):
    """A body that breaks off after its pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        raise LOST


def event(**changes: Any) -> bytes:
    return b"event: progress\r\ndata: " + msgspec.json.encode(BATCH | changes) + b"\r\n\r\n"


def events(*told: bytes, broken: bool = False) -> Answer:
    if broken:
        return lambda _: httpx2.Response(200, stream=Broken(*told), headers=STREAM)
    return lambda _: httpx2.Response(200, content=b"".join(told), headers=STREAM)


def now(**changes: Any) -> Answer:
    return lambda _: httpx2.Response(200, json=BATCH | changes)


def scripted(*answers: Answer, **options: Any) -> tuple[Client, list[str]]:
    """Return a client that gets these answers, and the last part of what it asks for."""
    left, asked = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path.rpartition("/")[2])
        return left.pop(0)(request)

    return Client("http://api.test", transport=httpx2.MockTransport(answer), **options), asked


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client wanted to make, none of which is made."""
    made: list[float] = []
    monkeypatch.setattr("augury.client.batches.time.sleep", made.append)
    return made


def test_progress_is_told_as_its_events_come(pauses: list[float]) -> None:
    """Comments that keep the line open are no progress, nor are events of next year."""
    client, asked = scripted(
        now(),
        events(b": ping\r\n\r\n", event(rows_done=4), b"event: news\ndata: 1\n\n", event(**DONE)),
    )
    told: list[Batch] = []
    found = client.batches.await_batch("b1", on_progress=told.append)
    assert ([one.rows_done for one in told], found.status) == ([0, 4, 10], "succeeded")
    assert (asked, pauses) == (["b1", "events"], [])


def test_what_is_over_already_is_not_listened_to() -> None:
    client, asked = scripted(now(**DONE))
    assert client.batches.await_batch("b1").is_over
    assert asked == ["b1"]


def test_events_that_break_off_are_listened_to_again(pauses: list[float]) -> None:
    """In between it is asked for: the end may have come meanwhile."""
    client, asked = scripted(
        now(),
        events(event(rows_done=4), b"event: progress\r\ndata: {", broken=True),
        now(rows_done=5),
        events(event(**DONE)),
    )
    assert client.batches.await_batch("b1").rows_done == 10
    assert asked == ["b1", "events", "b1", "events"]


def test_where_no_events_come_it_is_asked_for_with_growing_pauses(pauses: list[float]) -> None:
    """Something on the way keeps them back, or is older than they are."""
    for silent in (
        events(broken=True),
        lambda _: httpx2.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        lambda _: httpx2.Response(404, json={"code": "not_found"}),
    ):
        client, asked = scripted(now(), silent, now(), now(), now(**DONE))
        assert client.batches.await_batch("b1").is_over
        assert asked == ["b1", "events", "b1", "b1", "b1"]
    assert pauses[:3] == sorted(pauses[:3])
    assert len(pauses) == 9


def test_waiting_ends_when_time_is_up() -> None:
    client, _ = scripted(now(), events())
    with pytest.raises(TimeoutError, match="b1 is still running"):
        client.batches.await_batch("b1", timeout_seconds=0)


def test_an_api_that_is_gone_ends_the_waiting(pauses: list[float]) -> None:
    def gone(_: httpx2.Request) -> httpx2.Response:
        raise LOST

    client, _ = scripted(now(), events(event()), gone, patience=Patience(attempts=1))
    with pytest.raises(Unreachable):
        client.batches.await_batch("b1")


class Counter(httpx2.BaseTransport):
    """Takes uploads as a line does, piece by piece; breaks the first ones."""

    def __init__(self, breaks: int = 0) -> None:
        self.sent: list[int] = []
        self.keys: list[str | None] = []
        self.heads: list[bytes] = []
        self._breaks = breaks

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.SyncByteStream)
        self.keys.append(request.headers.get("Idempotency-Key"))
        self.sent.append(0)
        self.heads.append(b"")
        for piece in request.stream:
            self.sent[-1] += len(piece)
            self.heads[-1] += piece if len(self.heads[-1]) < 500 else b""
            if len(self.sent) <= self._breaks and self.sent[-1] > 100_000:
                raise LOST
        assert int(request.headers["Content-Length"]) == self.sent[-1]
        return httpx2.Response(202, json=BATCH)


def test_a_file_goes_over_the_line_without_being_in_memory(tmp_path: Path) -> None:
    """64 MiB of it take less than 2 MiB."""
    path = tmp_path / "rows.csv"
    with path.open("wb") as file:
        file.truncate(64 * 2**20)
    line = Counter()
    client = Client("http://api.test", transport=line)
    tracemalloc.start()
    try:
        client.batches.create(path, "m")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert line.sent[0] > 64 * 2**20
    assert peak < 2 * 2**20


@pytest.mark.parametrize("opened", [False, True])
def test_a_broken_upload_goes_again_from_the_first_byte_under_the_same_key(
    opened: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a path or of an open file; the one who is told hears of the new start."""
    monkeypatch.setattr("augury.client.transport.time.sleep", lambda _: None)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x" * 400_000)
    line, told = Counter(breaks=2), []
    source = io.BytesIO(path.read_bytes()) if opened else path
    Client("http://api.test", transport=line).batches.create(
        source, "m", name="a.csv", on_bytes=lambda done, all_: told.append((done, all_))
    )
    assert len(set(line.keys)) == 1 < len(line.sent) == 3
    assert line.sent[2] > 400_000
    assert told[-1] == (400_000, 400_000)
    assert sum(later < earlier for (earlier, _), (later, _) in pairwise(told)) == 2
    assert b'filename="a.csv"' in line.heads[2]


def test_the_model_goes_before_the_file(tmp_path: Path) -> None:
    """So that whoever reads it can say no before the file has come."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x")
    line = Counter()
    Client("http://api.test", transport=line).batches.create(path, "credit@2", explain=True)
    (head,) = line.heads
    assert head.index(b"credit@2") < head.index(b'name="explain"') < head.index(b'name="file"')


def test_two_files_have_two_keys_and_an_own_one_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x")
    line = Counter()
    client = Client("http://api.test", transport=line)
    for key in (None, None, "of-may"):
        client.batches.create(path, "m", idempotency_key=key)
    first, second, third = line.keys
    assert (first != second, third) == (True, "of-may")


def test_results_that_break_off_are_fetched_again_and_never_half_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augury.client.transport.time.sleep", lambda _: None)
    target = tmp_path / "out.csv"

    def half(_: httpx2.Request) -> httpx2.Response:
        assert not target.exists()
        return httpx2.Response(200, stream=Broken(b"half"))

    client, _ = scripted(half, lambda _: httpx2.Response(200, content=b"whole"))
    client.batches.save_results("b1", target)
    assert target.read_bytes() == b"whole"
    client, _ = scripted(half, patience=Patience(attempts=1))
    target.unlink()
    with pytest.raises(Unreachable):
        client.batches.save_results("b1", target)
    assert list(tmp_path.iterdir()) == []


def test_results_that_are_not_there_are_a_refusal(tmp_path: Path) -> None:
    client, _ = scripted(lambda _: httpx2.Response(409, json={"code": "no_results"}))
    with pytest.raises(ApiError) as refused:
        client.batches.save_results("b1", tmp_path / "out.csv")
    assert refused.value.code == "no_results"


def test_a_refused_token_is_replaced_once() -> None:
    """Any call may be made again: at the door nothing was done. A second refusal is the answer."""

    def no(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(401, json={"code": "unauthenticated"})

    def yes(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "Bearer new"
        return httpx2.Response(200, json=BATCH)

    told: list[str] = []

    def renew(token: str) -> str | None:
        told.append(token)
        return "new"

    client, asked = scripted(no, yes, yes, token="old", renew=renew)
    client.batches.cancel("b1")
    client.batches.batch("b1")
    assert (told, asked) == (["old"], ["cancel", "cancel", "b1"])
    for refused in (scripted(no, token="old", renew=lambda _: None), scripted(no, token="old")):
        with pytest.raises(ApiError):
            refused[0].batches.batch("b1")
    client, _ = scripted(no, no, token="old", renew=renew)
    with pytest.raises(ApiError):
        client.batches.batch("b1")
