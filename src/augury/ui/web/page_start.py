"""Tells Streamlit's page where its server is, before it starts.

Left alone, it looks below the address of the page first, and so every page but the front one
begins with two questions that the server knows nothing of.
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BEFORE: Final = b"<head>"
_WORDS: Final = b"<script>window.__streamlit = {BACKEND_BASE_URL: location.origin}</script>"
# The page must come whole and readable; it is small, and is asked for once in a visit.
_NOT_ASKED: Final = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}


class PageStart:
    """Adds a script to the pages that a browser opens, and passes everything else on."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and mend the answer if it is a page."""
        if not _opens_a_page(scope):
            await self._app(scope, receive, send)
            return
        asked = [(name, value) for name, value in scope["headers"] if name not in _NOT_ASKED]
        await self._app({**scope, "headers": asked}, receive, _Mended(send).send)


def _opens_a_page(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


class _Mended:
    """An answer on its way: a page is held back until all of it is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
            return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_page(self._start)

    async def _send_page(self, start: Message) -> None:
        body = self._body.replace(_BEFORE, _BEFORE + _WORDS, 1)
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        for name in ("etag", "last-modified", "accept-ranges"):
            del headers[name]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")
