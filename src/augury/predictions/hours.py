"""What was sold of each model in each hour: added up once an hour can change no more.

Administrators look at years; nobody should read years of predictions for that. An hour is closed
when no job that was ordered in it can succeed any more. A duty adds it up and stores the sums with
the place up to which it has come, by compare-and-swap: it may be repeated, stopped or carried out
by several processes. What is not closed yet is read as it stands. See decision 40.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil, log
from typing import TypeVar

import msgspec
from sqlalchemy import BigInteger, func, insert, literal_column, select, union, update

from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import invalid
from augury.predictions.closing import HOUR, PATIENCE, hour_of, next_hour
from augury.predictions.jobs import FAILED
from augury.predictions.periods import within
from augury.predictions.tables import batches, jobs, prediction_hours, predictions, sums_state

T = TypeVar("T")

# In the statement itself: PostgreSQL takes two parameters for two different values.
_AN_HOUR = literal_column(str(HOUR), BigInteger)
MOST_DAYS = 366
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


def close_hours(db: Database, stop: threading.Event) -> int:
    """Add up the hours that can change no more; return how many. Safe to repeat."""
    closed = 0
    while not stop.is_set():
        with db.read() as tx:
            begun = _up_to(tx)
            hour = next_hour(tx, begun)
            if hour is None or hour + HOUR + PATIENCE > now():
                break
            sums = _sold(tx, hour, hour + HOUR, _model)
        with db.write() as tx:
            if not _store(tx, begun, hour, sums):
                break  # another process was first
        closed += 1
        stop.wait(_PAUSE_SECONDS)
    return closed


def _up_to(tx: ReadTx) -> int:
    return int(tx.execute(select(sums_state.c.up_to)).scalar_one())


def _model(model: str, _hour: int) -> str:
    return model


def _sold(tx: ReadTx, since: int, until: int, key: Callable[[str, int], T]) -> dict[T, Sums]:
    """Add up what was ordered between two moments, by the key of its model and its hour."""
    found = select(
        predictions.c.model,
        predictions.c.created_at,
        predictions.c.rows,
        predictions.c.price,
        predictions.c.completed_at - predictions.c.created_at,
    ).where(*within(predictions, since, until))
    sums: defaultdict[T, Sums] = defaultdict(Sums)
    rows_at_once = tx.execution_options(yield_per=_ROWS_AT_ONCE)
    for model, moment, rows, price, latency in rows_at_once.execute(found):
        one = sums[key(model, hour_of(moment))]
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
    return _sums(db, since, until, _model)


def sums_by_time(
    db: Database, since: int, until: int, step: int, model: str | None = None
) -> dict[int, Sums]:
    """Return the same of all models, or of one, by the beginning of each step of whole hours.

    Steps are counted from 1970 in UTC; those in which nothing was ordered are left out.
    """
    found = _sums(db, since, until, lambda name, hour: (name, hour - hour % step))
    sums: defaultdict[int, Sums] = defaultdict(Sums)
    for (name, begun), one in found.items():
        if model in (None, name):
            sums[begun].add(one)
    return sums


def _sums(db: Database, since: int, until: int, key: Callable[[str, int], T]) -> dict[T, Sums]:
    if since >= until:
        raise invalid("/from", "fault.usage_order")
    if until - since > MOST_DAYS * 24 * HOUR:
        raise invalid("/from", "fault.usage_days", most=MOST_DAYS)
    first, last = hour_of(since), hour_of(until - 1) + HOUR
    found: defaultdict[T, Sums] = defaultdict(Sums)
    with db.read() as tx:
        closed = _up_to(tx)
        for model, hour, one in _closed(tx, first, min(last, closed)):
            found[key(model, hour)].add(one)
        if last > closed:
            for name, one in _sold(tx, max(first, closed), last, key).items():
                found[name].add(one)
        for model, hour, one in _background(tx, first, last):
            found[key(model, hour)].add(one)
    return found


def _closed(tx: ReadTx, first: int, last: int) -> Iterator[tuple[str, int, Sums]]:
    hours = select(prediction_hours).where(
        prediction_hours.c.hour >= first, prediction_hours.c.hour < last
    )
    for row in tx.execute(hours):
        latencies = Counter(msgspec.json.decode(row.latencies, type=dict[int, int]))
        yield (
            row.model,
            row.hour,
            Sums(row.predictions, row.rows, row.credits, latencies=latencies),
        )


def _background(tx: ReadTx, first: int, last: int) -> Iterator[tuple[str, int, Sums]]:
    """Yield batches, and what has failed; both tables are small, and end when they end."""
    hour = batches.c.created_at - batches.c.created_at % _AN_HOUR
    paid = (
        select(batches.c.model, hour, func.count(), func.sum(batches.c.rows_done))
        .add_columns(func.sum(batches.c.captured))
        .where(*within(batches, first, last), batches.c.captured > 0)
        .group_by(batches.c.model, hour)
    )
    for model, begun, count, rows, credits_ in tx.execute(paid):
        yield model, begun, Sums(count, int(rows), int(credits_))
    for table in (jobs, batches):
        hour = table.c.created_at - table.c.created_at % _AN_HOUR
        failed = (
            select(table.c.model, hour, func.count())
            .where(*within(table, first, last), table.c.status == FAILED)
            .group_by(table.c.model, hour)
        )
        for model, begun, count in tx.execute(failed):
            yield model, begun, Sums(failures=count)


def customers_by_model(db: Database, since: int, until: int) -> dict[str, int]:
    """Return how many customers bought of each model in whole hours around two moments.

    It reads the predictions of that time themselves: sums of hours cannot tell whether the
    customers of two of them are the same.
    """
    first, last = hour_of(since), hour_of(until - 1) + HOUR
    bought = [
        select(predictions.c.model, predictions.c.user_id).where(*within(predictions, first, last)),
        select(batches.c.model, batches.c.user_id).where(
            *within(batches, first, last), batches.c.captured > 0
        ),
    ]
    pairs = union(*bought).subquery()
    counted = select(pairs.c.model, func.count()).group_by(pairs.c.model)
    with db.read() as tx:
        return dict(tx.execute(counted).all())
