"""Statements: a month of the caller's credits, as JSON, as a spreadsheet and on paper."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from augury.api.deps import USUAL_PER_PAGE, Cursor, Limit, Reader, TheHouse, Visitor
from augury.api.negotiation import choose
from augury.api.responses import refusals
from augury.audit_log.service import Actor, record
from augury.bootstrap import House
from augury.kit.paging import page, position_of
from augury.ledger.history import Movement
from augury.ledger.schemas import (
    StatementHead,
    StatementMonth,
    StatementMonthPage,
    StatementOut,
    TransactionOut,
)
from augury.ledger.sheet import sheet
from augury.ledger.statement import Month, Statement, chunks, find_statement, list_months
from augury.papers.statement import (
    MOST_LINES,
    PaperTooLong,
    StatementLine,
    StatementPaper,
    StatementTotal,
    render_statement,
)
from augury.users import service as users

router = APIRouter(prefix="/v1/statements", tags=["account"])

JSON, CSV, PDF = "application/json", "text/csv", "application/pdf"
_FORMS = (JSON, CSV, PDF)
_ITEMS = TypeAdapter(list[TransactionOut])
# What OpenAPI is told of the forms besides JSON.
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            CSV: {"schema": {"type": "string"}},
            PDF: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
MonthName = Annotated[str, Path(description="Like `2026-03`; a month of UTC.")]


@router.get("", responses=refusals("unauthenticated"))
def months(
    house: TheHouse, caller: Reader, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> StatementMonthPage:
    """List the months in which the caller's credits moved, newest first."""
    return months_of(house, caller.user_id, limit, cursor)


def months_of(house: House, user_id: str, limit: int, cursor: str | None) -> StatementMonthPage:
    """Return a page of the months in which a customer's credits moved, newest first."""
    position = position_of(cursor, Month.is_name)
    before = None if position is None else Month.parse(position)
    found = list_months(house.db, user_id, before=before)
    items, following = page(found, limit, lambda one: str(one.month))
    return StatementMonthPage(
        items=[StatementMonth.of(one) for one in items], next_cursor=following
    )


@router.get(
    "/{month}",
    response_model=StatementOut,
    responses=refusals("unauthenticated", "not_found", "not_acceptable", "paper_too_long") | FILES,
)
def statement(
    month: MonthName, request: Request, house: TheHouse, caller: Reader, visitor: Visitor
) -> Response:
    """Give a month: the opening balance, every movement, the closing balance.

    The header `Accept` chooses between JSON, CSV and PDF. The present month is given as far as it
    has come, with `final` false.
    """
    return statement_of(house, caller.user_id, month, request, visitor.being(caller.user_id))


def statement_of(
    house: House, user_id: str, month: str, request: Request, actor: Actor
) -> Response:
    """Return a month of a customer in the form that the request asks for; `actor` reads it."""
    form = choose(",".join(request.headers.getlist("accept")), _FORMS)
    found = find_statement(house.db, user_id, Month.parse(month))
    language: str = request.state.language
    headers = {
        "Content-Disposition": _disposition(found, form),
        "Content-Language": language,
        "Vary": "Accept, Accept-Language",
    }
    if form != JSON:
        details = {"month": month, "form": form}
        with house.db.write() as tx:
            record(tx, actor, "statement.exported", f"user:{user_id}", details)
    if form == PDF:
        return Response(_paper(house, found, language), headers=headers, media_type=PDF)
    lots = chunks(house.db, found)
    if form == CSV:
        return StreamingResponse(sheet(found, lots, language), headers=headers, media_type=CSV)
    return StreamingResponse(_json(found, lots), headers=headers, media_type=JSON)


def _disposition(found: Statement, form: str) -> str:
    kind = "inline" if form == JSON else "attachment"
    return f'{kind}; filename="augury-statement-{found.summary.month}.{form.rpartition("/")[2]}"'


def _json(found: Statement, lots: Iterator[list[Movement]]) -> Iterator[bytes]:
    """Yield a `StatementOut` piece by piece."""
    head = StatementHead.of_statement(found).model_dump_json().encode()
    yield head.removesuffix(b"}") + b',"items":['
    comma = b""
    for movements in lots:
        yield comma + _ITEMS.dump_json([TransactionOut.of(one) for one in movements])[1:-1]
        comma = b","
    yield b"]}"


def _paper(house: House, found: Statement, language: str) -> bytes:
    summary = found.summary
    if summary.movements > MOST_LINES:  # before they are read
        raise PaperTooLong(lines=summary.movements, most_lines=MOST_LINES)
    owner = users.user(house.db, found.account_id)
    paper = StatementPaper(
        owner_name=owner.username,
        owner_email=owner.email,
        month=str(summary.month),
        opening=summary.opening,
        closing=summary.closing,
        lines=[
            StatementLine(
                one.created_at, one.type.value, one.reference, one.amount, one.balance_after
            )
            for movements in chunks(house.db, found)
            for one in movements
        ],
        totals=[StatementTotal(one.type.value, one.count, one.amount) for one in found.totals],
        final=summary.final,
    )
    return render_statement(paper, language)
