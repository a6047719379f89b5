"""The routes that set cookies, which a script cannot do.

Each is a POST that must come from our own pages: `SameSite` cookies stop other sites from acting
in a signed-in browser, and the origin check stops them from signing a browser in as somebody else.
"""

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from augury.kit.texts import LANGUAGES
from augury.ui.web.cookies import (
    LANGUAGE_COOKIE,
    MAX_AGE_SECONDS,
    RESET_COOKIE,
    SESSION_COOKIE,
    session_cookie,
    session_id_of,
)
from augury.ui.web.hub import Hub, hub
from augury.ui.web.sessions import Session

_SEE_OTHER = 303
_NO_CONTENT = 204
_FORBIDDEN = 403


async def accept(request: Request) -> Response:
    """Turn a one-time ticket into the session cookie, and go on to where the visitor wanted.

    A browser is one person's at a time: the session of whoever was there before ends. Without
    `next` the visitor stays where they are.
    """
    if not _is_ours(request):
        return _refuse()
    form = await request.form()
    session_id = hub().tickets.redeem(str(form.get("ticket", "")))
    session = hub().sessions.find(session_id) if session_id else None
    answer: Response = (
        RedirectResponse(safe_path(str(form["next"])), _SEE_OTHER)
        if "next" in form
        else Response(status_code=_NO_CONTENT)
    )
    if session is not None:
        await _end_the_one_before(request, session)
        deliver_session(request, answer, hub(), session)
    return answer


async def _end_the_one_before(request: Request, session: Session) -> None:
    session_id = session_id_of(hub(), request.cookies.get(SESSION_COOKIE))
    before = hub().sessions.find(session_id) if session_id else None
    # Other tabs of the same person stay signed in.
    if before is not None and (before.user_id is None or before.user_id != session.user_id):
        hub().sessions.forget(before.id)
        await run_in_threadpool(before.end)


async def renew(request: Request) -> Response:
    """Put the newest refresh token into the cookie of a session that lives here."""
    if not _is_ours(request):
        return _refuse()
    session_id = session_id_of(hub(), request.cookies.get(SESSION_COOKIE))
    session = hub().sessions.find(session_id) if session_id else None
    answer = Response(status_code=_NO_CONTENT)
    if session is not None:
        deliver_session(request, answer, hub(), session)
    return answer


async def end(request: Request) -> Response:
    """Sign out: revoke, forget, take the cookie back, and go on to where the page wants."""
    if not _is_ours(request):
        return _refuse()
    form = await request.form()
    session_id = session_id_of(hub(), request.cookies.get(SESSION_COOKIE))
    if session_id is not None:
        session = hub().sessions.find(session_id)
        hub().sessions.forget(session_id)
        if session is not None:
            await run_in_threadpool(session.end)
    answer = RedirectResponse(safe_path(str(form.get("next", "/"))), _SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return answer


async def language(request: Request) -> Response:
    """Remember the language that the reader chose."""
    if not _is_ours(request):
        return _refuse()
    form = await request.form()
    chosen = str(form.get("language", ""))
    answer = Response(status_code=_NO_CONTENT)
    if chosen in LANGUAGES:
        _set_cookie(request, answer, LANGUAGE_COOKIE, chosen)
    return answer


async def forget_link(request: Request) -> Response:
    """Take back the cookie of a link that was used."""
    if not _is_ours(request):
        return _refuse()
    answer = Response(status_code=_NO_CONTENT)
    answer.delete_cookie(RESET_COOKIE, httponly=True, samesite="lax")
    return answer


ROUTES = [
    Route("/session/accept", accept, methods=["POST"]),
    Route("/session/renew", renew, methods=["POST"]),
    Route("/session/end", end, methods=["POST"]),
    Route("/session/language", language, methods=["POST"]),
    Route("/session/forget-link", forget_link, methods=["POST"]),
]


def safe_path(target: str) -> str:
    """Return `target` when it is a path on this site, else the front page."""
    parts = urlsplit(target)
    is_local = target.startswith("/") and not parts.scheme and not parts.netloc
    # Browsers read a backslash as a slash and drop control characters: `/\evil` would leave.
    is_plain = target.isprintable() and "\\" not in target
    return target if is_local and is_plain else "/"


def _is_ours(request: Request) -> bool:
    # The browser's own verdict first: it holds behind a proxy that rewrites Host. Browsers send
    # it to https and loopback only, so elsewhere the origin must match the host.
    verdict = request.headers.get("sec-fetch-site")
    if verdict is not None:
        return verdict == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def _refuse() -> Response:
    return PlainTextResponse("cross-site request", _FORBIDDEN)


def deliver_session(request: Request, answer: Response, where: Hub, session: Session) -> None:
    """Put the session, with its newest refresh token, into the cookie that goes with `answer`."""
    _set_cookie(request, answer, SESSION_COOKIE, session_cookie(where, session))


def _set_cookie(request: Request, answer: Response, name: str, value: str) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=MAX_AGE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
