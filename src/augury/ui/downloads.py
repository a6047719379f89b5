"""Files that a visitor takes away: routes, because a script would have to hold them in memory."""

import re
from collections.abc import Callable, Iterable
from typing import Final, Literal, cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from augury.client import ApiError, Client, Unreachable
from augury.kit.texts import LANGUAGES
from augury.ui.cookies import LANGUAGE_COOKIE, SESSION_COOKIE, session_of
from augury.ui.elements import REFUSED_DOWNLOAD
from augury.ui.hub import hub
from augury.ui.reader import choose_language
from augury.ui.routes import deliver_session
from augury.ui.sessions import Caller, SignedOut

Form = Literal["csv", "pdf"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)

_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
_SEE_OTHER: Final = 303
_MONTH: Final = re.compile(r"\d{4}-\d{2}", re.ASCII)
_TOP_UP: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_CODE: Final = re.compile(r"\w{1,64}", re.ASCII)


def path_of_statement(month: str, form: Form) -> str:
    """Return where a month's statement can be downloaded."""
    return f"/statements/{month}.{form}"


def path_of_receipt(top_up_id: str) -> str:
    """Return where the receipt of a paid top-up can be downloaded."""
    return f"/receipts/{top_up_id}.pdf"


async def statement(request: Request) -> Response:
    """Give a month as a file while the API sends it; what goes wrong is said by its screen."""
    month, form = request.path_params["month"], request.path_params["form"]
    if not _MONTH.fullmatch(month) or form not in FORMS:
        return _back("/transactions")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: api.money.statement_pieces(month, cast("Form", form)),
        name=f"augury-statement-{month}.{form}",
        screen="/transactions",
    )


async def receipt(request: Request) -> Response:
    """Give the receipt of a top-up; what goes wrong is said by its screen."""
    top_up_id = request.path_params["top_up_id"]
    if not _TOP_UP.fullmatch(top_up_id):
        return _back("/top-up")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: (api.money.receipt(top_up_id),),
        name=f"augury-receipt-{top_up_id}.pdf",
        screen="/top-up",
    )


DOWNLOADS: Final = [
    Route("/statements/{month}.{form}", statement, methods=["GET"]),
    Route("/receipts/{top_up_id}.pdf", receipt, methods=["GET"]),
]


def _file(
    request: Request, work: Callable[[Client], Iterable[bytes]], *, name: str, screen: str
) -> Response:
    caller = _caller(request)
    try:
        session = session_of(hub(), request.cookies.get(SESSION_COOKIE), caller)
        if session is None:
            return _back(screen)
        pieces = session.call(work, caller)
    except (SignedOut, Unreachable):
        return _back(screen)
    except ApiError as refusal:
        code = refusal.code if _CODE.fullmatch(refusal.code) else ""
        return _back(f"{screen}?{REFUSED_DOWNLOAD}={code}")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    answer = StreamingResponse(pieces, media_type=media_type, headers=headers)
    if session.cookie_is_stale():
        deliver_session(request, answer, hub(), session)
    return answer


def _back(path: str) -> Response:
    return RedirectResponse(path, _SEE_OTHER)


def _caller(request: Request) -> Caller:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    accepted = request.headers.get("accept-language")
    language = choose_language(chosen if chosen in LANGUAGES else None, accepted)
    return Caller(language, request.client.host if request.client else None)
