"""Invoices get paid: by a line of a bank statement, or because an administrator says so.

Credits follow through the same `settle` as with every other provider; after a crash in between, the
reconciliation finds the invoice paid.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row, and_, or_, select, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import NotFound, Refusal
from augury.payments.bank import BankLine
from augury.payments.desk import Desk
from augury.payments.providers.invoice import NAME, Invoices
from augury.payments.providers.protocol import (
    Buyer,
    Event,
    Money,
    Payment,
    PaymentState,
)
from augury.payments.settle import settle
from augury.payments.tables import bank_lines, invoices, top_ups

InvoiceStatus = Literal["unpaid", "paid"]


class Outcome(StrEnum):
    """What came of a line: it paid an invoice, or why it did not."""

    MATCHED = "matched"
    UNMATCHED = "unmatched"
    AMOUNT_DIFFERS = "amount_differs"
    ALREADY_PAID = "already_paid"
    AMBIGUOUS = "ambiguous"


class BankLineNotAssignable(Refusal):
    """The line has had its effect, or brings another amount than the invoice asks for."""

    code = "bank_line_not_assignable"
    status = 409


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it is stored; moments in microseconds since 1970.

    `seller` has the settings about the seller, by their names, as they were when it was written.
    """

    number: str
    year: int
    serial: int
    top_up_id: str
    money: Money
    seller: dict[str, str]
    buyer: Buyer
    language: str
    created_at: int
    due_at: int
    paid_at: int | None
    paid_by_line: str | None
    paid_by_actor: str | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line of a statement as it is stored, with what came of it."""

    line: BankLine
    outcome: Outcome
    invoice_number: str | None
    imported_by: str
    imported_at: int


def book_of(desk: Desk) -> Invoices:
    """Return the provider of invoices; raises `ProviderUnknown` when it is off."""
    provider = desk.provider(NAME)
    assert isinstance(provider, Invoices)  # noqa: S101 -- who else has this name
    return provider


def mark(
    tx: WriteTx, desk: Desk, number: str, *, line_id: str | None = None, actor_id: str | None = None
) -> bool:
    """Mark an invoice as paid; tell whether it was not before."""
    moment = now()
    marked = tx.execute(
        update(invoices)
        .where(invoices.c.number == number, invoices.c.paid_at.is_(None))
        .values(paid_at=moment, paid_by_line=line_id, paid_by_actor=actor_id)
    )
    if marked.rowcount == 0:
        return False
    # Should nothing follow, the reconciliation asks soon, also about what it had given up.
    of_it = select(invoices.c.top_up_id).where(invoices.c.number == number).scalar_subquery()
    tx.execute(
        update(top_ups)
        .where(top_ups.c.id == of_it, top_ups.c.transfer_id.is_(None))
        .values(check_at=moment + desk.check_seconds * SECOND, checks=0)
    )
    return True


def subject_of(number: str) -> str:
    """Return how the audit log calls an invoice."""
    return f"invoice:{number}"


def told_of(invoice: Invoice) -> dict[str, str | int]:
    """Return what the audit log keeps of an invoice that is paid: nothing about its buyer."""
    money = invoice.money
    return {
        "top_up": invoice.top_up_id,
        "amount_minor": money.amount_minor,
        "currency": money.currency,
    }


def credit(desk: Desk, invoice: Invoice) -> None:
    """Settle the top-up of a paid invoice, with the same event however often this is done."""
    payment = Payment(invoice.number, invoice.top_up_id, PaymentState.SUCCEEDED, invoice.money)
    settle(desk.db, NAME, Event(f"paid:{invoice.number}", payment))


def mark_paid(desk: Desk, number: str, actor: Actor) -> Invoice:
    """Return an invoice that an administrator saw paid, credited; raises `NotFound`.

    One that is paid already stays as it is.
    """
    with desk.db.write() as tx:
        is_new = mark(tx, desk, number, actor_id=actor.user_id)
        invoice = read(tx, number)
        if is_new:
            record(tx, actor, "invoice.marked_paid", subject_of(number), told_of(invoice))
    credit(desk, invoice)
    return invoice


def assign(desk: Desk, line_id: str, number: str, actor: Actor) -> StoredLine:
    """Let a line pay the invoice that an administrator says it is for, and return it.

    Raises `NotFound`, or `BankLineNotAssignable` unless the line has had no effect and brings
    exactly what an unpaid invoice asks for. Doing it again changes nothing.
    """
    with desk.db.write() as tx:
        invoice, stored = read(tx, number), _line(tx, line_id)
        if (stored.outcome, invoice.paid_by_line) != (Outcome.MATCHED, line_id):
            _assign(tx, desk, stored, invoice, actor)
    credit(desk, invoice)
    with desk.db.read() as tx:
        return _line(tx, line_id)


def _assign(tx: WriteTx, desk: Desk, stored: StoredLine, invoice: Invoice, actor: Actor) -> None:
    line = stored.line
    if (line.amount_minor, line.currency) != (invoice.money.amount_minor, invoice.money.currency):
        raise BankLineNotAssignable(reason=Outcome.AMOUNT_DIFFERS)
    free = bank_lines.c.outcome.in_([Outcome.UNMATCHED, Outcome.AMBIGUOUS])
    taken = tx.execute(
        update(bank_lines)
        .where(bank_lines.c.id == line.id, free)
        .values(outcome=Outcome.MATCHED, invoice_number=invoice.number)
    )
    if taken.rowcount == 0:
        raise BankLineNotAssignable(reason=stored.outcome)
    if not mark(tx, desk, invoice.number, line_id=line.id, actor_id=actor.user_id):
        raise BankLineNotAssignable(reason=Outcome.ALREADY_PAID)
    details = told_of(invoice) | {"line": line.id}
    record(tx, actor, "invoice.line_assigned", subject_of(invoice.number), details)


def find_invoice(db: Database, number: str) -> Invoice:
    """Return an invoice, or raise `NotFound`."""
    with db.read() as tx:
        return read(tx, number)


def list_invoices(
    db: Database,
    *,
    limit: int,
    before: tuple[int, int] | None = None,
    status: InvoiceStatus | None = None,
) -> list[Invoice]:
    """Return up to `limit` invoices, newest first, of year and serial below `before`."""
    table = invoices.c
    statement = select(invoices).order_by(table.year.desc(), table.serial.desc()).limit(limit)
    if before is not None:
        year, serial = before
        statement = statement.where(
            or_(table.year < year, and_(table.year == year, table.serial < serial))
        )
    if status is not None:
        statement = statement.where(
            table.paid_at.is_(None) if status == "unpaid" else table.paid_at.is_not(None)
        )
    with db.read() as tx:
        return [_invoice(row) for row in tx.execute(statement)]


def list_lines(
    db: Database,
    *,
    limit: int,
    before: tuple[int, str] | None = None,
    outcome: Outcome | None = None,
) -> list[StoredLine]:
    """Return up to `limit` lines, imported last first, below the moment and id of `before`."""
    table = bank_lines.c
    statement = select(bank_lines).order_by(table.imported_at.desc(), table.id.desc()).limit(limit)
    if before is not None:
        moment, id_ = before
        statement = statement.where(
            or_(table.imported_at < moment, and_(table.imported_at == moment, table.id < id_))
        )
    if outcome is not None:
        statement = statement.where(table.outcome == outcome)
    with db.read() as tx:
        return [_stored(row) for row in tx.execute(statement)]


def read(tx: ReadTx, number: str) -> Invoice:
    """Return an invoice within a transaction, or raise `NotFound`."""
    row = tx.execute(select(invoices).where(invoices.c.number == number)).first()
    if row is None:
        raise NotFound
    return _invoice(row)


def _line(tx: ReadTx, line_id: str) -> StoredLine:
    row = tx.execute(select(bank_lines).where(bank_lines.c.id == line_id)).first()
    if row is None:
        raise NotFound
    return _stored(row)


def _invoice(row: Row[Any]) -> Invoice:
    return Invoice(
        row.number,
        row.year,
        row.serial,
        row.top_up_id,
        Money(row.amount_minor, row.currency),
        json.loads(row.seller),
        Buyer(**json.loads(row.buyer)),
        row.language,
        row.created_at,
        row.due_at,
        row.paid_at,
        row.paid_by_line,
        row.paid_by_actor,
    )


def _stored(row: Row[Any]) -> StoredLine:
    return StoredLine(
        BankLine(row.id, row.booked_on, row.amount_minor, row.currency, row.payer, row.purpose),
        Outcome(row.outcome),
        row.invoice_number,
        row.imported_by,
        row.imported_at,
    )
