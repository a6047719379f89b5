"""The newest sales of a version, some of them: what it is watched by.

There is no index by version, for which every sale would pay. Identifiers sort by time of birth, so
the newest sales of all versions are read from the end, and never more than a fixed number.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select

from augury.kit.db import Given, Id, ReadTx
from augury.kit.ids import first_id
from augury.predictions.tables import predictions

# Of all versions: a version that is asked for less often than that has fewer sales to show.
_MOST_SCANNED = 200_000
MOST_PREDICTIONS = 20_000
# More would not make a share any surer that matters, and takes time from those who buy.
MOST_ROWS = 50_000
_ROWS_AT_ONCE = 5_000

_CONTENTS = Given(
    "SELECT sold.inputs, sold.outputs FROM {given} JOIN predictions sold ON sold.id = given.id"
    " WHERE sold.expired_at IS NULL",
    id=Id,
)
_OUTPUTS = Given(
    "SELECT sold.outputs FROM {given} JOIN predictions sold ON sold.id = given.id"
    " WHERE sold.expired_at IS NULL",
    id=Id,
)


class Sold(NamedTuple):
    """A sale, without what was asked and answered."""

    id: str
    user_id: str
    rows: int
    created_at: int
    completed_at: int


def newest(tx: ReadTx, model: str, version: int, since: int) -> list[Sold]:
    """Return a version's sales from a moment on, newest first: 20,000 or 50,000 rows at most."""
    recent = (
        select(
            *(predictions.c[name] for name in ("id", "user_id", "model", "version", "rows")),
            predictions.c.created_at,
            predictions.c.completed_at,
        )
        .where(predictions.c.id >= first_id(since), predictions.c.status == "succeeded")
        .order_by(predictions.c.id.desc())
        .limit(_MOST_SCANNED)
        .subquery()
    )
    found = tx.execute(
        select(*(recent.c[name] for name in Sold._fields))
        .where(recent.c.model == model, recent.c.version == version)
        .order_by(recent.c.id.desc())
        .limit(MOST_PREDICTIONS)
    )
    sales: list[Sold] = []
    rows = 0
    for row in found:
        rows += row.rows
        if sales and rows > MOST_ROWS:
            break
        sales.append(Sold(*row))
    return sales


def contents(tx: ReadTx, sales: list[Sold]) -> Iterator[list[tuple[str, str]]]:
    """Yield the inputs and the outputs of sales as JSON, a few thousand rows at once."""
    for lot in _lots(sales):
        yield [(inputs, outputs) for inputs, outputs in _CONTENTS.run(tx, lot)]


def outputs(tx: ReadTx, sales: list[Sold]) -> Iterator[str]:
    """Yield the outputs of sales as JSON, a few thousand rows in memory at once."""
    for lot in _lots(sales):
        yield from (found for (found,) in _OUTPUTS.run(tx, lot))


def _lots(sales: list[Sold]) -> Iterator[list[tuple[str]]]:
    lot: list[tuple[str]] = []
    rows = 0
    for sale in sales:
        lot.append((sale.id,))
        rows += sale.rows
        if rows >= _ROWS_AT_ONCE:
            yield lot
            lot, rows = [], 0
    yield lot


def column_reader(member: str) -> msgspec.json.Decoder[Any]:
    """Return what reads one member of all outputs as `value`, None where it is not there."""
    kind = msgspec.defstruct("Output", [("value", Any, None)], rename={"value": member})
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
