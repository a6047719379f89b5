"""Analytics, for administrators: what sells, and how fast it is."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from augury.api.deps import Admin, TheHouse
from augury.api.load import process_value, requests_so_far
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.kit.clock import SECOND, rfc3339
from augury.notices.backlog import due_deliveries
from augury.predictions.backlog import Backlog, backlogs
from augury.predictions.hours import HOUR, Sums, hour_of, sums_by_model

router = APIRouter(prefix="/v1/admin/analytics", tags=["administration"])

_USUAL = timedelta(days=30)
_USUAL_LOAD = timedelta(hours=24)
_SHARES = (0.5, 0.95, 0.99)


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
        p50, p95, p99 = (sums.latency_ms(share) for share in _SHARES)
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


class ProcessOut(BaseModel):
    """The process that answers: there may be others. Null where the system does not tell."""

    started_at: str | None
    cpu_seconds: float | None = Field(description="Of all processors, since it began.")
    memory_bytes: int | None = Field(description="What is resident.")
    requests: int = Field(description="That have ended since it began.")
    requests_failed: int = Field(description="With a 5xx, or without an answer.")
    latency_ms: LatencyOut = Field(description="Of requests: the limits of coarse buckets.")


class QueueOut(BaseModel):
    """Work of one kind in the background."""

    unfinished: int
    due: int = Field(description="That waits for a worker now.")
    oldest_seconds: float

    @classmethod
    def of(cls, backlog: Backlog) -> "QueueOut":
        """Return a backlog for the wire."""
        return cls(
            unfinished=backlog.unfinished,
            due=backlog.due,
            oldest_seconds=round(backlog.oldest_seconds, 3),
        )


class LoadOut(BaseModel):
    """What the house has to do: sales of a time, and queues and this process as they are now."""

    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    predictions: int
    rows: int
    failures: int = Field(description="Of predictions and batches in the background.")
    latency_ms: LatencyOut = Field(description="Of sales: from the request to the stored answer.")
    queues: dict[str, QueueOut]
    deliveries_due: dict[str, int] = Field(description="Webhooks and e-mails to be sent.")
    process: ProcessOut


@router.get("/load", responses=refusals("unauthenticated", "forbidden"))
def load(house: TheHouse, _admin: Admin, since: Since = None, until: Until = None) -> LoadOut:
    """Tell what the house has to do, and whether it keeps up.

    Sales are of the last 24 hours unless `from` and `to` say otherwise, widened to whole hours.
    """
    end = until or datetime.now(UTC)
    first, last = microseconds(since or end - _USUAL_LOAD), microseconds(end)
    sums = Sums()
    for one in sums_by_model(house.db, first, last).values():
        sums.add(one)
    with house.db.read() as tx:
        queues, deliveries = backlogs(tx), due_deliveries(tx)
    p50, p95, p99 = (sums.latency_ms(share) for share in _SHARES)
    return LoadOut(
        since=rfc3339(hour_of(first)),
        until=rfc3339(hour_of(last - 1) + HOUR),
        predictions=sums.predictions,
        rows=sums.rows,
        failures=sums.failures,
        latency_ms=LatencyOut(p50=p50, p95=p95, p99=p99),
        queues={kind: QueueOut.of(backlog) for kind, backlog in queues.items()},
        deliveries_due=deliveries,
        process=_process(),
    )


def _process() -> ProcessOut:
    requests = requests_so_far(_SHARES)
    p50, p95, p99 = (None if one is None else one * 1000 for one in requests.latencies)
    started = process_value("start_time_seconds")
    memory = process_value("resident_memory_bytes")
    return ProcessOut(
        started_at=None if started is None else rfc3339(int(started * SECOND)),
        cpu_seconds=process_value("cpu_seconds_total"),
        memory_bytes=None if memory is None else int(memory),
        requests=requests.total,
        requests_failed=requests.failed,
        latency_ms=LatencyOut(p50=p50, p95=p95, p99=p99),
    )
