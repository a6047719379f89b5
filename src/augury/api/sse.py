"""Server-sent events: how something goes on, looked at again and again until it is over."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel
from starlette.responses import ContentStream, StreamingResponse
from starlette.types import Receive, Scope, Send

from augury.kit.errors import LedgerUnavailable

State = TypeVar("State", bound=BaseModel)

LOOK_SECONDS = 0.5
# Proxies cut a line that is silent for long.
HEARTBEAT_SECONDS = 10.0
# Whoever listens longer connects again, which every reader does by itself.
_LONGEST_SECONDS = 3600.0
_CONNECT_AGAIN_MS = 2000
# As OpenAPI describes such a stream: by one of its events.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Success",
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "properties": {
                        "event": {"type": "string"},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                        "retry": {"type": "integer", "minimum": 0},
                    },
                    "required": ["event", "data"],
                }
            }
        },
    }
}
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def progress(
    look: Callable[[], State], is_over: Callable[[State], bool]
) -> AsyncIterator[bytes]:
    """Yield an event `progress` for the state as it is, for each change, and for the end.

    `look` is called in a thread and reads the truth, whichever process changes it.
    """
    began = told_at = time.monotonic()
    told: State | None = None
    while time.monotonic() < began + _LONGEST_SECONDS:
        state = told
        # A database that is away for a moment is no news.
        with suppress(LedgerUnavailable):
            state = await run_in_threadpool(look)
        if state is not None and state != told:
            yield format_sse_event(
                event="progress",
                data_str=state.model_dump_json(),
                retry=_CONNECT_AGAIN_MS if told is None else None,
            )
            told, told_at = state, time.monotonic()
        elif time.monotonic() >= told_at + HEARTBEAT_SECONDS:
            yield KEEPALIVE_COMMENT
            told_at = time.monotonic()
        if told is not None and is_over(told):
            return
        await asyncio.sleep(LOOK_SECONDS)


class Stream(StreamingResponse):
    """A response that calls `ended` once, when all is sent or its reader has gone."""

    def __init__(
        self,
        content: ContentStream,
        ended: Callable[[], None],
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        """Prepare; nothing is read of the content yet."""
        super().__init__(content, media_type=media_type, headers=headers)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
