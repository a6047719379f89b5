"""Movements of credits as the rows of a table."""

from collections.abc import Sequence

from augury.client import Transaction
from augury.ui.parts.elements import plain
from augury.ui.reader import Reader


def movement_table(
    movements: Sequence[Transaction], reader: Reader
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return titles and rows; the column of reasons is there when one of them has any."""
    columns = ("when", "type", "amount", "balance_after")
    titles = [reader.text(f"transactions.{column}") for column in columns]
    rows = [_row(one, reader) for one in movements]
    if any(one.reason for one in movements):
        titles.append(reader.text("transactions.reason"))
        rows = [(*row, plain(one.reason or "")) for row, one in zip(rows, movements, strict=True)]
    return titles, rows


def _row(one: Transaction, reader: Reader) -> tuple[str, ...]:
    left = reader.number(one.balance_after) if one.balance_after is not None else ""
    return (
        reader.moment(one.created_at),
        plain(reader.named("transaction", one.type)),
        plain(reader.signed(one.amount)),
        left,
    )
