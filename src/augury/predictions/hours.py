"""What was sold of each model in each hour: added up once an hour can change no more.

Administrators look at years; nobody should read years of predictions for that. An hour is closed
when no job that was ordered in it can succeed any more. A duty adds it up and stores the sums with
the place up to which it has come, by compare-and-swap: it may be repeated, stopped or carried out
by several processes. What is not closed yet is read as it stands. See decision 40.
"""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil, log

import msgspec
from sqlalchemy import func, insert, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import invalid
from augury.kit.ids import first_id
from augury.predictions.jobs import DEADLINE_SECONDS, FAILED
from augury.predictions.periods import EARLIER, within
from augury.predictions.tables import batches, jobs, prediction_hours, predictions, sums_state

HOUR = 3600 * SECOND
MOST_DAYS = 366
# A clock may be wrong by as much, and a commit take as long.
_PATIENCE = DEADLINE_SECONDS * SECOND + 600 * SECOND
_ROWS_AT_ONCE = 2_000
_PAUSE_SECONDS = 0.01
# Of two limits of latency that follow each other: a percentile is right to a twentieth.
_STEP = log(1.05)


@dataclass(slots=True)
class Sums:
    """What was sold of a model; `latencies` counts by `bucket_of`."""

    predictions: int = 0
    rows: int = 0
    credits: int = 0
    failures: int = 0
    latencies: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Sums") -> None:
        """Add what was sold at another time."""
        self.predictions += other.predictions
        self.rows += other.rows
        self.credits += other.credits
        self.failures += other.failures
        self.latencies.update(other.latencies)

    def latency_ms(self, share: float) -> float | None:
        """Return within how many milliseconds a share of them was made; nothing without any."""
        wanted = ceil(share * self.latencies.total())
        for bucket in sorted(self.latencies):
            wanted -= self.latencies[bucket]
            if wanted <= 0:
                return round(1.05**bucket / 1000, 3)
        return None


def bucket_of(latency: int) -> int:
    """Return the number of the narrowest bucket for a latency in microseconds."""
    return ceil(log(latency) / _STEP) if latency > 1 else 0


def hour_of(moment: int) -> int:
    """Return when the hour of a moment begins."""
    return moment - moment % HOUR


def close_hours(db: Database, stop: threading.Event) -> int:
    """Add up the hours that can change no more; return how many. Safe to repeat."""
    closed = 0
    while not stop.is_set():
        with db.read() as tx:
            begun = _up_to(tx)
            hour = _next_hour(tx, begun)
            if hour is None or hour + HOUR + _PATIENCE > now():
                break
            sums = _sold(tx, hour, hour + HOUR)
        with db.write() as tx:
            if not _store(tx, begun, hour, sums):
                break  # another process was first
        closed += 1
        stop.wait(_PAUSE_SECONDS)
    return closed


def _up_to(tx: ReadTx) -> int:
    return int(tx.execute(select(sums_state.c.up_to)).scalar_one())


def _next_hour(tx: ReadTx, begun: int) -> int | None:
    """Return the first hour from `begun` on in which anything was sold."""
    found = (
        select(predictions.c.created_at)
        .where(predictions.c.id >= first_id(max(begun - EARLIER, 0)))
        .where(predictions.c.created_at >= begun)
        .order_by(predictions.c.id)
        .limit(1)
    )
    moment = tx.execute(found).scalar()
    # The next by its identifier may be a little later than the next by its moment.
    return None if moment is None else max(begun, hour_of(moment - EARLIER))


def _sold(tx: ReadTx, since: int, until: int) -> dict[str, Sums]:
    found = select(
        predictions.c.model,
        predictions.c.rows,
        predictions.c.price,
        predictions.c.completed_at - predictions.c.created_at,
    ).where(*within(predictions, since, until))
    sums: defaultdict[str, Sums] = defaultdict(Sums)
    for model, rows, price, latency in tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(found):
        one = sums[model]
        one.predictions += 1
        one.rows += rows
        one.credits += price
        one.latencies[bucket_of(latency)] += 1
    return sums


def _store(tx: WriteTx, begun: int, hour: int, sums: dict[str, Sums]) -> bool:
    mine = update(sums_state).where(sums_state.c.up_to == begun).values(up_to=hour + HOUR)
    if not tx.execute(mine).rowcount:
        return False
    rows = [
        {
            "hour": hour,
            "model": model,
            "predictions": one.predictions,
            "rows": one.rows,
            "credits": one.credits,
            "latencies": msgspec.json.encode(one.latencies).decode(),
        }
        for model, one in sums.items()
    ]
    if rows:
        tx.execute(insert(prediction_hours), rows)
    return True


def sums_by_model(db: Database, since: int, until: int) -> dict[str, Sums]:
    """Return what was ordered from the hour of one moment until the end of another's, by model.

    A batch that was paid counts as one prediction, without a latency. Failures are those of
    predictions and batches in the background: what is refused on the spot is not stored.
    Raises `InvalidInput` when the time is longer than `MOST_DAYS` or ends before it begins.
    """
    if since >= until:
        raise invalid("/from", "fault.usage_order")
    if until - since > MOST_DAYS * 24 * HOUR:
        raise invalid("/from", "fault.usage_days", most=MOST_DAYS)
    first, last = hour_of(since), hour_of(until - 1) + HOUR
    found: defaultdict[str, Sums] = defaultdict(Sums)
    with db.read() as tx:
        closed = _up_to(tx)
        for model, one in _closed(tx, first, min(last, closed)):
            found[model].add(one)
        if last > closed:
            for model, one in _sold(tx, max(first, closed), last).items():
                found[model].add(one)
        _add_background(tx, found, first, last)
    return found


def _closed(tx: ReadTx, first: int, last: int) -> list[tuple[str, Sums]]:
    hours = select(prediction_hours).where(
        prediction_hours.c.hour >= first, prediction_hours.c.hour < last
    )
    return [
        (
            row.model,
            Sums(
                row.predictions,
                row.rows,
                row.credits,
                latencies=Counter(msgspec.json.decode(row.latencies, type=dict[int, int])),
            ),
        )
        for row in tx.execute(hours)
    ]


def _add_background(tx: ReadTx, found: defaultdict[str, Sums], first: int, last: int) -> None:
    """Add batches, and what has failed; both tables are small, and end when they end."""
    paid = (
        select(batches.c.model, func.count(), func.sum(batches.c.rows_done))
        .add_columns(func.sum(batches.c.captured))
        .where(*within(batches, first, last), batches.c.captured > 0)
        .group_by(batches.c.model)
    )
    for model, count, rows, credits_ in tx.execute(paid):
        found[model].add(Sums(count, int(rows), int(credits_)))
    for table in (jobs, batches):
        failed = (
            select(table.c.model, func.count())
            .where(*within(table, first, last), table.c.status == FAILED)
            .group_by(table.c.model)
        )
        for model, count in tx.execute(failed):
            found[model].failures += count
