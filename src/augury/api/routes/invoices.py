"""Invoices and what pays them: papers for customers, bank statements for administrators."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from augury.api.deps import (
    USUAL_PER_PAGE,
    Admin,
    AdminActor,
    Caller,
    Cursor,
    Limit,
    ResourceId,
    TheHouse,
)
from augury.api.responses import refusals
from augury.api.uploads import FILE_FORM, FORM_BYTES, uploaded_file
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.payments import bank_imports, invoices, top_ups
from augury.payments.bank import MOST_BYTES
from augury.payments.invoice_schemas import (
    AssignmentIn,
    BankLineOut,
    BankLinePage,
    ImportOut,
    InvoiceOut,
    InvoicePage,
    PreviewOut,
)
from augury.payments.invoices import InvoiceStatus, Outcome
from augury.payments.paper import invoice_pdf, receipt_pdf

router = APIRouter(prefix="/v1")

# A pattern: the import, and the look at what it would do.
STATEMENTS_PATH = "/v1/admin/bank-statements(/preview)?"
_MOST_FORESEEN = 200
MOST_UPLOAD_BYTES = MOST_BYTES + FORM_BYTES
_PDF = "application/pdf"
# Nobody between us and the reader keeps a copy, and the address, which is a key, goes nowhere.
_PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_INVOICE_POSITION = re.compile(r"[0-9]{4}:[0-9]{1,9}")
_LINE_POSITION = re.compile(r"[0-9]{1,18}:[0-9a-f]{64}")

Number = Annotated[str, Path(max_length=32, description="Like `AUG-2026-000123`.")]


def _paper(content: bytes, name: str, **headers: str) -> Response:
    disposition = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type=_PDF, headers=_PRIVATE | disposition | headers)


def _pdf() -> dict[int | str, dict[str, Any]]:
    """Describe a PDF for OpenAPI."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "A PDF.", "content": {_PDF: {"schema": schema}}}}


@router.get(
    "/invoices/{number}.pdf",
    tags=["top-ups"],
    response_class=Response,
    responses=_pdf() | refusals("not_found", "provider_unknown", "overloaded"),
)
def invoice_paper(
    number: Number, house: TheHouse, key: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Give an invoice as a PDF to whoever has its address, which cannot be guessed.

    It opens in a browser tab, where nobody is signed in: the key in the address is a signature of
    the number.
    """
    if not invoices.book_of(house.desk).opens(number, key):
        raise NotFound
    invoice = invoices.find_invoice(house.db, number)
    return _paper(
        invoice_pdf(house.db, invoice), invoice.number, **{"Content-Language": invoice.language}
    )


@router.get(
    "/top-ups/{top_up_id}/receipt",
    tags=["top-ups"],
    response_class=Response,
    responses=_pdf() | refusals("unauthenticated", "not_found", "top_up_not_paid", "overloaded"),
)
def receipt(top_up_id: ResourceId, request: Request, house: TheHouse, caller: Caller) -> Response:
    """Give the receipt of a paid top-up as a PDF: to its customer, and to administrators."""
    if not is_id(top_up_id):
        raise NotFound
    with house.db.read() as tx:
        top_up = top_ups.read(tx, top_up_id)
    if caller.user_id != top_up.user_id and caller.role != "admin":
        raise NotFound
    language: str = request.state.language
    content = receipt_pdf(house.desk, top_up, language)
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return _paper(content, f"augury-receipt-{top_up.id}", **headers)


@router.get(
    "/admin/invoices",
    tags=["administration"],
    responses=refusals("unauthenticated", "forbidden", "provider_unknown"),
)
def list_invoices(
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    status: InvoiceStatus | None = None,
) -> InvoicePage:
    """List invoices, newest first."""
    book = invoices.book_of(house.desk)
    position = position_of(cursor, lambda text: bool(_INVOICE_POSITION.fullmatch(text)))
    before = None
    if position is not None:
        year, _, serial = position.partition(":")
        before = (int(year), int(serial))
    found = invoices.list_invoices(house.db, limit=limit + 1, before=before, status=status)
    items, following = page(found, limit, lambda one: f"{one.year}:{one.serial}")
    told = [InvoiceOut.of(one, book.link(one.number)) for one in items]
    return InvoicePage(items=told, next_cursor=following)


@router.post(
    "/admin/invoices/{number}/paid",
    tags=["administration"],
    responses=refusals(
        "unauthenticated", "forbidden", "not_found", "provider_unknown", "balance_too_large"
    ),
)
def mark_paid(number: Number, house: TheHouse, actor: AdminActor) -> InvoiceOut:
    """Say that an invoice is paid; its credits follow. Doing it again changes nothing."""
    book = invoices.book_of(house.desk)
    invoice = invoices.mark_paid(house.desk, number, actor)
    return InvoiceOut.of(invoice, book.link(number))


async def _uploaded(request: Request, _admin: Admin) -> bytes:
    """Read the file of a form, only after it is known who sends it."""
    return await uploaded_file(request)


@router.post(
    "/admin/bank-statements",
    tags=["administration"],
    openapi_extra=FILE_FORM,
    responses=refusals(
        "unauthenticated",
        "forbidden",
        "provider_unknown",
        "bank_statement_unreadable",
        "unsupported_media_type",
    ),
)
def import_statement(
    content: Annotated[bytes, Depends(_uploaded)], house: TheHouse, actor: AdminActor
) -> ImportOut:
    """Import a bank statement (`kl_to_1c.txt` of 1C, or camt.053): it marks invoices as paid.

    A line pays the invoice whose number stands in its purpose, if the amount is the same. What
    was imported before changes nothing; what pays nothing is listed with the reason.
    """
    return ImportOut.of(bank_imports.import_file(house.desk, content, actor))


@router.post(
    "/admin/bank-statements/preview",
    tags=["administration"],
    openapi_extra=FILE_FORM,
    responses=refusals(
        "unauthenticated",
        "forbidden",
        "provider_unknown",
        "bank_statement_unreadable",
        "unsupported_media_type",
    ),
)
def preview_statement(
    content: Annotated[bytes, Depends(_uploaded)], house: TheHouse, _admin: Admin
) -> PreviewOut:
    """Tell what importing a bank statement would do, line by line; this changes nothing."""
    return PreviewOut.of(bank_imports.foresee(house.desk, content), _MOST_FORESEEN)


@router.get(
    "/admin/bank-statements/lines",
    tags=["administration"],
    responses=refusals("unauthenticated", "forbidden"),
)
def list_lines(
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    outcome: Outcome | None = None,
) -> BankLinePage:
    """List lines of bank statements, the last imported first."""
    position = position_of(cursor, lambda text: bool(_LINE_POSITION.fullmatch(text)))
    before = None
    if position is not None:
        moment, _, id_ = position.partition(":")
        before = (int(moment), id_)
    found = invoices.list_lines(house.db, limit=limit + 1, before=before, outcome=outcome)
    items, following = page(found, limit, lambda one: f"{one.imported_at}:{one.line.id}")
    return BankLinePage(items=[BankLineOut.of(one) for one in items], next_cursor=following)


@router.post(
    "/admin/bank-statements/lines/{line_id}/assign",
    tags=["administration"],
    responses=refusals(
        "unauthenticated",
        "forbidden",
        "not_found",
        "provider_unknown",
        "bank_line_not_assignable",
        "balance_too_large",
    ),
)
def assign_line(
    line_id: Annotated[str, Path(max_length=64)],
    form: AssignmentIn,
    house: TheHouse,
    actor: AdminActor,
) -> BankLineOut:
    """Let a line that nothing matched pay an invoice, if it brings exactly what that asks for."""
    invoices.book_of(house.desk)
    return BankLineOut.of(invoices.assign(house.desk, line_id, form.number, actor))
