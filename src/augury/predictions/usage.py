"""Usage: how many predictions a customer bought and what they cost, by day or by model.

A batch that was paid counts as one, with the rows that succeeded.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Table, func, select, union_all

from augury.kit.clock import SECOND, rfc3339
from augury.kit.db import Database
from augury.kit.errors import invalid
from augury.predictions.periods import within
from augury.predictions.tables import batches, predictions
from augury.predictions.till import SUCCEEDED

DAY = 24 * 3600 * SECOND
USUAL_DAYS = 30
MOST_DAYS = 366

Grouping = Literal["day", "model"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was bought on a day (`2026-03-01`, UTC) or of a model, named by `group`."""

    group: str
    predictions: int
    rows: int
    credits: int


def find_usage(
    db: Database, user_id: str, group_by: Grouping, since: int, until: int
) -> list[Usage]:
    """Return a customer's use from a moment until another, by day (newest first) or by model.

    Days and models without predictions are left out. Models come with the most expensive first.
    Raises `InvalidInput` when the time is longer than `MOST_DAYS`, or ends before it begins.
    """
    if since >= until:
        raise invalid("/from", "fault.usage_order")
    if until - since > MOST_DAYS * DAY:
        raise invalid("/from", "fault.usage_days", most=MOST_DAYS)
    sold = union_all(
        _sold(predictions, predictions.c.rows, predictions.c.price, user_id, since, until).where(
            predictions.c.status == SUCCEEDED
        ),
        _sold(batches, batches.c.rows_done, batches.c.captured, user_id, since, until).where(
            batches.c.captured > 0
        ),
    ).subquery()
    group: Any = sold.c.model if group_by == "model" else sold.c.created_at // DAY
    statement = select(
        group.label("bucket"),
        func.count().label("predictions"),
        func.sum(sold.c.rows).label("rows"),
        func.sum(sold.c.price).label("credits"),
    ).group_by("bucket")
    with db.read() as tx:
        found = [
            Usage(
                row.bucket if group_by == "model" else rfc3339(row.bucket * DAY)[:10],
                row.predictions,
                int(row.rows),
                int(row.credits),
            )
            for row in tx.execute(statement)
        ]
    if group_by == "day":
        return sorted(found, key=lambda usage: usage.group, reverse=True)
    return sorted(found, key=lambda usage: (-usage.credits, usage.group))


def _sold(
    table: Table, rows: ColumnElement[int], price: ColumnElement[int], user_id: str, *when: int
) -> Select[Any]:
    """Return what counts of one table: a customer's rows from a moment until another."""
    since, until = when
    return select(
        table.c.model, table.c.created_at, rows.label("rows"), price.label("price")
    ).where(table.c.user_id == user_id, *within(table, since, until))
