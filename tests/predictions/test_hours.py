"""What was sold of each model: the same numbers before, while and after hours are closed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.kit.errors import InvalidInput
from augury.kit.ids import first_id, new_id
from augury.predictions import hours
from augury.predictions.closing import HOUR, hour_of
from augury.predictions.hours import (
    Sums,
    bucket_of,
    close_hours,
    customers_by_model,
    sums_by_model,
    sums_by_time,
)
from augury.predictions.tables import batches, prediction_hours, predictions
from support.jobs import change, customer, ordered

START = 1_700_000_000 * SECOND // HOUR * HOUR


def sold(
    db: Database,
    moment: int,
    model: str = "m",
    ms: int = 10,
    price: int = 10,
    user_id: str | None = None,
) -> None:
    """Store a prediction that was asked for at a moment and took so long."""
    id_ = first_id(moment + ms * 1000)[:24] + new_id()[24:]
    row = {"user_id": user_id or new_id(), "version": 1, "status": "succeeded", "inputs": "[]"}
    row |= {"outputs": "[]", "warnings": "[]", "transfer_id": new_id()}
    times = {"created_at": moment, "completed_at": moment + ms * 1000}
    with db.write() as tx:
        tx.execute(
            insert(predictions).values(id=id_, model=model, rows=2, price=price, **row, **times)
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The duty's clock: ten hours after the start."""
    moment = [START + 10 * HOUR]
    monkeypatch.setattr(hours, "now", lambda: moment[0])
    return moment


def numbers(
    db: Database, since: int = START, until: int = START + 24 * HOUR
) -> dict[str, tuple[int, ...]]:
    found = sums_by_model(db, since, until)
    return {
        model: (one.predictions, one.rows, one.credits, one.failures)
        for model, one in found.items()
    }


def close(db: Database) -> int:
    return close_hours(db, threading.Event())


def test_closing_hours_changes_no_number(db: Database, clock: list[int]) -> None:
    """Of two models, in hours with gaps, one of them not closed yet."""
    for at in (0, HOUR - 1, HOUR, 5 * HOUR + 7, 9 * HOUR):
        sold(db, START + at)
        sold(db, START + at, "other", ms=40, price=3)
    before = sums_by_model(db, START, START + 24 * HOUR)
    assert numbers(db)["m"] == (5, 10, 50, 0)
    assert close(db) >= 3
    assert close(db) == 0
    assert sums_by_model(db, START, START + 24 * HOUR) == before
    assert numbers(db, START + HOUR, START + 2 * HOUR)["other"] == (1, 2, 3, 0)
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(prediction_hours)).scalar_one() == 6
    clock[0] += 3 * HOUR
    sold(db, START + 12 * HOUR)
    assert close(db) >= 1
    assert numbers(db)["m"] == (6, 12, 60, 0)


def test_many_who_close_at_once_count_nothing_twice(db: Database, clock: list[int]) -> None:
    """Several processes have this duty, and it may be stopped anywhere."""
    for hour in range(7):
        sold(db, START + hour * HOUR)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: close(db), range(12)))
    assert close(db) == 0
    assert numbers(db) == {"m": (7, 14, 70, 0)}


def test_a_job_that_succeeds_an_hour_later_is_in_time(db: Database, clock: list[int]) -> None:
    """Its hour is not closed before nothing of it can succeed any more."""
    sold(db, START + 600 * SECOND)
    clock[0] = START + 2 * HOUR + 600 * SECOND - 1
    assert close(db) == 0
    clock[0] += 1
    assert close(db) == 1


def test_batches_and_failures_count(db: Database, clock: list[int]) -> None:
    """A paid batch as one prediction with its rows; a failed job as a failure."""
    anna = customer(db)
    (job,) = ordered(db, anna)
    change(db, job, status="failed", created_at=START)
    found = numbers(db, START, START + HOUR)
    assert found == {}, "its identifier is of today"
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(batches)).scalar_one() == 0
    from_, to = hour_of(_born(job)), hour_of(_born(job)) + HOUR
    change(db, job, created_at=_born(job))
    assert numbers(db, from_, to) == {"m": (0, 0, 0, 1)}
    assert sums_by_time(db, from_, to, HOUR)[from_].failures == 1


def _born(id_: str) -> int:
    return int(id_.replace("-", "")[:12], 16) * 1000


def test_percentiles_are_right_to_a_twentieth() -> None:
    """Of a thousand latencies from 1 to 1000 ms, whichever way they were added up."""
    halves = Sums(), Sums()
    for ms in range(1, 1001):
        halves[ms % 2].latencies[bucket_of(ms * 1000)] += 1
    halves[0].add(halves[1])
    for share, expected in ((0.5, 500), (0.95, 950), (0.99, 990)):
        told = halves[0].latency_ms(share)
        assert told is not None
        assert expected <= told <= expected * 1.05
    assert Sums().latency_ms(0.5) is None


@pytest.mark.parametrize(("since", "until"), [(START, START), (START, START + 367 * 24 * HOUR)])
def test_a_time_that_is_none_or_too_long_is_refused(db: Database, since: int, until: int) -> None:
    with pytest.raises(InvalidInput):
        sums_by_model(db, since, until)


def test_hours_one_by_one_are_the_whole(db: Database, clock: list[int]) -> None:
    """The same before and after hours are closed, in hours or in days, of all models or of one."""
    for at in (0, HOUR - 1, HOUR, 5 * HOUR + 7, 9 * HOUR):
        sold(db, START + at)
    sold(db, START + HOUR, "other", price=3)
    until = START + 24 * HOUR
    before = sums_by_time(db, START, until, HOUR)
    clock[0] = START + 30 * HOUR
    close(db)
    after = sums_by_time(db, START, until, HOUR)
    assert before == after
    counts = {(begun - START) // HOUR: one.predictions for begun, one in after.items()}
    assert counts == {0: 2, 1: 2, 5: 1, 9: 1}
    other = sums_by_time(db, START, until, HOUR, "other")
    assert {begun: one.credits for begun, one in other.items()} == {START + HOUR: 3}
    days = sums_by_time(db, START, until, 24 * HOUR)
    assert sum(one.predictions for one in days.values()) == 6
    assert all(begun % (24 * HOUR) == 0 for begun in days)


def test_customers_are_counted_once_for_each_model(db: Database) -> None:
    """However often they bought, and only of the time that was asked for."""
    buyer = new_id()
    for at, model, who in ((0, "m", buyer), (1, "m", buyer), (2, "m", new_id()), (3, "k", buyer)):
        sold(db, START + at, model, user_id=who)
    sold(db, START + 5 * HOUR)
    assert customers_by_model(db, START, START + HOUR) == {"m": 2, "k": 1}
