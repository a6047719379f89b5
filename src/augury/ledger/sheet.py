"""A statement as a CSV file (RFC 4180) that spreadsheets open without being asked."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO

from augury.kit.clock import SECOND, now
from augury.kit.spreadsheets import BYTE_ORDER_MARK, harmless
from augury.kit.texts import texts
from augury.ledger.core import TransferType
from augury.ledger.history import Movement
from augury.ledger.statement import Statement

COLUMNS = ("when", "type", "amount", "balance", "reference", "reason", "id", "code")
OPENING, CLOSING = "opening_balance", "closing_balance"

Cell = str | int


def sheet(statement: Statement, chunks: Iterable[list[Movement]], language: str) -> Iterator[bytes]:
    """Yield the file piece by piece: a heading, the opening balance, every movement, the closing.

    Amounts and balances are plain numbers. The last column has the type as the API calls it, and
    the column `type` as the reader does.
    """
    words = texts("sheets", language)
    types = {type_: texts("papers", language).text(f"type.{type_}") for type_ in TransferType}
    summary = statement.summary
    begins, ends = _second(summary.month.start), _second(min(summary.month.end, now()))
    opening, closing = words.text("balance.opening"), words.text("balance.closing")
    yield _lines(
        [
            [words.text(f"column.{name}") for name in COLUMNS],
            [begins, opening, "", summary.opening, "", "", "", OPENING],
        ],
        BYTE_ORDER_MARK,
    )
    for movements in chunks:
        yield _lines([_row(one, types[one.type]) for one in movements])
    yield _lines([[ends, closing, "", summary.closing, "", "", "", CLOSING]])


def _row(movement: Movement, kind: str) -> list[Cell]:
    return [
        _second(movement.created_at),
        kind,
        movement.amount,
        movement.balance_after,
        harmless(movement.reference),
        harmless(movement.reason or ""),
        movement.id,
        movement.type.value,
    ]


def _lines(rows: list[list[Cell]], start: str = "") -> bytes:
    written = StringIO(start)
    written.seek(len(start))
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _second(moment: int) -> str:
    """Return a moment (UTC) as spreadsheets of every country read it."""
    return f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y-%m-%d %H:%M:%S}"
