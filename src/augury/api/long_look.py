"""A look at everything there is: it takes minutes, and one at a time is made in a process."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel
from starlette.requests import Request

from augury.api.apart import run_apart
from augury.api.errors import InternalError, render
from augury.api.sse import HEADERS, HEARTBEAT_SECONDS, LOOK_SECONDS, Stream
from augury.kit.coalescer import Overloaded
from augury.kit.errors import Refusal
from augury.kit.log import logger
from augury.kit.progress import Tell, to_nobody

Result = TypeVar("Result", bound=BaseModel)


class StageOut(BaseModel):
    """How far it has come: a stage, what is done of it, how much it is; 0 where nobody knows."""

    stage: str
    done: int
    total: int


class _ReaderHasGone(Exception):
    pass


class LongLook(Generic[Result]):
    """Answers with what a look found, or tells of it while it goes on.

    A second one at the same time would only make both slower: it is refused as `Overloaded`.
    """

    def __init__(self, again_seconds: int) -> None:
        """Tell those who are refused to come again so much later."""
        self._again_seconds = again_seconds
        self.looking = threading.Lock()

    def answer(self, look: Callable[[Tell], Result]) -> "asyncio.Future[Result]":
        """Return what will have what `look` finds."""
        return self._begin(look, to_nobody)

    def stream(self, request: Request, look: Callable[[Tell], Result]) -> Stream:
        """Send events `progress` while `look` goes on, and `result` with what it found.

        When its reader goes, the look ends as soon as it tells of itself again. When it fails, the
        last event is a `problem`, as the answer would have been.
        """
        told: list[StageOut] = []
        gone = threading.Event()

        def tell(stage: str, done: int, total: int) -> None:
            if gone.is_set():
                raise _ReaderHasGone
            told[:] = [StageOut(stage=stage, done=done, total=total)]

        found = self._begin(look, tell)
        # Whoever has gone does not ask how it ended.
        found.add_done_callback(lambda task: task.cancelled() or task.exception())
        return Stream(_events(request, found, told), gone.set, "text/event-stream", HEADERS)

    def _begin(self, look: Callable[[Tell], Result], tell: Tell) -> "asyncio.Future[Result]":
        if not self.looking.acquire(blocking=False):
            raise Overloaded(retry_after_seconds=self._again_seconds)

        def go() -> Result:
            try:
                return look(tell)
            finally:
                self.looking.release()

        try:
            return run_apart(go)
        except RuntimeError:  # no thread was to be had
            self.looking.release()
            raise


async def _events(
    request: Request, found: "asyncio.Future[Result]", told: list[StageOut]
) -> AsyncIterator[bytes]:
    last: list[StageOut] = []
    told_at = time.monotonic()
    while not (await asyncio.wait([found], timeout=LOOK_SECONDS))[0]:
        if told != last:
            last, told_at = list(told), time.monotonic()
            yield format_sse_event(event="progress", data_str=last[0].model_dump_json())
        elif time.monotonic() >= told_at + HEARTBEAT_SECONDS:
            told_at = time.monotonic()
            yield KEEPALIVE_COMMENT
    try:
        event, data = "result", found.result().model_dump_json()
    except Refusal as refusal:
        event, data = "problem", _problem(request, refusal)
    except Exception:  # noqa: BLE001 -- whatever it is, the reader gets an answer
        logger("api").exception("unexpected_error", request_id=request.state.request_id)
        event, data = "problem", _problem(request, InternalError())
    yield format_sse_event(event=event, data_str=data)


def _problem(request: Request, refusal: Refusal) -> str:
    return render(refusal, request.state.language, request.state.request_id).body.decode()
