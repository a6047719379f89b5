"""The frame around every request: its id, its limit on the body, its errors and its log line."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from augury.api import metrics
from augury.api.errors import MEDIA_TYPE, InternalError, PayloadTooLarge, Problem, Stopping, render
from augury.kit.coalescer import Overloaded
from augury.kit.errors import Refusal
from augury.kit.ids import new_id
from augury.kit.log import LineLog, logger
from augury.kit.texts import preferred_language

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# A thousand rows of the shipped models are a third of it.
MOST_BODY_BYTES = 1024 * 1024
# Together they bound what requests can hold in memory.
MOST_IN_FLIGHT = 1000
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{8,64}")


class Frame:
    """The outermost ASGI application of the API."""

    def __init__(
        self, app: App, doors: Mapping[str, App], larger: Mapping[str, int] | None = None
    ) -> None:
        """Put the frame around an application; POST requests to a door's path go straight there.

        `larger` has patterns of paths whose bodies may be larger than others, and how many bytes.
        """
        self._app = app
        self._doors = doors
        self._larger = [(re.compile(path), most) for path, most in (larger or {}).items()]
        self._log = LineLog()
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            self._log.flush()  # the application has been stopped
            return
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = _request_id(headers)
        language = preferred_language(headers.get(b"accept-language", b"")[:200].decode("latin-1"))
        state = scope.setdefault("state", {})
        state["request_id"], state["language"] = request_id, language
        id_header = (b"x-request-id", request_id.encode())
        status, door = 0, None

        async def send_framed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), id_header]
            await send(message)

        self._in_flight += 1
        try:
            door = self._doors.get(scope["path"]) if scope["method"] == "POST" else None
            most = MOST_BODY_BYTES if door else self._most_bytes(scope["path"])
            limited = self._limited(headers, receive, most)
            await (door or self._app)(scope, limited, send_framed)
        except Refusal as refusal:
            await send_problem(render(refusal, language, request_id), send_framed)
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer
            logger("api").exception("unexpected_error", request_id=request_id)
            if not status:
                await send_problem(render(InternalError(), language, request_id), send_framed)
        except asyncio.CancelledError:
            # The server stops and this request has used up the time it was given to finish.
            if not status:
                stopping = Stopping(retry_after_seconds=5)
                await send_problem(render(stopping, language, request_id), send_framed)
            raise
        finally:
            self._in_flight -= 1
            seconds = time.perf_counter() - started
            metrics.count_request(scope, scope["path"] if door else None, status, seconds)
            self._log.write(
                {
                    "event": "request",
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round(seconds * 1000, 3),
                    "request_id": request_id,
                    "user_id": state.get("user_id"),
                }
            )

    def _most_bytes(self, path: str) -> int:
        return next((most for form, most in self._larger if form.fullmatch(path)), MOST_BODY_BYTES)

    def _limited(self, headers: dict[bytes, bytes], receive: Receive, most: int) -> Receive:
        if self._in_flight > MOST_IN_FLIGHT:
            raise Overloaded(retry_after_seconds=1)
        return _limited(headers, receive, most)


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Return the caller's request id when it is a sane one, so that logs of two systems meet."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else new_id()


def _limited(headers: dict[bytes, bytes], receive: Receive, most: int) -> Receive:
    """Return a `receive` that refuses a body once it is too long, whatever its header says."""
    promised = headers.get(b"content-length", b"")
    if promised.isdigit() and int(promised) > most:
        raise PayloadTooLarge(most_bytes=most)
    if promised or b"transfer-encoding" not in headers:
        return receive  # the server holds the body to its promised length
    received = 0

    async def receive_limited() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise PayloadTooLarge(most_bytes=most)
        return message

    return receive_limited


async def send_problem(problem: Problem, send: Send) -> None:
    """Send an answer that is not a success."""
    headers = {"content-type": MEDIA_TYPE} | problem.headers
    await send_body(problem.status, headers, problem.body, send)


async def send_body(status: int, headers: dict[str, str], body: bytes, send: Send) -> None:
    """Send a whole answer."""
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
