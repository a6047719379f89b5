"""Work in processes of their own, as an operator starts them: every job ends, paid once or free."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from augury.broker.bell import CeleryBell
from augury.predictions.jobs import CANCELLED, QUEUED, RUNNING
from augury.predictions.leased import MOST_ATTEMPTS
from support.brokers import PASSWORD, rabbit_server, redis_server
from support.databases import postgres_database, sqlite_database
from support.grown_scene import Scene, body, scene_with
from support.houses import findings
from support.jobs import change, row_of, statuses
from support.uploads import NAME
from support.waiting import eventually


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """A house with Redis and an API, on both databases."""
    folder = tmp_path_factory.mktemp("grown")
    with ExitStack() as stack:
        if request.param == "sqlite":
            address = sqlite_database(folder)
        else:
            server = request.getfixturevalue("postgres")
            address = stack.enter_context(postgres_database(server))
        broker = stack.enter_context(redis_server(folder))
        yield stack.enter_context(scene_with(address, folder, broker))


@pytest.fixture
def scene(opened: Scene) -> Scene:
    """That house with a new customer and without workers."""
    return opened.begin()


# What a broker or a signal does is the same for both databases.
on_postgres_alone = pytest.mark.parametrize("opened", ["postgresql"], indirect=True)


def is_sound(scene: Scene) -> None:
    """The books are right, and the broker's password stands in no log."""
    assert findings(scene.house.database_url) == []
    assert not [one.name for one in scene.house.parts.values() if PASSWORD in one.log()]


def test_rung_jobs_end_once_and_in_turn_of_the_customers(scene: Scene) -> None:
    """Forty jobs of one customer stand in the queue before one of another, and each is rung for ten
    times more: the other's is made among the first, and every job is charged once."""
    boris = scene.customer()
    flood = scene.anna.order(40, body(NAME))
    (single,) = boris.order(1, body(NAME))
    assert scene.broker is not None
    with closing(CeleryBell(scene.broker.url)) as bell:
        bell.ring("jobs", 400)
        eventually(lambda: bell.state() == "reachable")
    waiting = statuses(scene.house.db)
    assert {waiting[id_] for id_ in [*flood, single]} == {QUEUED}
    worker = scene.house.worker()
    done = boris.ended([single])[0]
    found = scene.anna.ended(flood)
    assert {one["status"] for one in [done, *found]} == {"succeeded"}
    assert sum(one["completed_at"] < done["completed_at"] for one in found) <= 2
    price = done["price"]
    assert scene.anna.balance() == {"available": 1_000_000 - 40 * price, "held": 0}
    assert boris.balance() == {"available": 1_000_000 - price, "held": 0}
    assert scene.api.get("/readyz").json()["broker"] == "reachable"
    assert scene.beat
    assert [part.stop() for part in (worker, scene.beat)] == [0, 0]
    is_sound(scene)


def test_a_killed_worker_loses_no_job(scene: Scene) -> None:
    """`kill -9` of its main process in mid-job ends its children too. The lease runs out, a ring
    follows, another worker makes the prediction, and it is charged once."""
    first = scene.house.worker()
    id_ = scene.begin_far(scene.anna)
    children = first.children()
    first.process.kill()
    eventually(lambda: children and not any(child.is_running() for child in children))
    assert scene.anna.get(id_)["status"] == RUNNING
    scene.house.worker()
    change(scene.house.db, id_, next_at=0)  # fifteen seconds pass
    scene.far.go_on.set()
    (done,) = scene.anna.ended([id_])
    assert done["status"] == "succeeded"
    assert scene.anna.balance() == {"available": 1_000_000 - done["price"], "held": 0}
    is_sound(scene)


@on_postgres_alone
def test_a_worker_that_is_told_to_stop_hands_back_what_it_cannot_finish(scene: Scene) -> None:
    """Within ten seconds it is gone with exit code 0, and the job waits for another, its attempt
    not counted."""
    worker = scene.house.worker()
    id_ = scene.begin_far(scene.anna)
    attempts = row_of(scene.house.db, id_).attempts
    assert worker.stop() == 0
    row = row_of(scene.house.db, id_)
    assert (row.status, row.attempts, row.lease_holder) == (QUEUED, attempts - 1, None)
    assert scene.anna.cancel(id_)["status"] == CANCELLED
    assert scene.anna.balance() == {"available": 1_000_000, "held": 0}
    is_sound(scene)


@on_postgres_alone
def test_what_was_rung_while_the_broker_was_away_is_made_later(scene: Scene) -> None:
    """The broker dies with all that it holds: orders are taken as ever, readiness says so and stays
    ready, and everything ends once it is back."""
    assert scene.broker is not None
    scene.house.worker()
    before = scene.anna.order(5, body(NAME))
    scene.broker.kill()
    away = scene.anna.order(5, body(NAME))
    eventually(lambda: scene.api.get("/readyz").json()["broker"] == "unreachable")
    assert scene.api.get("/readyz").status_code == 200
    scene.broker.start()
    ended = scene.anna.ended(before + away)
    assert {one["status"] for one in ended} == {"succeeded"}
    is_sound(scene)


@on_postgres_alone
def test_without_the_broker_for_good_work_goes_on(scene: Scene) -> None:
    """A worker that nobody can ring any more looks for itself, also for what has a moment."""
    assert scene.broker is not None
    scene.house.worker(2)
    overdue = scene.begin_far(scene.anna)
    scene.broker.kill()
    try:
        change(scene.house.db, overdue, deadline_at=0)
        made = scene.anna.order(5, body(NAME))
        *ended, failed = scene.anna.ended([*made, overdue])
        assert {one["status"] for one in ended} == {"succeeded"}
        assert failed["status"] == "failed"
        paid = sum(one["price"] for one in ended)
        assert scene.anna.balance() == {"available": 1_000_000 - paid, "held": 0}
        is_sound(scene)
    finally:
        scene.broker.start()
        scene.broker.ready()


@on_postgres_alone
def test_without_beat_for_good_work_goes_on(scene: Scene) -> None:
    """Nobody rings for what has a moment: workers look after it, and do what is ordered."""
    assert scene.beat
    scene.house.worker(2)
    overdue = scene.begin_far(scene.anna)
    scene.beat.kill()
    change(scene.house.db, overdue, deadline_at=0)
    later = scene.anna.order(1, body(NAME))[0]
    (made,) = scene.anna.ended([later])
    (failed,) = scene.anna.ended([overdue])
    assert (made["status"], failed["status"]) == ("succeeded", "failed")
    assert scene.anna.balance() == {"available": 1_000_000 - made["price"], "held": 0}
    is_sound(scene)


@on_postgres_alone
def test_a_job_that_ends_processes_is_parked(scene: Scene) -> None:
    """Each worker that takes it dies. After the last attempt nobody runs it again, its hold is
    released, and others' jobs are made meanwhile."""
    worker = scene.house.worker()
    id_ = scene.begin_far(scene.anna)
    change(scene.house.db, id_, attempts=MOST_ATTEMPTS - 1)
    begun = scene.far.begun
    scene.end_children(worker)
    others = scene.anna.order(3, body(NAME))
    change(scene.house.db, id_, next_at=0)
    eventually(lambda: scene.far.begun > begun)
    scene.end_children(worker)
    change(scene.house.db, id_, next_at=0)
    (parked,) = scene.anna.ended([id_])
    assert (parked["status"], parked["error"]["code"]) == ("failed", "attempts_exhausted")
    paid = sum(one["price"] for one in scene.anna.ended(others))
    assert scene.anna.balance() == {"available": 1_000_000 - paid, "held": 0}
    is_sound(scene)


def test_without_a_broker_a_worker_apart_looks_for_work_by_itself(tmp_path: Path) -> None:
    """The API leaves the work alone; `augury worker` does it, and hands back on SIGTERM."""
    with scene_with(sqlite_database(tmp_path), tmp_path, None, worker="apart") as scene:
        (early,) = scene.anna.order(1, body(NAME))
        assert scene.anna.get(early)["status"] == QUEUED
        worker = scene.house.worker(2)
        (done,) = scene.anna.ended([early])
        id_ = scene.begin_far(scene.anna)
        assert worker.stop() == 0
        assert scene.anna.cancel(id_)["status"] == CANCELLED
        assert scene.anna.balance() == {"available": 1_000_000 - done["price"], "held": 0}
        is_sound(scene)


def test_rabbitmq_carries_rings_as_redis_does(postgres: str, tmp_path: Path) -> None:
    """The same commands with another address: jobs end, and are charged once though they are
    rung for ten times."""
    with (
        postgres_database(postgres) as address,
        rabbit_server(tmp_path) as broker,
        scene_with(address, tmp_path, broker) as scene,
    ):
        ids = scene.anna.order(10, body(NAME))
        with closing(CeleryBell(broker.url)) as bell:
            bell.ring("jobs", 100)
            eventually(lambda: bell.state() == "reachable")
        worker = scene.house.worker()
        ended = scene.anna.ended(ids)
        assert {one["status"] for one in ended} == {"succeeded"}
        spent = sum(one["price"] for one in ended)
        assert scene.anna.balance() == {"available": 1_000_000 - spent, "held": 0}
        assert scene.api.get("/readyz").json()["broker"] == "reachable"
        assert scene.beat
        assert [part.stop() for part in (worker, scene.beat)] == [0, 0]
        is_sound(scene)
