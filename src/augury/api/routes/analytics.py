"""Analytics, for administrators: what sells, and how fast it is."""

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from augury.api.deps import Admin, TheHouse
from augury.api.load import process_value, requests_so_far
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.kit.clock import SECOND, rfc3339
from augury.kit.errors import invalid
from augury.notices.backlog import due_deliveries
from augury.predictions.backlog import Backlog, backlogs
from augury.predictions.closing import HOUR, hour_of
from augury.predictions.hours import (
    MOST_DAYS,
    Sums,
    customers_by_model,
    sums_by_model,
    sums_by_time,
)
from augury.predictions.workers import Kind, Live, live

router = APIRouter(prefix="/v1/admin/analytics", tags=["administration"])

_USUAL = timedelta(days=30)
_USUAL_LOAD = timedelta(hours=24)
_SHARES = (0.5, 0.95, 0.99)
_STEPS = {"hour": HOUR, "day": 24 * HOUR}
# A chart of more points than a screen has is not read.
_MOST_HOURS_DAYS = 31


class LatencyOut(BaseModel):
    """From the request to the stored answer, in milliseconds, to a twentieth; null without any."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, sums: Sums) -> "LatencyOut":
        """Return percentiles for the wire."""
        p50, p95, p99 = (sums.latency_ms(share) for share in _SHARES)
        return cls(p50=p50, p95=p95, p99=p99)


class ModelSalesOut(BaseModel):
    """What was sold of a model."""

    model: str
    predictions: int = Field(description="A batch that was paid counts as one.")
    rows: int
    revenue: int = Field(description="Credits that were taken; refunds are not subtracted.")
    failures: int = Field(description="Of predictions and batches in the background.")
    customers: int | None = Field(description="Who bought of it; null unless it was asked for.")
    latency_ms: LatencyOut

    @classmethod
    def of(cls, model: str, sums: Sums, customers: int | None) -> "ModelSalesOut":
        """Return a model's sums for the wire."""
        return cls(
            model=model,
            predictions=sums.predictions,
            rows=sums.rows,
            revenue=sums.credits,
            failures=sums.failures,
            customers=customers,
            latency_ms=LatencyOut.of(sums),
        )


class ModelSalesList(BaseModel):
    """Models, the most popular first, and the whole hours (UTC) that were looked at."""

    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    items: list[ModelSalesOut]


@router.get("/models", responses=refusals("unauthenticated", "forbidden"))
def model_sales(
    house: TheHouse,
    _admin: Admin,
    since: Since = None,
    until: Until = None,
    customers: Annotated[
        Literal["true", "false"],
        Query(description="`true`: count customers, too; that reads every prediction of the time."),
    ] = "false",
) -> ModelSalesList:
    """Tell what was sold of each model: popularity, revenue, latency and failures.

    The last 30 days unless `from` and `to` say otherwise; they are widened to whole hours.
    """
    end = until or datetime.now(UTC)
    first, last = microseconds(since or end - _USUAL), microseconds(end)
    found = sums_by_model(house.db, first, last)
    buyers = customers_by_model(house.db, first, last) if customers == "true" else None
    items = [
        ModelSalesOut.of(model, sums, None if buyers is None else buyers.get(model, 0))
        for model, sums in found.items()
    ]
    return ModelSalesList(
        since=rfc3339(hour_of(first)),
        until=rfc3339(hour_of(last - 1) + HOUR),
        items=sorted(items, key=lambda one: (-one.predictions, one.model)),
    )


class StepOut(BaseModel):
    """What was ordered in an hour or a day, as of a model's sums."""

    begins_at: str
    predictions: int
    rows: int
    revenue: int
    failures: int
    latency_ms: LatencyOut


class Timeline(BaseModel):
    """Hours or days (UTC), the oldest first; those in which nothing was ordered are left out."""

    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    step: Literal["hour", "day"]
    items: list[StepOut]


@router.get("/timeline", responses=refusals("unauthenticated", "forbidden"))
def timeline(
    house: TheHouse,
    _admin: Admin,
    since: Since = None,
    until: Until = None,
    step: Literal["hour", "day"] = "hour",
    model: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
) -> Timeline:
    """Tell what was sold in each hour, or each day, of all models or of one.

    The last 24 hours unless `from` and `to` say otherwise: 31 days of hours, or 366 days.
    """
    end = until or datetime.now(UTC)
    first, last = microseconds(since or end - _USUAL_LOAD), microseconds(end)
    most = _MOST_HOURS_DAYS if step == "hour" else MOST_DAYS
    if last - first > most * 24 * HOUR:
        raise invalid("/from", "fault.usage_days", most=most)
    found = sums_by_time(house.db, first, last, _STEPS[step], model)
    items = [
        StepOut(
            begins_at=rfc3339(begun),
            predictions=sums.predictions,
            rows=sums.rows,
            revenue=sums.credits,
            failures=sums.failures,
            latency_ms=LatencyOut.of(sums),
        )
        for begun, sums in sorted(found.items())
    ]
    return Timeline(
        since=rfc3339(hour_of(first)),
        until=rfc3339(hour_of(last - 1) + HOUR),
        step=step,
        items=items,
    )


class ProcessOut(BaseModel):
    """The process that answers: there may be others. Null where the system does not tell."""

    pid: int
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
    running: int = Field(description="That a worker has taken up.")
    oldest_seconds: float

    @classmethod
    def of(cls, backlog: Backlog) -> "QueueOut":
        """Return a backlog for the wire."""
        return cls(
            unfinished=backlog.unfinished,
            due=backlog.due,
            running=backlog.running,
            oldest_seconds=round(backlog.oldest_seconds, 3),
        )


class WorkerOut(BaseModel):
    """A process that works in the background."""

    id: str
    kind: Kind = Field(
        description="`embedded`: it serves, too. `apart`: `augury worker` without a broker."
        " `rung`: a process of `augury worker` behind a broker."
    )
    host: str
    pid: int
    started_at: str
    seen_at: str = Field(description="When it last said that it is there: every 10 seconds.")

    @classmethod
    def of(cls, worker: Live) -> "WorkerOut":
        """Return a worker for the wire."""
        return cls(
            id=worker.id,
            kind=worker.kind,
            host=worker.host,
            pid=worker.pid,
            started_at=rfc3339(worker.started_at),
            seen_at=rfc3339(worker.seen_at),
        )


class NowOut(BaseModel):
    """Queues, workers and this process as they are now."""

    queues: dict[str, QueueOut]
    deliveries_due: dict[str, int] = Field(description="Webhooks and e-mails to be sent.")
    workers: list[WorkerOut] = Field(description="That have said so in the last 35 seconds.")
    process: ProcessOut

    @classmethod
    def of(cls, house: House) -> "NowOut":
        """Look at a house; this reads no sales."""
        with house.db.read() as tx:
            queues, deliveries, workers = backlogs(tx), due_deliveries(tx), live(tx)
        return cls(
            queues={kind: QueueOut.of(backlog) for kind, backlog in queues.items()},
            deliveries_due=deliveries,
            workers=[WorkerOut.of(one) for one in workers],
            process=_process(),
        )


class LoadOut(NowOut):
    """What the house has to do: sales of a time, and queues and this process as they are now."""

    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    predictions: int
    rows: int
    failures: int = Field(description="Of predictions and batches in the background.")
    latency_ms: LatencyOut = Field(description="Of sales: from the request to the stored answer.")


@router.get("/now", responses=refusals("unauthenticated", "forbidden"))
def load_now(house: TheHouse, _admin: Admin) -> NowOut:
    """Tell what waits and who works on it: for those who look every few seconds."""
    return NowOut.of(house)


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
    return LoadOut(
        **dict(NowOut.of(house)),
        since=rfc3339(hour_of(first)),
        until=rfc3339(hour_of(last - 1) + HOUR),
        predictions=sums.predictions,
        rows=sums.rows,
        failures=sums.failures,
        latency_ms=LatencyOut.of(sums),
    )


def _process() -> ProcessOut:
    requests = requests_so_far(_SHARES)
    p50, p95, p99 = (None if one is None else one * 1000 for one in requests.latencies)
    started = process_value("start_time_seconds")
    memory = process_value("resident_memory_bytes")
    return ProcessOut(
        pid=os.getpid(),
        started_at=None if started is None else rfc3339(int(started * SECOND)),
        cpu_seconds=process_value("cpu_seconds_total"),
        memory_bytes=None if memory is None else int(memory),
        requests=requests.total,
        requests_failed=requests.failed,
        latency_ms=LatencyOut(p50=p50, p95=p95, p99=p99),
    )
