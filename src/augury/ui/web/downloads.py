"""Files that a visitor takes away: routes, because a script would have to hold them in memory."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final, Literal, NamedTuple, cast, get_args
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from augury.client import ApiError, AuditFilter, Client, Unreachable
from augury.kit.texts import LANGUAGES
from augury.ui.parts.elements import REFUSED_DOWNLOAD
from augury.ui.parts.look_back import PERIODS
from augury.ui.reader import choose_language
from augury.ui.web.admin_files import sales_csv, wanted_of
from augury.ui.web.cookies import LANGUAGE_COOKIE, SESSION_COOKIE, session_of
from augury.ui.web.hub import hub
from augury.ui.web.prediction_files import list_pieces, read_wanted, row_pieces
from augury.ui.web.routes import deliver_session
from augury.ui.web.sessions import Caller, SignedOut, agent_of
from augury.ui.web.usage_files import GROUPS, Grouping, usage_csv

Form = Literal["csv", "pdf"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)

_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
_SEE_OTHER: Final = 303
_MONTH: Final = re.compile(r"\d{4}-\d{2}", re.ASCII)
_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_PLAIN_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
_CODE: Final = re.compile(r"\w{1,64}", re.ASCII)


def path_of_statement(month: str, form: Form) -> str:
    """Return where a month's statement can be downloaded."""
    return f"/statements/{month}.{form}"


def path_of_customers_statement(user_id: str, month: str, form: Form) -> str:
    """Return where administrators can download a customer's month."""
    return f"/customers/{user_id}/statements/{month}.{form}"


def path_of_receipt(top_up_id: str) -> str:
    """Return where the receipt of a paid top-up can be downloaded."""
    return f"/receipts/{top_up_id}.pdf"


def path_of_results(batch_id: str) -> str:
    """Return where the results of a batch can be downloaded."""
    return f"/results/{batch_id}"


def path_of_usage(group: str, first: str, last: str) -> str:
    """Return where the use of some days can be downloaded, by `day` or by `model`."""
    return f"/usage/{group}/{first}/{last}.csv"


def path_of_sales(period: str) -> str:
    """Return where administrators can download what was sold in a period."""
    return f"/sales/{period}.csv"


def path_of_audit_log(wanted: AuditFilter) -> str:
    """Return where administrators can download the wanted part of the audit log."""
    query = urlencode(wanted.query())
    return f"/audit-log.csv{'?' + query if query else ''}"


async def statement(request: Request) -> Response:
    """Give a month as a file while the API sends it; what goes wrong is said by its screen."""
    month, form = request.path_params["month"], request.path_params["form"]
    if not _MONTH.fullmatch(month) or form not in FORMS:
        return _back("/transactions")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-statement-{month}.{form}",
            _MEDIA_TYPES[form],
            api.money.statement_pieces(month, cast("Form", form)),
        ),
        screen="/transactions",
    )


async def customers_statement(request: Request) -> Response:
    """Give a customer's month to an administrator; what goes wrong is said by the screen."""
    user_id = request.path_params["user_id"]
    month, form = request.path_params["month"], request.path_params["form"]
    if not _ID.fullmatch(user_id) or not _MONTH.fullmatch(month) or form not in FORMS:
        return _back("/admin-customers")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-statement-{month}-{user_id}.{form}",
            _MEDIA_TYPES[form],
            api.customers.statement_pieces(user_id, month, cast("Form", form)),
        ),
        screen=f"/admin-customers?id={user_id}",
    )


async def receipt(request: Request) -> Response:
    """Give the receipt of a top-up; what goes wrong is said by its screen."""
    top_up_id = request.path_params["top_up_id"]
    if not _ID.fullmatch(top_up_id):
        return _back("/top-up")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-receipt-{top_up_id}.pdf",
            _MEDIA_TYPES["pdf"],
            (api.money.receipt(top_up_id),),
        ),
        screen="/top-up",
    )


async def predictions(request: Request) -> Response:
    """Give the predictions that an address asks for; what goes wrong is said by their page."""
    wanted = read_wanted(request.query_params)
    if wanted is None:
        return _back("/predictions")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File("augury-predictions.csv", _MEDIA_TYPES["csv"], list_pieces(api, wanted)),
        screen="/predictions",
    )


async def prediction_rows(request: Request) -> Response:
    """Give the rows of one prediction; what goes wrong is said by its page."""
    prediction_id = request.path_params["prediction_id"]
    if not _ID.fullmatch(prediction_id):
        return _back("/predictions")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-prediction-{prediction_id}.csv",
            _MEDIA_TYPES["csv"],
            row_pieces(api, prediction_id),
        ),
        screen="/predictions",
    )


async def results(request: Request) -> Response:
    """Give the results of a batch while the API sends them; what goes wrong is said by its page."""
    batch_id = request.path_params["batch_id"]
    if not _ID.fullmatch(batch_id):
        return _back("/batches")

    def find(api: Client) -> _File:
        found = api.batches.results(batch_id)
        return _File(found.name, found.media_type, found.pieces)

    return await run_in_threadpool(_file, request, find, screen=f"/batches?id={batch_id}")


async def usage(request: Request) -> Response:
    """Give the use of some days as CSV; what goes wrong is said by its screen."""
    given = request.path_params
    group = given["group"]
    try:
        first, last = (date.fromisoformat(given[end]) for end in ("first", "last"))
    except ValueError:
        return _back("/usage")
    if group not in GROUPS:
        return _back("/usage")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-usage-{group}-{first}-{last}.csv",
            _MEDIA_TYPES["csv"],
            usage_csv(api, cast("Grouping", group), first, last),
        ),
        screen="/usage",
    )


async def sales(request: Request) -> Response:
    """Give what was sold of each model to an administrator; what goes wrong is said there."""
    period = PERIODS.get(request.path_params["period"])
    if period is None:
        return _back("/admin-popularity")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            f"augury-sales-{period.name}.csv",
            _MEDIA_TYPES["csv"],
            # In full, before anything is sent: a refusal must come in time.
            list(sales_csv(api, period)),
        ),
        screen="/admin-popularity",
    )


async def audit_log(request: Request) -> Response:
    """Give the wanted part of the audit log to an administrator."""
    wanted = wanted_of(request.query_params)
    if wanted is None:
        return _back("/admin-audit-log")
    return await run_in_threadpool(
        _file,
        request,
        lambda api: _File(
            "augury-audit-log.csv", _MEDIA_TYPES["csv"], api.admin.audit.export(wanted)
        ),
        screen="/admin-audit-log",
    )


DOWNLOADS: Final = [
    Route("/predictions.csv", predictions, methods=["GET"]),
    Route("/predictions/{prediction_id}.csv", prediction_rows, methods=["GET"]),
    Route("/statements/{month}.{form}", statement, methods=["GET"]),
    Route("/customers/{user_id}/statements/{month}.{form}", customers_statement, methods=["GET"]),
    Route("/receipts/{top_up_id}.pdf", receipt, methods=["GET"]),
    Route("/results/{batch_id}", results, methods=["GET"]),
    Route("/usage/{group}/{first}/{last}.csv", usage, methods=["GET"]),
    Route("/sales/{period}.csv", sales, methods=["GET"]),
    Route("/audit-log.csv", audit_log, methods=["GET"]),
]


class _File(NamedTuple):
    """A file while it comes."""

    name: str
    media_type: str
    pieces: Iterable[bytes]

    @property
    def disposition(self) -> str:
        """Return the header by which a browser saves it under its name."""
        if _PLAIN_NAME.fullmatch(self.name):
            return f'attachment; filename="{self.name}"'
        return f"attachment; filename*=utf-8''{quote(self.name, safe='')}"


def _file(request: Request, work: Callable[[Client], _File], *, screen: str) -> Response:
    caller = _caller(request)
    try:
        session = session_of(hub(), request.cookies.get(SESSION_COOKIE), caller)
        if session is None:
            return _back(screen)
        file = session.call(work, caller)
    except (SignedOut, Unreachable):
        return _back(screen)
    except ApiError as refusal:
        code = refusal.code if _CODE.fullmatch(refusal.code) else ""
        joined = "&" if "?" in screen else "?"
        return _back(f"{screen}{joined}{REFUSED_DOWNLOAD}={code}")
    headers = {"Content-Disposition": file.disposition, "Cache-Control": "private, no-store"}
    answer = StreamingResponse(file.pieces, media_type=file.media_type, headers=headers)
    if session.cookie_is_stale():
        deliver_session(request, answer, hub(), session)
    return answer


def _back(path: str) -> Response:
    return RedirectResponse(path, _SEE_OTHER)


def _caller(request: Request) -> Caller:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    accepted = request.headers.get("accept-language")
    language = choose_language(chosen if chosen in LANGUAGES else None, accepted)
    address = request.client.host if request.client else None
    return Caller(language, address, agent_of(request.headers))
