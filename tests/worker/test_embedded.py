"""The embedded worker carries out its duties whatever happens, and stops when told to."""

import queue
import threading
from pathlib import Path

import pytest

from augury import bootstrap
from augury.audit_log import chain
from augury.inference.asking import Outputs
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import first_id, new_id
from augury.notices.tables import deliveries
from augury.predictions.expiry import DAY
from augury.predictions.job_leases import Job
from augury.predictions.job_runner import Runner
from augury.worker.duties import Duty, Workplace, duties, schedule
from augury.worker.embedded import Worker, serving
from notices.outbox import customer as subscriber
from notices.outbox import rows
from support.databases import sqlite_database
from support.houses import settings_for
from support.jobs import change, customer, ordered, row_of, statuses


def _until(done: threading.Event) -> None:
    assert done.wait(90), "it never came to that"


def test_a_duty_is_carried_out_again_and_again() -> None:
    """Every so many seconds, without anybody asking."""
    times, done = [], threading.Event()

    def run(_stop: threading.Event) -> None:
        times.append(1)
        if len(times) == 3:
            done.set()

    worker = Worker([Duty("count", 0.001, run)])
    worker.start()
    _until(done)
    worker.stop()
    assert len(times) >= 3


def test_a_duty_that_fails_is_tried_again_and_holds_up_no_other() -> None:
    """A bug, or a database that is away, costs one round of one duty."""
    troubles: list[Exception] = [LedgerUnavailable(), RuntimeError("a bug")]
    failing, other = threading.Event(), threading.Event()

    def fails(_stop: threading.Event) -> None:
        if troubles:
            raise troubles.pop()
        failing.set()

    worker = Worker([Duty("fails", 0.001, fails), Duty("other", 0.001, lambda _stop: other.set())])
    worker.start()
    _until(failing)
    _until(other)
    worker.stop()


def test_a_duty_hears_that_it_should_stop() -> None:
    """A long round is told, so that stopping the process does not wait for it."""
    begun, ended = threading.Event(), threading.Event()

    def long(stop: threading.Event) -> None:
        begun.set()
        stop.wait(60)
        ended.set()

    worker = Worker([Duty("long", 60, long)])
    worker.start()
    _until(begun)
    worker.stop()
    _until(ended)


def test_every_duty_of_a_house_can_be_carried_out(database_url: str, tmp_path: Path) -> None:
    """On a house where nothing is due each of them ends by itself and does nothing."""
    settings = settings_for(database_url, tmp_path)
    bootstrap.prepare(settings)
    house = bootstrap.build(settings)
    todo = duties(Workplace(house))
    assert {duty.name for duty in todo} == {
        "catalogue", "market", "drift", "expire_holds", "load_models", "reconcile", "recharge", "deliver", "seal_audit", "close_hours", "note_bought", "gate", "key_uses", "purge", "purge_shadow",
        "jobs_1", "jobs_2", "jobs_3", "jobs_4", "renew", "say", "overdue_jobs",
        "batches_1", "batches_2", "overdue_batches", "purge_batches",
        "purge_keys", "expire_predictions", "purge_sessions",
    }  # fmt: skip
    assert chain.seal(house.db, threading.Event()) > 0  # what the first start did
    for duty in todo:
        assert duty.run(threading.Event()) == 0
    house.close()


def test_a_duty_that_is_woken_does_not_wait_for_its_time() -> None:
    """A duty without a time of its own is carried out at the beginning and whenever it is woken."""
    times: queue.SimpleQueue[None] = queue.SimpleQueue()
    worker = Worker([Duty("woken", None, lambda _stop: times.put(None))])
    worker.start()
    times.get(timeout=90)
    worker.wake("woken")
    times.get(timeout=90)
    worker.stop()
    assert times.empty()


@pytest.mark.parametrize(
    ("settings", "does_all"),
    [
        ({}, True),
        ({"worker": "apart"}, False),
        ({"broker_url": "redis://127.0.0.1:1"}, False),
    ],
)
def test_a_process_that_serves_leaves_to_workers_what_is_theirs(
    settings: dict[str, str], does_all: bool, tmp_path: Path
) -> None:
    """What keeps the process itself up to date stays; jobs and everybody's duties go."""
    chosen = settings_for(sqlite_database(tmp_path), tmp_path, **settings)
    bootstrap.prepare(chosen)
    house = bootstrap.build(chosen)
    names = {thread.name for thread in serving(Workplace(house))._threads}
    assert {"catalogue", "load_models", "renew"} <= names
    assert ({"jobs_1", "deliver", "expire_holds"} <= names) is does_all
    assert names.isdisjoint(schedule()) is not does_all
    house.close()


def test_a_process_that_stops_hands_its_jobs_back(db: Database) -> None:
    """Without waiting for a lease to run out, without counting the attempt, and only its own."""
    user_id = customer(db)
    (mine, others) = ordered(db, user_id, 2)
    change(db, others, next_at=now() + 3_600_000_000, status="running", lease_holder=new_id())
    running, go_on = threading.Event(), threading.Event()

    class Slow(Runner):
        def _outputs(self, _job: Job) -> Outputs:
            running.set()
            assert go_on.wait(90)
            return [{"b": 2}]

    runner = Slow(db, None)  # type: ignore[arg-type] # it asks no catalogue
    worker = Worker([Duty("jobs", 60, runner.run_due)], runner.give_back)
    worker.start()
    _until(running)
    assert runner.is_busy()
    worker.stop(0)
    row = row_of(db, mine)
    assert (row.status, row.attempts, row.lease_holder) == ("queued", 0, None)
    assert row_of(db, others).status == "running"
    assert not runner.run_one(), "it takes nothing more"
    go_on.set()
    worker.stop(90)
    assert statuses(db)[mine] == "queued", "what it finished too late is not stored"
    assert Runner(db, None).due(10) == 1  # type: ignore[arg-type] # it asks no catalogue


def test_what_repeats_a_prediction_is_forgotten_with_it(database_url: str, tmp_path: Path) -> None:
    """Kept for a week, predictions take with them what webhooks were sent about them."""
    for days, left in ((0, 1), (30, 1), (7, 0)):
        settings = settings_for(database_url, tmp_path, keep_prediction_days=days)
        bootstrap.prepare(settings)
        house = bootstrap.build(settings)
        if not rows(house.db):
            subscriber(house.db, "https://example.com/hook", events=1)
            with house.db.write() as tx:
                week = {"id": first_id(now() - 8 * DAY), "completed_at": now() - 8 * DAY}
                tx.execute(deliveries.update().values(status="succeeded", **week))
        (purge,) = [duty for duty in duties(Workplace(house)) if duty.name == "purge"]
        purge.run(threading.Event())
        assert len(rows(house.db)) == left
        house.close()
