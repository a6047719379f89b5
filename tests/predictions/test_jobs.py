"""Jobs: who gets which, what comes of it, and that nothing is paid twice or without a result."""

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import text

from augury.kit.db import Database
from augury.kit.errors import NotFound
from augury.ledger.core import Balance
from augury.ledger.refusals import InsufficientCredits
from augury.ledger.service import expire_holds
from augury.predictions import history, job_outcomes, jobs
from augury.predictions.job_leases import claim, renew
from augury.predictions.job_outcomes import fail, fail_overdue, postpone, succeed
from augury.predictions.jobs import NotCancellable, TooManyJobs, cancel, place
from augury.predictions.leased import FROM_THE_START
from notices.outbox import endpoint, rows
from support.jobs import (
    OUTPUTS,
    PRICE,
    balance,
    change,
    claimed,
    customer,
    new_job,
    ordered,
    statuses,
)


def test_a_job_holds_its_price_and_a_success_captures_it(db: Database) -> None:
    """What is held can be spent on nothing else; in the end the price is gone and nothing held."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    assert balance(db, anna) == Balance(100, PRICE)
    assert statuses(db) == {id_: "queued"}
    job = claimed(db)
    assert (job.id, job.attempts, statuses(db)) == (id_, 1, {id_: "running"})
    assert succeed(db, job, OUTPUTS)
    assert balance(db, anna) == Balance(90, 0)
    assert statuses(db) == {id_: "succeeded"}
    assert claim(db, FROM_THE_START) is None


def test_who_has_too_little_holds_nothing_and_spoils_nobody(db: Database) -> None:
    """Of many ordered in one commit each is accepted or refused for itself."""
    anna, boris = customer(db, 25), customer(db, 100)
    wanted = [new_job(anna), new_job(boris), new_job(anna), new_job(anna), new_job(boris, price=0)]
    *good, poor, odd = place(db, wanted)
    assert all(isinstance(result, tuple) for result in good)
    assert isinstance(poor, InsufficientCredits)
    assert poor.values == {"required": PRICE, "available": 5}
    assert isinstance(odd, AssertionError)
    assert (balance(db, anna), balance(db, boris)) == (Balance(25, 20), Balance(100, 10))
    assert set(statuses(db)) == {job.id for job in wanted[:3]}


def test_nobody_has_more_unfinished_jobs_than_allowed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is refused, in the same commit or later, until one is over."""
    monkeypatch.setattr(jobs, "MOST_UNFINISHED", 2)
    anna, boris = customer(db), customer(db)
    results = place(db, [new_job(anna), new_job(anna), new_job(anna), new_job(boris)])
    assert [isinstance(result, TooManyJobs) for result in results] == [False, False, True, False]
    assert balance(db, anna).held == 2 * PRICE
    assert isinstance(place(db, [new_job(anna)])[0], TooManyJobs)
    running = [claimed(db) for _ in range(3)]
    assert fail(db, next(job for job in running if job.user_id == anna), "model_failed")
    ordered(db, anna)
    assert balance(db, anna).held == 2 * PRICE
    assert len(statuses(db)) == 4


def test_a_lost_lease_stores_and_charges_nothing(db: Database) -> None:
    """Two workers with one job: whoever holds the lease has the only result and the only capture."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    slow = claimed(db)
    assert claim(db, FROM_THE_START) is None
    change(db, id_, next_at=1)
    quick = claimed(db)
    assert (quick.id, quick.attempts) == (id_, 2)
    assert renew(db, {slow.id: slow.holder}) == 0
    assert renew(db, {quick.id: quick.holder}) == 1
    assert not succeed(db, slow, '[{"late":1}]')
    assert not fail(db, slow, "model_failed")
    assert not postpone(db, slow, 1, 1)
    assert statuses(db) == {id_: "running"}
    assert succeed(db, quick, OUTPUTS)
    for late in (slow, quick):
        assert not succeed(db, late, OUTPUTS)
        assert not fail(db, late, "model_failed")
    assert statuses(db) == {id_: "succeeded"}
    assert balance(db, anna) == Balance(90, 0)


def test_a_renewed_lease_keeps_others_away(db: Database) -> None:
    """Work that takes longer than a lease is not begun by anybody else."""
    (id_,) = ordered(db, customer(db))
    job = claimed(db)
    change(db, id_, next_at=1)
    assert renew(db, {job.id: job.holder}) == 1
    assert claim(db, FROM_THE_START) is None
    assert renew(db, {}) == 0


def test_a_failure_costs_nothing(db: Database) -> None:
    """The hold is released with the job's end, and the job is not taken up again."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    assert fail(db, claimed(db), "model_failed")
    assert balance(db, anna) == Balance(100, 0)
    assert statuses(db) == {id_: "failed"}
    assert claim(db, FROM_THE_START) is None


def test_a_postponed_job_waits_for_its_moment(db: Database) -> None:
    """It keeps its hold, and is taken up when it is due again."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    assert postpone(db, claimed(db), 60, 1)
    assert claim(db, FROM_THE_START) is None
    assert statuses(db) == {id_: "queued"}
    assert balance(db, anna) == Balance(100, PRICE)
    change(db, id_, next_at=1)
    assert claimed(db).attempts == 2


def test_after_the_deadline_there_is_no_success(db: Database) -> None:
    """Whoever has the job stores nothing any more; the sweep ends it, queued or running, once."""
    anna = customer(db, 100)
    waiting, running = sorted(ordered(db, anna, 2))
    first = claimed(db)
    assert first.id == waiting
    for id_ in (waiting, running):
        change(db, id_, deadline_at=1)
    assert claim(db, FROM_THE_START) is None
    assert not succeed(db, first, OUTPUTS)
    assert fail_overdue(db) == 2
    assert fail_overdue(db) == 0
    assert statuses(db) == {waiting: "failed", running: "failed"}
    assert balance(db, anna) == Balance(100, 0)


def test_nothing_is_captured_after_the_hold_has_expired(db: Database) -> None:
    """When the sweep of holds has freed the credits, the job fails; nobody pays."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    job = claimed(db)
    with db.write() as tx:
        tx.execute(text("UPDATE holds SET expires_at = 1"))
    assert expire_holds(db) == 1
    assert balance(db, anna) == Balance(100, 0)
    assert not succeed(db, job, OUTPUTS)
    assert statuses(db) == {id_: "failed"}
    assert balance(db, anna) == Balance(100, 0)


def test_a_result_that_cannot_be_stored_is_not_charged(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capture, outputs and the job's end are one transaction."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    job = claimed(db)

    def trip(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(job_outcomes, "insert_rows", trip)
        with pytest.raises(RuntimeError, match="disk"):
            succeed(db, job, OUTPUTS)
    assert balance(db, anna) == Balance(100, PRICE)
    assert statuses(db) == {id_: "running"}
    assert succeed(db, job, OUTPUTS)
    assert statuses(db) == {id_: "succeeded"}


def test_webhooks_tell_what_came_of_it(db: Database) -> None:
    """A success and a failure are told once each, as `GET` answers them; an order is not."""
    anna = customer(db)
    endpoint(db, anna, "http://127.0.0.1:9/hook")
    ordered(db, anna, 3)
    good, bad = claimed(db), claimed(db)
    assert succeed(db, good, OUTPUTS)
    assert fail(db, bad, "model_failed")
    told = {}
    for row in rows(db):
        body = json.loads(row.body)
        told[body["data"]["id"]] = body["type"]
        shown = json.loads(msgspec.json.encode(history.find(db, anna, body["data"]["id"])))
        assert body["data"] == {name: shown[name] for name in body["data"]}
    assert told == {good.id: "prediction.succeeded", bad.id: "prediction.failed"}
    assert len(rows(db)) == 2


def test_customers_take_turns(db: Database) -> None:
    """A hundred jobs of one do not keep another's single job waiting for more than one of them."""
    anna, boris, vera = sorted(customer(db, 10_000) for _ in range(3))
    for user_id, count in ((boris, 100), (anna, 1), (vera, 2)):
        ordered(db, user_id, count)
    turns = []
    after = FROM_THE_START
    for _ in range(6):
        job = claimed(db, after)
        turns.append(job.user_id)
        after = job.user_id
    assert turns == [anna, boris, vera, boris, vera, boris]


def test_a_customers_jobs_come_in_order(db: Database) -> None:
    """The one that has waited longest is next."""
    anna = customer(db)
    ids = ordered(db, anna, 3)
    for id_, moment in zip(ids, (3, 1, 2), strict=True):
        change(db, id_, next_at=moment)
    assert [claimed(db).id for _ in ids] == [ids[1], ids[2], ids[0]]


def test_every_job_goes_to_one_worker(db: Database) -> None:
    """Eight threads that claim at once never get the same job, and get all of them."""
    ids = {id_ for _ in range(4) for id_ in ordered(db, customer(db), 10)}

    def work(_number: int) -> list[str]:
        found = []
        while (job := claim(db, FROM_THE_START)) is not None:
            found.append(job.id)
        return found

    with ThreadPoolExecutor(8) as pool:
        got = Counter(id_ for some in pool.map(work, range(8)) for id_ in some)
    # On PostgreSQL a claim may see nothing but locked rows, and its thread goes home early.
    while (job := claim(db, FROM_THE_START)) is not None:
        got[job.id] += 1
    assert got == Counter(ids)


def test_a_cancelled_job_costs_nothing(db: Database) -> None:
    """While it is queued its owner can cancel it, once or again; nobody else can."""
    anna, boris = customer(db, 100), customer(db)
    (id_,) = ordered(db, anna)
    with pytest.raises(NotFound):
        cancel(db, boris, id_)
    with pytest.raises(NotFound):
        cancel(db, anna, "nonsense")
    for _ in range(2):
        told = cancel(db, anna, id_)
        assert (told.status, told.charge, told.error) == ("cancelled", None, None)
        assert told.completed_at is not None
    assert balance(db, anna) == Balance(100, 0)
    assert claim(db, FROM_THE_START) is None
    assert statuses(db) == {id_: "cancelled"}


@pytest.mark.parametrize("status", ["running", "succeeded", "failed"])
def test_what_has_begun_cannot_be_cancelled(db: Database, status: str) -> None:
    """The refusal says how far it is, and nothing changes."""
    anna = customer(db, 100)
    (id_,) = ordered(db, anna)
    job = claimed(db)
    if status == "succeeded":
        succeed(db, job, OUTPUTS)
    elif status == "failed":
        fail(db, job, "model_failed")
    before = balance(db, anna)
    with pytest.raises(NotCancellable) as refused:
        cancel(db, anna, id_)
    assert refused.value.values == {"prediction_status": status}
    assert statuses(db) == {id_: status}
    assert balance(db, anna) == before


def test_cancelling_races_with_starting(db: Database) -> None:
    """Each job is either cancelled and free, or begun, stored and charged: never both."""
    anna = customer(db, 1000)
    ids = ordered(db, anna, 60)
    cancelled: set[str] = set()
    done: set[str] = set()
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        while (job := claim(db, FROM_THE_START)) is not None:
            if succeed(db, job, OUTPUTS):
                done.add(job.id)

    def regret() -> None:
        start.wait()
        for id_ in random.Random(5).sample(ids, len(ids)):
            try:
                cancel(db, anna, id_)
            except NotCancellable:
                continue
            cancelled.add(id_)

    threads = [threading.Thread(target=target) for target in (work, work, regret)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work_left = claim(db, FROM_THE_START)
    while work_left is not None:
        assert succeed(db, work_left, OUTPUTS)
        done.add(work_left.id)
        work_left = claim(db, FROM_THE_START)
    assert cancelled | done == set(ids)
    assert not cancelled & done
    expected = dict.fromkeys(cancelled, "cancelled") | dict.fromkeys(done, "succeeded")
    assert statuses(db) == expected
    assert balance(db, anna) == Balance(1000 - len(done) * PRICE, 0)
