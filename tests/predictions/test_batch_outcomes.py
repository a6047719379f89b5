"""Batches in the rows: who gets which chunk, and that each batch is paid once, for what it made."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from augury.kit.db import Database
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.ledger.core import Balance
from augury.ledger.refusals import IdempotencyConflict, InsufficientCredits
from augury.ledger.service import expire_holds
from augury.predictions import batch_orders, batch_views
from augury.predictions.batch_leases import claim, renew
from augury.predictions.batch_orders import TooManyBatches, place
from augury.predictions.batch_outcomes import (
    BatchEnded,
    cancel,
    fail,
    fail_overdue,
    finish,
    postpone,
)
from augury.predictions.leased import FROM_THE_START
from notices.outbox import endpoint, rows
from support.batches import (
    PRICE,
    ROWS,
    change,
    change_chunk,
    claimed,
    made,
    new_batch,
    parts,
    placed,
    states,
)
from support.jobs import balance, customer

COST = PRICE * ROWS


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Return what calls return that begin in the same moment, each in its thread."""
    together = threading.Barrier(len(calls))

    def go(call: Callable[[], object]) -> object:
        together.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def test_a_batch_holds_its_price_and_its_last_chunk_pays_for_good_rows(db: Database) -> None:
    """Until then nothing is taken; bad rows are free and what was held for them comes back."""
    anna = customer(db)
    id_ = placed(db, anna, 3)
    assert balance(db, anna) == Balance(1000, 3 * COST)
    assert states(db) == {id_: ("queued", 0, 0, 0)}
    for failed in (1, 0, 2):
        assert states(db)[id_][3] == 0
        chunk = claimed(db)
        assert finish(db, chunk, made(chunk, failed))
    assert states(db) == {id_: ("succeeded", 12, 3, 120)}
    assert balance(db, anna) == Balance(880, 0)
    assert parts(db, id_) == [f"{number:064x}" for number in range(3)]
    assert claim(db, FROM_THE_START) is None


def test_rows_that_cannot_be_read_are_not_held_for(db: Database) -> None:
    """They are known to fail before anything runs."""
    anna = customer(db, 3 * PRICE)
    id_ = placed(db, anna, faulty_rows=2)
    assert balance(db, anna) == Balance(30, 30)
    chunk = claimed(db)
    assert finish(db, chunk, made(chunk, 2))
    assert states(db) == {id_: ("succeeded", 3, 2, 30)}


def test_who_has_too_little_orders_nothing(db: Database) -> None:
    """The refusal says how much it would need; neither row nor hold is left."""
    anna = customer(db, 99)
    with pytest.raises(InsufficientCredits) as refused:
        placed(db, anna, 2)
    assert refused.value.values == {"required": 100, "available": 99}
    assert states(db) == {}
    assert balance(db, anna) == Balance(99, 0)


def test_nobody_has_more_unfinished_batches_than_allowed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is refused with its hold undone; parallel ones cannot slip past."""
    monkeypatch.setattr(batch_orders, "MOST_UNFINISHED", 2)
    anna, boris = customer(db), customer(db)

    def order(_number: int) -> bool:
        try:
            placed(db, anna)
        except TooManyBatches:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(order, range(6))) == 2
    placed(db, boris)
    assert balance(db, anna).held == 2 * COST
    cancel(db, anna, min(id_ for id_, _ in states(db).items() if id_))
    assert order(0)


def test_a_key_means_one_batch(db: Database) -> None:
    """Sent again it gives the batch as it is; parallel ones make one; other input is refused."""
    anna = customer(db)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: place(db, new_batch(anna, key="one")), range(6)))
    assert len({batch.id for batch, _ in answers}) == 1
    assert sorted(replayed for _, replayed in answers) == [False] + [True] * 5
    with pytest.raises(IdempotencyConflict):
        place(db, new_batch(anna, key="one", fingerprint="g"))
    chunk = claimed(db)
    assert finish(db, chunk, made(chunk))
    again, replayed = place(db, new_batch(anna, key="one"))
    assert (again.status, again.credits_captured, replayed) == ("succeeded", COST, True)
    assert balance(db, anna) == Balance(950, 0)


def test_a_batch_without_a_good_row_fails_free_and_has_results(db: Database) -> None:
    """The hold is released, and the error says that the results tell why."""
    anna = customer(db)
    id_ = placed(db, anna)
    chunk = claimed(db)
    assert finish(db, chunk, made(chunk, ROWS))
    assert states(db) == {id_: ("failed", 0, ROWS, 0)}
    assert balance(db, anna) == Balance(1000, 0)
    error = batch_views.find(db, anna, id_).error
    assert error is not None
    assert error.code == "no_row_succeeded"


def test_a_lost_lease_stores_and_charges_nothing(db: Database) -> None:
    """Whoever holds the lease of a chunk counts its rows; the late one changes nothing."""
    anna = customer(db)
    id_ = placed(db, anna, 2)
    slow = claimed(db)
    change_chunk(db, slow, next_at=1)
    quick = claimed(db)
    assert (quick.number, quick.attempts) == (slow.number, 2)
    assert renew(db, {slow.key: slow.holder}) == 0
    assert renew(db, {quick.key: quick.holder}) == 1
    assert not finish(db, slow, made(slow, 3))
    assert not fail(db, slow, "model_failed")
    assert not postpone(db, slow, 1, 1)
    assert states(db)[id_] == ("running", 0, 0, 0)
    assert finish(db, quick, made(quick))
    for late in (slow, quick):
        assert not finish(db, late, made(late))
        assert not fail(db, late, "model_failed")
    assert states(db)[id_] == ("running", ROWS, 0, 0)
    last = claimed(db)
    assert finish(db, last, made(last))
    assert not finish(db, last, made(last))
    assert states(db)[id_] == ("succeeded", 2 * ROWS, 0, 2 * COST)


def test_two_last_chunks_that_end_together_pay_once(db: Database) -> None:
    """However they meet, each row is counted, and one of them ends the batch."""
    anna = customer(db, 10_000)
    for _ in range(10):
        id_ = placed(db, anna, 4)
        chunks = [claimed(db) for _ in range(4)]
        ends = at_once([partial(finish, db, chunk, made(chunk)) for chunk in chunks])
        assert ends == [True] * 4
        assert states(db)[id_] == ("succeeded", 4 * ROWS, 0, 4 * COST)
    assert balance(db, anna) == Balance(10_000 - 10 * 4 * COST, 0)


def test_cancelling_pays_for_what_was_made(db: Database) -> None:
    """A queued batch is free; of a running one the chunks that are done are paid, once."""
    anna = customer(db)
    waiting, running = placed(db, anna, 2), placed(db, anna, 3)
    assert cancel(db, anna, waiting).status == "cancelled"
    chunk = claimed(db)
    assert chunk.batch_id == running
    assert finish(db, chunk, made(chunk, 1))
    in_flight = claimed(db)
    told = cancel(db, anna, running)
    assert (told.status, told.credits_captured, told.credits_held) == ("cancelled", 40, 0)
    assert cancel(db, anna, running) == told
    assert not finish(db, in_flight, made(in_flight))
    assert not fail(db, in_flight, "model_failed")
    assert states(db) == {waiting: ("cancelled", 0, 0, 0), running: ("cancelled", 4, 1, 40)}
    assert balance(db, anna) == Balance(960, 0)
    assert parts(db, running) == [f"{0:064x}"]
    assert claim(db, FROM_THE_START) is None


def test_only_ones_own_unfinished_batch_can_be_cancelled(db: Database) -> None:
    """Somebody else's is not found, and what is over stays as it ended."""
    anna = customer(db)
    id_ = placed(db, anna)
    for user, batch in ((customer(db), id_), (anna, new_id()), (anna, "x")):
        with pytest.raises(NotFound):
            cancel(db, user, batch)
    chunk = claimed(db)
    assert finish(db, chunk, made(chunk))
    with pytest.raises(BatchEnded):
        cancel(db, anna, id_)
    assert states(db) == {id_: ("succeeded", ROWS, 0, COST)}


def _cancel_unless_over(db: Database, user_id: str, id_: str) -> None:
    try:
        cancel(db, user_id, id_)
    except BatchEnded:
        assert batch_views.find(db, user_id, id_).status == "succeeded"


def test_cancelling_and_finishing_at_the_same_time_pay_once(db: Database) -> None:
    """Whoever is first wins; the price is that of the rows that are counted."""
    anna = customer(db, 10_000)
    for _ in range(10):
        id_ = placed(db, anna, 2)
        chunks = [claimed(db) for _ in range(2)]
        finishes = [partial(finish, db, chunk, made(chunk)) for chunk in chunks]
        at_once([*finishes, partial(_cancel_unless_over, db, anna, id_)])
        status, done, _, captured = states(db)[id_]
        assert status in {"succeeded", "cancelled"}
        assert captured == done * PRICE
    assert balance(db, anna).held == 0


def test_a_failure_costs_nothing_and_takes_the_whole_batch(db: Database) -> None:
    """Chunks that were done are not paid either, and those in flight store nothing."""
    anna = customer(db)
    id_ = placed(db, anna, 3)
    first = claimed(db)
    assert finish(db, first, made(first))
    second, third = claimed(db), claimed(db)
    assert fail(db, second, "model_failed")
    assert not finish(db, third, made(third))
    assert states(db) == {id_: ("failed", ROWS, 0, 0)}
    assert balance(db, anna) == Balance(1000, 0)
    assert claim(db, FROM_THE_START) is None


def test_after_the_deadline_there_is_no_success(db: Database) -> None:
    """Whoever works on it stores nothing any more; the sweep ends it once, and it is free."""
    anna = customer(db)
    waiting, running = placed(db, anna), placed(db, anna, 2)
    change(db, waiting, deadline_at=1)
    chunk = claimed(db)
    assert chunk.batch_id == running
    change(db, running, deadline_at=1)
    assert claim(db, FROM_THE_START) is None
    assert not finish(db, chunk, made(chunk))
    assert (fail_overdue(db), fail_overdue(db)) == (2, 0)
    assert states(db) == {waiting: ("failed", 0, 0, 0), running: ("failed", 0, 0, 0)}
    assert balance(db, anna) == Balance(1000, 0)


@pytest.mark.parametrize("swept", [True, False])
def test_a_batch_whose_hold_is_gone_is_not_paid(db: Database, *, swept: bool) -> None:
    """A late clock may free the hold first: then the batch has failed, and nothing is taken."""
    anna = customer(db)
    ids = [placed(db, anna), placed(db, anna, 2)]
    chunks = [claimed(db) for _ in range(2)]
    with db.write() as tx:
        tx.exec_driver_sql("UPDATE holds SET expires_at = 1")
    if swept:
        assert expire_holds(db) == 2
    assert not finish(db, chunks[0], made(chunks[0]))
    assert finish(db, chunks[1], made(chunks[1]))
    assert cancel(db, anna, ids[1]).status == "failed"
    assert states(db) == {ids[0]: ("failed", 0, 0, 0), ids[1]: ("failed", ROWS, 0, 0)}
    error = batch_views.find(db, anna, ids[0]).error
    assert error is not None
    assert error.code == "hold_expired"
    assert balance(db, anna) == Balance(1000, 0)


def test_customers_take_turns_chunk_by_chunk(db: Database) -> None:
    """Between two chunks of a huge file there is one of everybody else; of one's own, in order."""
    huge, small, other = (customer(db, 10**6) for _ in range(3))
    placed(db, huge, 500)
    tiny = {placed(db, small): small, placed(db, other): other}
    after, got = FROM_THE_START, []
    for _ in range(4):
        chunk = claimed(db, after)
        after = chunk.user_id
        got.append(chunk)
    assert {chunk.batch_id for chunk in got[:3]} >= tiny.keys()
    assert [chunk.number for chunk in got if chunk.user_id == huge] == [0, 1]


def test_a_postponed_chunk_lets_the_next_one_go_first(db: Database) -> None:
    """It is taken up again when it is due."""
    anna = customer(db)
    placed(db, anna, 2)
    assert postpone(db, claimed(db), 60, 1)
    second = claimed(db)
    assert second.number == 1
    assert claim(db, FROM_THE_START) is None
    assert finish(db, second, made(second))


def test_who_listens_is_told_of_the_end(db: Database) -> None:
    """Of a success and of a failure, once each; of what one cancelled oneself, nothing."""
    anna = customer(db)
    endpoint(db, anna, "http://127.0.0.1:9/hook")
    good, bad, gone = placed(db, anna), placed(db, anna), placed(db, anna)
    chunk = claimed(db)
    assert finish(db, chunk, made(chunk))
    assert fail(db, claimed(db), "model_failed")
    cancel(db, anna, gone)
    told = {row.event_type: row.body for row in rows(db)}
    assert len(rows(db)) == 2
    assert sorted(told) == ["batch.failed", "batch.succeeded"]
    assert good in told["batch.succeeded"]
    assert bad in told["batch.failed"]
