"""A filter by model finds all there is, and looks only where something can be."""

import threading
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from augury.kit.clock import SECOND
from augury.kit.db import Database
from augury.kit.ids import first_id, new_id
from augury.predictions import bought, history
from augury.predictions.bought import DAY, note_bought
from augury.predictions.closing import HOUR
from augury.predictions.tables import bought_months, predictions
from support.jobs import customer

START = 1_700_000_000 * SECOND // HOUR * HOUR


def sell(db: Database, user_id: str, *moments: int, model: str, later: int = 10_000) -> list[str]:
    """Store predictions that were asked for at moments, their identifiers born so much later."""
    row = {"user_id": user_id, "model": model, "version": 1, "status": "succeeded", "rows": 1}
    row |= {"inputs": "[]", "outputs": "[]", "warnings": "[]", "expired_at": None, "price": 1}
    rows = [
        {
            **row,
            "id": first_id(moment + later)[:24] + new_id()[24:],
            "transfer_id": new_id(),
            "created_at": moment,
            "completed_at": moment + later,
        }
        for moment in moments
    ]
    with db.write() as tx:
        tx.execute(insert(predictions), rows)
    return [str(row["id"]) for row in rows]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The duty's clock: a hundred days after the start."""
    moment = [START + 100 * DAY]
    monkeypatch.setattr(bought, "now", lambda: moment[0])
    # The rows of these tests are not paid for.
    monkeypatch.setattr(history, "_charges", lambda *_: {})
    monkeypatch.setattr(
        history, "_members", lambda row, _: {"id": row.id, **_BARE, "model": row.model}
    )
    return moment


_BARE = {
    "status": "succeeded",
    "version": 1,
    "rows": 1,
    "price": 1,
    "outputs": None,
    "warnings": [],
    "charge": None,
    "error": None,
    "created_at": "",
    "completed_at": None,
    "expired_at": None,
}


def note(db: Database) -> int:
    return note_bought(db, threading.Event())


def listed(db: Database, user_id: str, model: str, limit: int = 3) -> list[str]:
    """Walk all pages of a customer's predictions of a model."""
    found: list[str] = []
    cursor = None
    while True:
        page = history.find_page(db, user_id, limit=limit, cursor=cursor, model=model)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.usefixtures("clock")
def test_the_same_predictions_are_found_before_and_after_they_are_noted(db: Database) -> None:
    """Of two models and customers, over months, with identifiers that cross midnight."""
    me, other = customer(db), customer(db)
    midnight = START - START % DAY + 30 * DAY
    moments = [START, START + 1, START + 20 * DAY, START + 60 * DAY, START + 99 * DAY + 23 * HOUR]
    # Of the last moments of a month and the first of the next: born in the other order.
    moments += [midnight + hour * DAY - 1 for hour in range(5)]
    mine = [
        sell(db, me, at, model="a", later=10_000 + 5 * SECOND * (n % 2))[0]
        for n, at in enumerate(moments)
    ]
    rare = sell(db, me, START + 40 * DAY, model="b")
    sell(db, other, START + 41 * DAY, model="b")
    expected = sorted(mine, reverse=True)
    for _ in range(2):
        for limit in (1, 3, 200):
            assert listed(db, me, "a", limit) == expected
            assert listed(db, me, "b", limit) == rare
        assert listed(db, me, "c") == []
        assert note(db) >= 0
    assert listed(db, customer(db), "a") == []


def test_noting_again_changes_nothing_and_a_later_sale_is_found(
    db: Database, clock: list[int]
) -> None:
    me = customer(db)
    (first,) = sell(db, me, START, model="a")
    assert note(db) > 0
    assert note(db) == 0
    with db.read() as tx:
        (row,) = tx.execute(select(bought_months))
    assert (row.first_id, row.last_id) == (first, first)
    (second,) = sell(db, me, START + 100 * DAY, model="a")
    assert listed(db, me, "a") == [second, first]
    clock[0] += DAY
    assert note(db) > 0
    assert listed(db, me, "a") == [second, first]


@pytest.mark.usefixtures("clock")
def test_both_databases_take_a_range_of_one_index(db: Database) -> None:
    """The plan of every statement about predictions names the index with both ends of a range."""
    me = customer(db)
    # At least two in each month: a range of one row is as cheap to read of any index.
    sell(db, me, *(START + day * DAY for day in range(0, 100, 10)), model="a")
    note(db)
    # So that the range of all customers together is no cheaper to read.
    for _ in range(3):
        sell(db, customer(db), *(START + hour * HOUR for hour in range(0, 100 * 24, 6)), model="a")
    plans: list[str] = []

    def explain(
        connection: object, cursor: object, statement: str, values: object, *_: object
    ) -> None:
        if "FROM predictions" in statement:
            raw = cursor
            raw.execute(f"{prefix} {statement}", values)  # type: ignore[attr-defined]  # a DBAPI cursor
            plans.append("\n".join(str(one) for one in raw.fetchall()))  # type: ignore[attr-defined]  # the same

    prefix = "EXPLAIN QUERY PLAN" if db.dialect == "sqlite" else "EXPLAIN"
    with db.write() as tx:
        if db.dialect == "postgresql":
            tx.exec_driver_sql("ANALYZE predictions")
            # So few rows it would rather read all of.
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
            tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            tx.exec_driver_sql("SET LOCAL enable_sort = off")
        event.listen(db.engine, "before_cursor_execute", explain)
        statement = select(predictions.c.id).where(
            predictions.c.user_id == me, predictions.c.model == "a"
        )
        for place in bought.places_of(tx, me, "a"):
            tx.execute(statement.where(place).order_by(predictions.c.id.desc()).limit(3)).all()
        event.remove(db.engine, "before_cursor_execute", explain)
    assert len(plans) > 3
    for plan in plans:
        assert "ix_predictions_user_model" in plan
        assert "SCAN" not in plan
    # The last range has an end, too; the first is open.
    assert ("id<?" if db.dialect == "sqlite" else "id <=") in plans[-1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("clock")
def test_what_is_noted_is_written_in_one_order(db: Database) -> None:
    """Or two processes that note the same months would wait for each other in a circle."""
    for _ in range(20):
        sell(db, new_id(), START, model="a")
    written: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, rows: Any, *_: object) -> None:
        if "INTO bought_months" in statement:
            written.extend(row["user_id"] for row in rows)

    with db.write() as tx:
        tx.exec_driver_sql("ANALYZE predictions")  # so that it groups them by hashes
    event.listen(db.engine, "before_cursor_execute", look)
    note(db)
    event.remove(db.engine, "before_cursor_execute", look)
    assert len(written) == 20
    assert written == sorted(written)
