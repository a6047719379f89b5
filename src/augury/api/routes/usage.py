"""Usage: what the caller bought, by day or by model."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from augury.api.deps import Reader, TheHouse
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.kit.clock import now, rfc3339
from augury.predictions.usage import DAY, USUAL_DAYS, Grouping, Usage, find_usage

router = APIRouter(prefix="/v1/usage", tags=["account"])


class UsageTotals(BaseModel):
    """Predictions, their rows, and what they cost."""

    predictions: int
    rows: int
    credits: int

    @classmethod
    def of(cls, found: list[Usage]) -> "UsageTotals":
        """Return everything together."""
        return cls(
            predictions=sum(one.predictions for one in found),
            rows=sum(one.rows for one in found),
            credits=sum(one.credits for one in found),
        )


class UsageItem(UsageTotals):
    """What was bought on a day, or of a model."""

    day: str | None = Field(default=None, description="Of UTC; with `group_by=day`.")
    model: str | None = Field(default=None, description="With `group_by=model`.")


class UsageOut(BaseModel):
    """Days with predictions, newest first; or models, the most expensive first."""

    group_by: Grouping
    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    totals: UsageTotals
    items: list[UsageItem]


@router.get("", responses=refusals("unauthenticated"), response_model_exclude_none=True)
def usage(
    house: TheHouse,
    caller: Reader,
    group_by: Annotated[Grouping, Query()] = "day",
    since: Since = None,
    until: Until = None,
) -> UsageOut:
    """Give predictions, rows and credits by day or by model, of the last 30 days unless told."""
    return usage_of(house, caller.user_id, group_by, since, until)


def usage_of(
    house: House, user_id: str, group_by: Grouping, since: datetime | None, until: datetime | None
) -> UsageOut:
    """Return what a customer bought by day or by model, of the last 30 days unless told."""
    last = now() if until is None else microseconds(until)
    first = last - USUAL_DAYS * DAY if since is None else microseconds(since)
    found = find_usage(house.db, user_id, group_by, first, last)
    items = [
        UsageItem(
            predictions=one.predictions,
            rows=one.rows,
            credits=one.credits,
            day=one.group if group_by == "day" else None,
            model=one.group if group_by == "model" else None,
        )
        for one in found
    ]
    return UsageOut(
        group_by=group_by,
        since=rfc3339(first),
        until=rfc3339(last),
        totals=UsageTotals.of(found),
        items=items,
    )
