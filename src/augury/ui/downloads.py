"""Files that a visitor takes away: routes, because a script would have to hold them in memory."""

import re
from typing import Final, Literal, cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from augury.client import ApiError, Unreachable
from augury.kit.texts import LANGUAGES
from augury.ui.cookies import LANGUAGE_COOKIE, SESSION_COOKIE, session_of
from augury.ui.hub import hub
from augury.ui.reader import choose_language
from augury.ui.routes import deliver_session
from augury.ui.sessions import Caller, SignedOut

Form = Literal["csv", "pdf"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
REFUSED: Final = "statement_refused"

_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
_SCREEN: Final = "/transactions"
_SEE_OTHER: Final = 303
_MONTH: Final = re.compile(r"\d{4}-\d{2}")
_CODE: Final = re.compile(r"\w{1,64}", re.ASCII)


def path_of_statement(month: str, form: Form) -> str:
    """Return where a month's statement can be downloaded."""
    return f"/statements/{month}.{form}"


async def statement(request: Request) -> Response:
    """Give a month as a file while the API sends it; what goes wrong is said by the screen."""
    month, form = request.path_params["month"], request.path_params["form"]
    if not _MONTH.fullmatch(month) or form not in FORMS:
        return RedirectResponse(_SCREEN, _SEE_OTHER)
    return await run_in_threadpool(_statement, request, month, cast("Form", form))


def _statement(request: Request, month: str, form: Form) -> Response:
    caller = _caller(request)
    try:
        session = session_of(hub(), request.cookies.get(SESSION_COOKIE), caller)
        if session is None:
            return RedirectResponse(_SCREEN, _SEE_OTHER)
        pieces = session.call(lambda api: api.money.statement_pieces(month, form), caller)
    except (SignedOut, Unreachable):
        return RedirectResponse(_SCREEN, _SEE_OTHER)
    except ApiError as refusal:
        code = refusal.code if _CODE.fullmatch(refusal.code) else ""
        return RedirectResponse(f"{_SCREEN}?{REFUSED}={code}", _SEE_OTHER)
    headers = {
        "Content-Disposition": f'attachment; filename="augury-statement-{month}.{form}"',
        "Cache-Control": "private, no-store",
    }
    answer = StreamingResponse(pieces, media_type=_MEDIA_TYPES[form], headers=headers)
    if session.cookie_is_stale():
        deliver_session(request, answer, hub(), session)
    return answer


def _caller(request: Request) -> Caller:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    accepted = request.headers.get("accept-language")
    language = choose_language(chosen if chosen in LANGUAGES else None, accepted)
    return Caller(language, request.client.host if request.client else None)


DOWNLOADS: Final = [Route("/statements/{month}.{form}", statement, methods=["GET"])]
