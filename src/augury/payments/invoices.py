"""Invoices get paid: by a line of a bank statement, or because an administrator says so.

A line pays an invoice only when it names that one alone and brings exactly its amount. Every other
line is kept with the reason and shown; nothing is guessed. Line and invoice are decided in one
transaction. Credits follow through the same `settle` as with every other provider; after a crash
in between, the reconciliation finds the invoice paid.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row, and_, or_, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, ReadTx, WriteTx
from augury.kit.errors import NotFound, Refusal
from augury.kit.log import logger
from augury.ledger.refusals import BalanceTooLarge
from augury.payments.bank import BankLine, read_statement
from augury.payments.bank.purpose import MOST_NAMED, numbers_in
from augury.payments.desk import Desk
from augury.payments.providers.invoice import NAME, Invoices
from augury.payments.providers.protocol import (
    Buyer,
    Event,
    Money,
    NotificationRefused,
    Payment,
    PaymentState,
)
from augury.payments.settle import settle
from augury.payments.tables import bank_lines, invoices, top_ups

_AT_ONCE = 500
_LONGEST_PAYER = 200
_LONGEST_PURPOSE = 1000

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


@dataclass(frozen=True, slots=True)
class Summary:
    """How many lines a file had, how many of them were known before, and what came of the rest."""

    lines: int
    known: int
    outcomes: dict[Outcome, int]


def book_of(desk: Desk) -> Invoices:
    """Return the provider of invoices; raises `ProviderUnknown` when it is off."""
    provider = desk.provider(NAME)
    assert isinstance(provider, Invoices)  # noqa: S101 -- who else has this name
    return provider


def import_file(desk: Desk, content: bytes, actor_id: str) -> Summary:
    """Import a bank statement; raises `BankStatementUnreadable`, and then nothing is imported."""
    settings = book_of(desk).settings
    return import_lines(desk, read_statement(content, settings.account, settings.iban), actor_id)


def import_lines(desk: Desk, lines: Sequence[BankLine], actor_id: str) -> Summary:
    """Store lines, pay the invoices that they pay, and credit; known ones change nothing."""
    counts: Counter[Outcome] = Counter()
    for start in range(0, len(lines), _AT_ONCE):
        some = lines[start : start + _AT_ONCE]
        with desk.db.read() as tx:
            judged = _judge(tx, some)
        kept = [one for one in judged if one.outcome is not Outcome.MATCHED]
        with desk.db.write() as tx:
            stored = _store(tx, kept, actor_id)
        counts.update(one.outcome for one in kept if one.line.id in stored)
        for one in judged:
            if one.outcome is Outcome.MATCHED:
                counts.update(_pay_by(desk, one, actor_id))
    return Summary(len(lines), len(lines) - counts.total(), dict(counts))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A line with what seems to come of it, and the invoice that it names."""

    line: BankLine
    outcome: Outcome
    number: str | None


def _judge(tx: ReadTx, lines: Sequence[BankLine]) -> list[_Judged]:
    named = {line.id: numbers_in(line.purpose) for line in lines}
    asked = {number for some in named.values() if len(some) <= MOST_NAMED for number in some}
    known = {row[0]: row for row in _KNOWN.run(tx, [(number,) for number in asked])}
    return [_judged(line, named[line.id], known) for line in lines]


def _judged(line: BankLine, named: set[str], known: dict[str, tuple[Any, ...]]) -> _Judged:
    ours = [known[number] for number in named if number in known]
    if len(named) > MOST_NAMED or len(ours) > 1:
        return _Judged(line, Outcome.AMBIGUOUS, None)
    if not ours:
        return _Judged(line, Outcome.UNMATCHED, None)
    ((number, *asked, paid_at),) = ours
    if paid_at is not None:
        outcome = Outcome.ALREADY_PAID
    elif asked != [line.amount_minor, line.currency]:
        outcome = Outcome.AMOUNT_DIFFERS
    else:
        outcome = Outcome.MATCHED
    return _Judged(line, outcome, number)


_KNOWN = Given(
    "SELECT invoices.number, invoices.amount_minor, invoices.currency, invoices.paid_at"
    " FROM {given} JOIN invoices ON invoices.number = given.number",
    number=invoices.c.number.type,
)
# In the order of their ids, so that two who import the same lines wait for each other in one way.
# The condition is for SQLite, which else takes the conflict for that of a join.
_STORE = Given(
    "INSERT INTO bank_statement_lines (id, booked_on, amount_minor, currency, payer, purpose,"
    " invoice_number, outcome, imported_by, imported_at) SELECT id, booked_on, amount_minor,"
    " currency, payer, purpose, invoice_number, outcome, imported_by, imported_at FROM {given}"
    " WHERE true ORDER BY id ON CONFLICT DO NOTHING RETURNING id",
    lock="",
    **{column.name: column.type for column in bank_lines.columns},
)


def _store(tx: WriteTx, lines: Sequence[_Judged], actor_id: str) -> set[str]:
    """Store lines and return the ids of those that were not known: they are ours to handle."""
    moment = now()
    rows = [
        (
            one.line.id,
            one.line.booked_on,
            one.line.amount_minor,
            one.line.currency,
            _cut(one.line.payer, _LONGEST_PAYER),
            _cut(one.line.purpose, _LONGEST_PURPOSE),
            one.number,
            one.outcome,
            actor_id,
            moment,
        )
        for one in lines
    ]
    return {id_ for (id_,) in _STORE.run(tx, rows)}


def _cut(told: str, most: int) -> str:
    return told if len(told) <= most else f"{told[: most - 1]}…"


def _pay_by(desk: Desk, judged: _Judged, actor_id: str) -> list[Outcome]:
    """Store a line and pay its invoice; return what came of it, or nothing if it was known."""
    line, number = judged.line, str(judged.number)
    with desk.db.write() as tx:
        if not _store(tx, [judged], actor_id):
            return []
        if not _mark(tx, desk, number, line_id=line.id):  # by another line, a moment ago
            _conclude(tx, line.id, Outcome.ALREADY_PAID, number)
            return [Outcome.ALREADY_PAID]
        invoice = _read(tx, number)
    try:
        _credit(desk, invoice)
    except (BalanceTooLarge, NotificationRefused) as refusal:
        # It stays paid, and the top-up is marked for administrators; other lines go on.
        logger("payments").error("invoice_not_credited", number=number, reason=refusal.code)
    return [Outcome.MATCHED]


def _mark(
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


def _conclude(tx: WriteTx, line_id: str, outcome: Outcome, number: str) -> None:
    tx.execute(
        update(bank_lines)
        .where(bank_lines.c.id == line_id)
        .values(outcome=outcome, invoice_number=number)
    )


def _credit(desk: Desk, invoice: Invoice) -> None:
    """Settle the top-up of a paid invoice, with the same event however often this is done."""
    payment = Payment(invoice.number, invoice.top_up_id, PaymentState.SUCCEEDED, invoice.money)
    settle(desk.db, NAME, Event(f"paid:{invoice.number}", payment))


def mark_paid(desk: Desk, number: str, actor_id: str) -> Invoice:
    """Return an invoice that an administrator saw paid, credited; raises `NotFound`.

    One that is paid already stays as it is.
    """
    with desk.db.write() as tx:
        _mark(tx, desk, number, actor_id=actor_id)
        invoice = _read(tx, number)
    _credit(desk, invoice)
    return invoice


def assign(desk: Desk, line_id: str, number: str, actor_id: str) -> StoredLine:
    """Let a line pay the invoice that an administrator says it is for, and return it.

    Raises `NotFound`, or `BankLineNotAssignable` unless the line has had no effect and brings
    exactly what an unpaid invoice asks for. Doing it again changes nothing.
    """
    with desk.db.write() as tx:
        invoice, stored = _read(tx, number), _line(tx, line_id)
        if (stored.outcome, invoice.paid_by_line) != (Outcome.MATCHED, line_id):
            _assign(tx, desk, stored, invoice, actor_id)
    _credit(desk, invoice)
    with desk.db.read() as tx:
        return _line(tx, line_id)


def _assign(tx: WriteTx, desk: Desk, stored: StoredLine, invoice: Invoice, actor_id: str) -> None:
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
    if not _mark(tx, desk, invoice.number, line_id=line.id, actor_id=actor_id):
        raise BankLineNotAssignable(reason=Outcome.ALREADY_PAID)


def find_invoice(db: Database, number: str) -> Invoice:
    """Return an invoice, or raise `NotFound`."""
    with db.read() as tx:
        return _read(tx, number)


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


def _read(tx: ReadTx, number: str) -> Invoice:
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
