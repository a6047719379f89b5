"""Bodies of requests, and how much memory all of them may hold together."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from augury.model_server.trouble import Trouble

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A thousand rows of as many fields as a manifest may have, as JSON; or a load with its manifest.
MOST_BODY_BYTES = 8 * 2**20
_MOST_BYTES_HELD = 256 * 2**20


class Intake:
    """Reads bodies, on the event loop."""

    def __init__(self) -> None:
        """Start with nothing in hand."""
        self._held_bytes = 0

    @asynccontextmanager
    async def body(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
        """Give the whole body for as long as it is worked on; `Trouble` once it is too long."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Trouble(415, "bodies are taken as they are, without compression")
        promised = headers.get(b"content-length", b"")
        if promised.isdigit() and int(promised[:20]) > MOST_BODY_BYTES:
            raise Trouble(413, f"a body has at most {MOST_BODY_BYTES} bytes")
        chunks: list[bytes] = []
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionResetError
                self._take(chunks, message.get("body", b""))
                if not message.get("more_body"):
                    break
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self._held_bytes -= sum(map(len, chunks))

    def _take(self, chunks: list[bytes], chunk: bytes) -> None:
        chunks.append(chunk)
        self._held_bytes += len(chunk)
        if sum(map(len, chunks)) > MOST_BODY_BYTES:
            raise Trouble(413, f"a body has at most {MOST_BODY_BYTES} bytes")
        if self._held_bytes > _MOST_BYTES_HELD:
            raise Trouble(503, "too many large requests at once")
