"""Expiry: contents go, money stays, and whoever reads afterwards is told so."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from augury.bootstrap import audit_books
from augury.kit import lots as kit_lots
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import InvalidInput
from augury.kit.ids import first_id, new_id
from augury.ledger import keys
from augury.ledger.keys import purge_keys
from augury.ledger.tables import idempotency_keys
from augury.predictions import expiry, history, outcomes
from augury.predictions.expiry import DAY, expire
from augury.predictions.jobs import place
from augury.predictions.newest import contents, newest, outputs
from augury.predictions.outcome_schemas import OutcomeIn
from augury.predictions.schemas import PredictionAnswer
from augury.predictions.tables import jobs, predictions
from augury.predictions.till import Order, sell
from augury.predictions.usage import find_usage
from support import cases
from support.jobs import balance, claimed, customer, new_job, ordered

KEEP = 30
OLD, YOUNG = (KEEP + 1) * DAY, (KEEP - 1) * DAY


def born(age: int) -> str:
    """Return an identifier of so many microseconds ago."""
    return first_id(now() - age)[:18] + new_id()[18:]


def order(user_id: str, age: int, rows: int = 1, key: str | None = None) -> Order:
    return Order(
        id=born(age),
        user_id=user_id,
        model="m",
        version=1,
        rows=rows,
        price=10,
        inputs='[{"a":1}]',
        outputs='[{"b":2}]',
        warnings='[{"pointer":"/inputs/0/a","code":"inconsistent","message":"odd"}]',
        transfer_id=new_id(),
        created_at=now() - age,
        key=key,
        fingerprint=None if key is None else "f",
    )


def bought(db: Database, *orders: Order) -> list[PredictionAnswer]:
    results = sell(db, orders)
    assert all(isinstance(one, tuple) for one in results), results
    return [one[0] for one in results if isinstance(one, tuple)]


def run(db: Database, keep_days: int = KEEP) -> int:
    return expire(db, keep_days, threading.Event())


def stored(db: Database, id_: str, table: Any = predictions) -> Any:
    with db.read() as tx:
        return tx.execute(select(table).where(table.c.id == id_)).one()


def test_contents_go_and_what_was_paid_stays(db: Database) -> None:
    """Every column but inputs, outputs, warnings and the mark is as before; the books are right."""
    anna = customer(db)
    old, young = order(anna, OLD), order(anna, YOUNG)
    bought(db, old, young)
    before = {id_: stored(db, id_)._asdict() for id_ in (old.id, young.id)}
    assert run(db) == 1
    after = stored(db, old.id)._asdict()
    assert after.pop("expired_at") <= now()
    kept = {name: value for name, value in before[old.id].items() if name not in expiry.EXPIRED}
    assert after == expiry.EXPIRED | {k: v for k, v in kept.items() if k != "expired_at"}
    assert stored(db, young.id)._asdict() == before[young.id]
    with db.read() as tx:
        assert audit_books(tx).findings == []


def test_an_expired_prediction_is_answered_with_its_price_and_charge(db: Database) -> None:
    """One, in a list and as a replay: no contents, the moment they went, and all the rest."""
    anna = customer(db)
    asked = order(anna, OLD, key="k")
    (sold,) = bought(db, asked)
    run(db)
    found = history.find(db, anna, asked.id)
    told = {name: getattr(found, name) for name in PredictionAnswer.__struct_fields__}
    assert bytes(found.inputs) == bytes(told.pop("outputs")) == b"null"  # type: ignore[arg-type]
    assert bytes(told.pop("warnings")) == b"[]"
    assert told.pop("expired_at") is not None
    assert told == {name: getattr(sold, name) for name in told}
    (listed,) = history.find_page(db, anna, limit=5).items
    assert (listed.expired_at, listed.charge) == (found.expired_at, sold.charge)
    with_key = order(anna, 0, key="k")
    ((again, replayed),) = [one for one in sell(db, [with_key]) if isinstance(one, tuple)]
    assert (again.id, again.expired_at, replayed) == (sold.id, found.expired_at, True)
    assert balance(db, anna).available == 990
    (used,) = find_usage(db, anna, "model", now() - OLD - DAY, now())
    assert (used.predictions, used.credits) == (1, 10)


def test_zero_days_keep_everything(db: Database) -> None:
    asked = order(customer(db), 4000 * DAY)
    bought(db, asked)
    assert run(db, 0) == 0
    assert stored(db, asked.id).expired_at is None


def test_jobs_that_are_over_expire_and_others_do_not(db: Database) -> None:
    """A failure keeps its reason; what waits keeps what it needs."""
    anna = customer(db)
    wanted = [new_job(anna, id=born(OLD)) for _ in range(2)]
    place(db, wanted)
    (young,) = ordered(db, anna)
    with db.write() as tx:
        over = jobs.update().where(jobs.c.id == wanted[0].id)
        tx.execute(over.values(status="failed", error="model_failed"))
    assert run(db) == 1
    failed, waiting = (stored(db, job.id, jobs) for job in wanted)
    assert (failed.inputs, failed.error, failed.price) == ("null", "model_failed", 10)
    assert (waiting.inputs, waiting.expired_at) == ('[{"a":1}]', None)
    assert history.find(db, anna, failed.id).expired_at is not None
    assert claimed(db).id in {waiting.id, young}


def test_a_lot_is_small_and_the_next_round_goes_on(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction empties more than so many rows of so many predictions, nor any of them twice."""
    monkeypatch.setattr(expiry, "_AT_ONCE", 4)
    monkeypatch.setattr(expiry, "_ROWS_AT_ONCE", 100)
    monkeypatch.setattr(kit_lots, "_PAUSE_SECONDS", 0)
    anna = customer(db)
    lots: list[int | None] = []
    asked = sorted((order(anna, OLD, rows) for rows in (500, 1, 60, 60, 1, 1, 1, 1)), key=by_id)
    bought(db, *asked)
    some = expiry._expire_some

    def noted(*given: Any) -> int | None:
        lots.append(some(*given))
        return lots[-1]

    monkeypatch.setattr(expiry, "_expire_some", noted)
    assert run(db) == 8
    sizes, rows = [lot for lot in lots if lot], [one.rows for one in asked]
    for size in sizes:
        some_rows, rows = rows[:size], rows[size:]
        assert size == 1 or (size <= 4 and sum(some_rows) <= 100)
    later = order(anna, OLD - 1000 * SECOND)
    bought(db, later)
    assert run(db) == 1
    assert run(db) == 0


def by_id(one: Order) -> str:
    return one.id


def test_processes_share_the_work(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four at once: each prediction expires once."""
    monkeypatch.setattr(expiry, "_AT_ONCE", 7)
    monkeypatch.setattr(kit_lots, "_PAUSE_SECONDS", 0)
    anna = customer(db, 10_000)
    bought(db, *(order(anna, OLD) for _ in range(60)))
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(lambda _: run(db), range(4))) + run(db)
    assert done == 60
    with db.read() as tx:
        left = select(func.count()).where(predictions.c.expired_at.is_(None))
        assert tx.execute(left).scalar() == 0


def test_a_stop_is_heard(db: Database) -> None:
    bought(db, order(customer(db), OLD))
    stop = threading.Event()
    stop.set()
    assert expire(db, KEEP, stop) == 0


def test_who_watches_models_passes_over_what_has_expired(db: Database) -> None:
    """Drift and comparisons read what is left; an outcome of what is gone is refused."""
    cases.publish(db)
    anna = new_id()
    ids = cases.sold(db, [cases.sale([0.5], user_id=anna) for _ in range(2)])
    with db.write() as tx:
        gone = predictions.update().where(predictions.c.id == ids[0])
        tx.execute(gone.values(expired_at=now(), **expiry.EXPIRED))
    with db.read() as tx:
        sales = newest(tx, "tiny", 1, now() - DAY)
        assert len(sales) == 2
        assert [len(lot) for lot in contents(tx, sales)] == [1]
        assert len(list(outputs(tx, sales))) == 1
    with pytest.raises(InvalidInput) as refused:
        outcomes.report(db, cases.customer(anna), ids[0], OutcomeIn(outcome=1))
    assert [fault.key for fault in refused.value.faults] == ["fault.outcome_no_probability"]


def test_keys_are_forgotten_after_their_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old ones in several transactions, the younger ones never; then a key is new again."""
    monkeypatch.setattr(keys, "_AT_ONCE", 2)
    monkeypatch.setattr(kit_lots, "_PAUSE_SECONDS", 0)
    anna = customer(db)
    bought(db, *(order(anna, 0, key=f"k{number}") for number in range(7)))
    with db.write() as tx:
        old = idempotency_keys.c.key.in_([f"k{number}" for number in range(5)])
        aged = idempotency_keys.update().where(old).values(created_at=now() - 91 * DAY)
        tx.execute(aged)
    assert purge_keys(db, 90, threading.Event()) == 5
    results = sell(db, [order(anna, 0, key=key) for key in ("k0", "k6")])
    assert [one[1] for one in results if isinstance(one, tuple)] == [False, True]
