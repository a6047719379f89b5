"""Analytics, for administrators: what sells, and how fast it is."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from augury.api.deps import Admin, TheHouse
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.kit.clock import rfc3339
from augury.predictions.hours import HOUR, Sums, hour_of, sums_by_model

router = APIRouter(prefix="/v1/admin/analytics", tags=["administration"])

_USUAL = timedelta(days=30)


class LatencyOut(BaseModel):
    """From the request to the stored answer, in milliseconds, to a twentieth; null without any."""

    p50: float | None
    p95: float | None
    p99: float | None


class ModelSalesOut(BaseModel):
    """What was sold of a model."""

    model: str
    predictions: int = Field(description="A batch that was paid counts as one.")
    rows: int
    revenue: int = Field(description="Credits that were taken; refunds are not subtracted.")
    failures: int = Field(description="Of predictions and batches in the background.")
    latency_ms: LatencyOut

    @classmethod
    def of(cls, model: str, sums: Sums) -> "ModelSalesOut":
        """Return a model's sums for the wire."""
        p50, p95, p99 = (sums.latency_ms(share) for share in (0.5, 0.95, 0.99))
        return cls(
            model=model,
            predictions=sums.predictions,
            rows=sums.rows,
            revenue=sums.credits,
            failures=sums.failures,
            latency_ms=LatencyOut(p50=p50, p95=p95, p99=p99),
        )


class ModelSalesList(BaseModel):
    """Models, the most popular first, and the whole hours (UTC) that were looked at."""

    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    items: list[ModelSalesOut]


@router.get("/models", responses=refusals("unauthenticated", "forbidden"))
def model_sales(
    house: TheHouse, _admin: Admin, since: Since = None, until: Until = None
) -> ModelSalesList:
    """Tell what was sold of each model: popularity, revenue, latency and failures.

    The last 30 days unless `from` and `to` say otherwise; they are widened to whole hours.
    """
    end = until or datetime.now(UTC)
    first, last = microseconds(since or end - _USUAL), microseconds(end)
    found = sums_by_model(house.db, first, last)
    items = [ModelSalesOut.of(model, sums) for model, sums in found.items()]
    return ModelSalesList(
        since=rfc3339(hour_of(first)),
        until=rfc3339(hour_of(last - 1) + HOUR),
        items=sorted(items, key=lambda one: (-one.predictions, one.model)),
    )
