"""HTTP/1.1 as uvicorn speaks it, but with one write to the socket for a whole answer.

uvicorn writes the head of an answer and its body separately. For an answer of half a kilobyte the
second system call, and waking the reader twice, costs more than encoding the answer.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Who calls keeps a connection for the next request, too: 5 seconds most libraries, 30 our proxy.
# If we closed first, or at the same moment, a request that is under way would find nobody.
KEEP_ALIVE_SECONDS = 75


class OneWriteProtocol(HttpToolsProtocol):
    """Gathers what is written in one turn of the event loop."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Put the gathering transport between the protocol and the socket."""
        gathering = _Gathering(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", gathering))


class _Gathering:
    """A transport that writes at the end of the turn; all else it leaves to the real one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._chunks.append(data)
        if len(self._chunks) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        chunks, self._chunks = self._chunks, []
        if chunks:
            self._transport.write(b"".join(chunks))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
