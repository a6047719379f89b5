"""Bank statements come in: each line pays the invoice that it names, or is kept with the reason.

A line pays only when it names one invoice alone and brings exactly its amount; nothing is guessed.
Line and invoice are decided in one transaction, and the audit log says of both who imported them.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from augury.audit_log.service import Actor, record
from augury.kit.clock import now
from augury.kit.db import Given, ReadTx, WriteTx
from augury.kit.log import logger
from augury.ledger.refusals import AccountClosed, BalanceTooLarge
from augury.payments.bank import BankLine, read_statement
from augury.payments.bank.purpose import MOST_NAMED, numbers_in
from augury.payments.desk import Desk
from augury.payments.invoices import Outcome, book_of, credit, mark, read, subject_of, told_of
from augury.payments.providers.protocol import NotificationRefused
from augury.payments.tables import bank_lines, invoices

_AT_ONCE = 500
_LONGEST_PAYER = 200
_LONGEST_PURPOSE = 1000


@dataclass(frozen=True, slots=True)
class Summary:
    """How many lines a file had, how many of them were known before, and what came of the rest."""

    lines: int
    known: int
    outcomes: dict[Outcome, int]


@dataclass(slots=True)
class _Import:
    """A file that is being imported, and whether the audit log has it."""

    actor: Actor
    statement: str  # the SHA-256 of the file
    lines: int
    is_told: bool = False

    def tell(self, tx: WriteTx) -> None:
        """Write the import down once, in the transaction that stores its first new line."""
        if not self.is_told:
            subject = f"bank_statement:{self.statement}"
            record(tx, self.actor, "bank_statement.imported", subject, {"lines": self.lines})
            self.is_told = True


def import_file(desk: Desk, content: bytes, actor: Actor) -> Summary:
    """Store the lines of a bank statement, pay the invoices that they pay, and credit.

    Lines that are known change nothing. Raises `BankStatementUnreadable`, and then nothing is
    imported.
    """
    settings = book_of(desk).settings
    lines = read_statement(content, settings.account, settings.iban)
    file = _Import(actor, hashlib.sha256(content).hexdigest(), len(lines))
    counts: Counter[Outcome] = Counter()
    for start in range(0, len(lines), _AT_ONCE):
        some = lines[start : start + _AT_ONCE]
        with desk.db.read() as tx:
            judged = _judge(tx, some)
        kept = [one for one in judged if one.outcome is not Outcome.MATCHED]
        with desk.db.write() as tx:
            stored = _store(tx, kept, file)
        counts.update(one.outcome for one in kept if one.line.id in stored)
        for one in judged:
            if one.outcome is Outcome.MATCHED:
                counts.update(_pay_by(desk, one, file))
    return Summary(len(lines), len(lines) - counts.total(), dict(counts))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A line with what seems to come of it, and the invoice that it names."""

    line: BankLine
    outcome: Outcome
    number: str | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an import would do with a line; a line that is `known` changes nothing."""

    line: BankLine
    outcome: Outcome
    number: str | None
    is_known: bool


def foresee(desk: Desk, content: bytes) -> list[Foreseen]:
    """Return what importing a bank statement would do, line by line, and do nothing.

    Raises `BankStatementUnreadable`, as the import does.
    """
    settings = book_of(desk).settings
    lines = read_statement(content, settings.account, settings.iban)
    found: list[Foreseen] = []
    paid: set[str | None] = set()
    for start in range(0, len(lines), _AT_ONCE):
        some = lines[start : start + _AT_ONCE]
        with desk.db.read() as tx:
            judged = _judge(tx, some)
            stored = {id_ for (id_,) in _STORED.run(tx, [(line.id,) for line in some])}
        for one in judged:
            is_known, outcome = one.line.id in stored, one.outcome
            if outcome is Outcome.MATCHED and not is_known:
                # Another line of the same file may have paid it by then.
                outcome = Outcome.ALREADY_PAID if one.number in paid else outcome
                paid.add(one.number)
            found.append(Foreseen(one.line, outcome, one.number, is_known))
    return found


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
_STORED = Given(
    "SELECT bank_statement_lines.id FROM {given}"
    " JOIN bank_statement_lines ON bank_statement_lines.id = given.id",
    id=bank_lines.c.id.type,
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


def _store(tx: WriteTx, lines: Sequence[_Judged], file: _Import) -> set[str]:
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
            file.actor.user_id,
            moment,
        )
        for one in lines
    ]
    stored = {id_ for (id_,) in _STORE.run(tx, rows)}
    if stored:
        file.tell(tx)
    return stored


def _cut(told: str, most: int) -> str:
    return told if len(told) <= most else f"{told[: most - 1]}…"


def _pay_by(desk: Desk, judged: _Judged, file: _Import) -> list[Outcome]:
    """Store a line and pay its invoice; return what came of it, or nothing if it was known."""
    line, number = judged.line, str(judged.number)
    with desk.db.write() as tx:
        if not _store(tx, [judged], file):
            return []
        if not mark(tx, desk, number, line_id=line.id):  # by another line, a moment ago
            _conclude(tx, line.id, Outcome.ALREADY_PAID, number)
            return [Outcome.ALREADY_PAID]
        invoice = read(tx, number)
        details = told_of(invoice) | {"line": line.id, "statement": file.statement}
        record(tx, file.actor, "invoice.paid_by_line", subject_of(number), details)
    try:
        credit(desk, invoice)
    except (AccountClosed, BalanceTooLarge, NotificationRefused) as refusal:
        # It stays paid, and the top-up is marked for administrators; other lines go on.
        logger("payments").error("invoice_not_credited", number=number, reason=refusal.code)
    return [Outcome.MATCHED]


def _conclude(tx: WriteTx, line_id: str, outcome: Outcome, number: str) -> None:
    tx.execute(
        update(bank_lines)
        .where(bank_lines.c.id == line_id)
        .values(outcome=outcome, invoice_number=number)
    )
