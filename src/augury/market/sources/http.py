"""Asking a server for data: with time-outs, a limit on what it sends, and few tries."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx2

_TRIES = 4
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_TIMEOUT_SECONDS = 20.0
_MOST_SECONDS = 120.0
MOST_BYTES = 32 * 2**20
_AGAIN = {429, 500, 502, 503, 504}


class Unanswered(Exception):
    """No good answer came, after all tries; the message says why in a few words."""


class Http:
    """Asks servers; one that is busy or stumbles is asked again a few times."""

    def __init__(
        self, pause: Callable[[float], object] = time.sleep, most_bytes: int = MOST_BYTES
    ) -> None:
        """Prepare; `pause` waits so many seconds between tries."""
        self._context = httpx2.create_ssl_context()
        self._pause = pause
        self._most_bytes = most_bytes

    def ask(self, url: str, *, method: str = "GET", **content: Any) -> bytes:
        """Return the body of a good answer; raises `Unanswered`."""
        wait = _FIRST_PAUSE_SECONDS
        for last in [False] * (_TRIES - 1) + [True]:
            try:
                status, told, body = self._once(method, url, content)
            except httpx2.HTTPError as error:
                status, told, body = 0, None, b""
                reason = f"{type(error).__name__}: {error}"[:200]
            else:
                reason = f"HTTP {status}"
            if status == httpx2.codes.OK:
                return body
            if last or (status and status not in _AGAIN):
                raise Unanswered(reason)
            self._pause(min(told or wait, _LONGEST_PAUSE_SECONDS))
            wait *= 2
        raise AssertionError  # the last try returns or raises

    def _once(
        self, method: str, url: str, content: dict[str, Any]
    ) -> tuple[int, float | None, bytes]:
        """Return status, for how long to wait if the answer says so, and body."""
        until = time.monotonic() + _MOST_SECONDS
        # Opened for each question: these are few, and nothing is left open.
        with (
            httpx2.Client(
                timeout=_TIMEOUT_SECONDS,
                verify=self._context,
                follow_redirects=True,
                headers={"User-Agent": "augury"},
            ) as client,
            client.stream(method, url, **content) as answer,
        ):
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > self._most_bytes:
                    message = f"more than {self._most_bytes} bytes"
                    raise Unanswered(message)
                if time.monotonic() > until:
                    message = f"not done after {_MOST_SECONDS:g} seconds"
                    raise Unanswered(message)
            told = None
            with suppress(ValueError):
                told = max(0.0, float(answer.headers.get("retry-after", "")))
            return answer.status_code, told, bytes(body)
