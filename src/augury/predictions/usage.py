"""Usage: how many predictions a customer bought and what they cost, by day or by model."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select

from augury.kit.clock import SECOND, rfc3339
from augury.kit.db import Database
from augury.kit.errors import invalid
from augury.predictions.periods import within
from augury.predictions.tables import predictions
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
    group: Any = predictions.c.model if group_by == "model" else predictions.c.created_at // DAY
    statement = (
        select(
            group.label("bucket"),
            func.count().label("predictions"),
            func.sum(predictions.c.rows).label("rows"),
            func.sum(predictions.c.price).label("credits"),
        )
        .where(
            predictions.c.user_id == user_id,
            predictions.c.status == SUCCEEDED,
            *within(predictions, since, until),
        )
        .group_by("bucket")
    )
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
