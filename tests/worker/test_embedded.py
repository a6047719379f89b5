"""The embedded worker carries out its duties whatever happens, and stops when told to."""

import threading
from pathlib import Path

from augury import bootstrap
from augury.kit.clock import now
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import first_id
from augury.notices.tables import deliveries
from augury.predictions.expiry import DAY
from augury.worker.embedded import Duty, Worker, duties
from notices.outbox import customer, rows
from support.houses import settings_for


def _until(done: threading.Event) -> None:
    assert done.wait(20), "it never came to that"


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
    todo = duties(house)
    assert {duty.name for duty in todo} == {
        "catalogue", "drift", "expire_holds", "load_models", "reconcile", "recharge", "deliver", "purge", "purge_shadow",
            "purge_keys", "expire_predictions",
        "jobs_1", "jobs_2", "jobs_3", "jobs_4", "renew_jobs", "overdue_jobs",
    }  # fmt: skip
    for duty in todo:
        assert duty.run(threading.Event()) == 0
    house.close()


def test_what_repeats_a_prediction_is_forgotten_with_it(database_url: str, tmp_path: Path) -> None:
    """Kept for a week, predictions take with them what webhooks were sent about them."""
    for days, left in ((0, 1), (30, 1), (7, 0)):
        settings = settings_for(database_url, tmp_path, keep_prediction_days=days)
        bootstrap.prepare(settings)
        house = bootstrap.build(settings)
        if not rows(house.db):
            customer(house.db, "https://example.com/hook", events=1)
            with house.db.write() as tx:
                week = {"id": first_id(now() - 8 * DAY), "completed_at": now() - 8 * DAY}
                tx.execute(deliveries.update().values(status="succeeded", **week))
        (purge,) = [duty for duty in duties(house) if duty.name == "purge"]
        purge.run(threading.Event())
        assert len(rows(house.db)) == left
        house.close()
