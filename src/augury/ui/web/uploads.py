"""Who may send how much: files of visitors are kept in memory until they leave the page.

Streamlit knows one limit for everybody, and that one must let a model through.
"""

from collections.abc import Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from augury.client import ApiError, Unreachable
from augury.ui.theme import MOST_BATCH_MEGABYTES, MOST_MODEL_MEGABYTES
from augury.ui.web.cookies import SESSION_COOKIE, session_of
from augury.ui.web.hub import hub
from augury.ui.web.sessions import Caller, SignedOut

_MEGABYTE: Final = 1024 * 1024
# A file comes in a form, which is a little longer than the file.
_FORM_BYTES: Final = _MEGABYTE
_USUAL_BYTES: Final = MOST_BATCH_MEGABYTES * _MEGABYTE + _FORM_BYTES
_MOST_BYTES: Final[Mapping[str, int]] = {"admin": MOST_MODEL_MEGABYTES * _MEGABYTE + _FORM_BYTES}
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_PLACE: Final = "/_stcore/upload_file/"


class UploadGate:
    """Refuses files of nobody, and those larger than whoever sends them may send."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, an upload only as far as it may be long."""
        if scope["type"] != "http" or scope["method"] != "PUT" or _PLACE not in scope["path"]:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        told = request.headers.get("content-length", "")
        # Only who says how much comes can be allowed more than is usual.
        length = int(told) if told.isdecimal() else None
        if not await run_in_threadpool(_is_somebody, request):
            await PlainTextResponse("sign in first", _FORBIDDEN)(scope, receive, send)
            return
        most = _USUAL_BYTES
        if length is not None and length > most:
            most = await run_in_threadpool(_most_bytes, request)
        if length is not None and length > most:
            await PlainTextResponse("file too large", _TOO_LARGE)(scope, receive, send)
            return
        await self._app(scope, _at_most(receive, most), send)


def _at_most(receive: Receive, most: int) -> Receive:
    """Return `receive` that ends like a broken connection once more has come."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if received > most else message

    return limited


def _is_somebody(request: Request) -> bool:
    """Return whether somebody is signed in: no page asks a guest for a file."""
    try:
        return session_of(hub(), request.cookies.get(SESSION_COOKIE), _caller(request)) is not None
    except (Unreachable, ApiError):
        return False


def _most_bytes(request: Request) -> int:
    """Return how much the visitor may send at once, as their role says."""
    caller = _caller(request)
    try:
        session = session_of(hub(), request.cookies.get(SESSION_COOKIE), caller)
        role = session.call(lambda api: api.me().role, caller) if session else ""
    except (SignedOut, Unreachable, ApiError):
        role = ""
    return _MOST_BYTES.get(role, _USUAL_BYTES)


def _caller(request: Request) -> Caller:
    return Caller("en", request.client.host if request.client else None)


UPLOADS: Final = [Middleware(UploadGate)]
