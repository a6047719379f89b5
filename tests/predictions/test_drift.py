"""Drift of what is sold: which sales count, when administrators hear of it, and how often."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from augury.kit.clock import now
from augury.kit.db import Database
from augury.notices.tables import deliveries
from augury.predictions import drift, newest
from augury.predictions.drift import SCORE, Drift, NoReference, look, measure
from augury.predictions.tables import drift_states
from augury.registry.shelf import manifests
from augury.users import service as users
from support.cases import DAY, HOUR, publish, sale, sold
from support.tiny_models import ROWS

REFERENCE: dict[str, Any] = {
    "rows": 10_000,
    "fields": {
        "age": {"shares": [0.5, 0.5], "edges": [40], "missing": 0.0},
        "home": {"shares": [0.25, 0.5, 0.25]},
    },
    "score": {"shares": [0.5, 0.5], "edges": [0.3]},
}
RUN = threading.Event()


def asked(ages: list[int | None], home: str = "RENT") -> list[dict[str, Any]]:
    return [ROWS[0] | {"age": age, "home": home} for age in ages]


def usual(rows: int = 400, **more: Any) -> list[dict[str, Any]]:
    """Return sales of rows that look like the training rows: four different ones, over and over."""
    homes = ["OWN", "RENT", "RENT", "OTHER"]
    return [
        sale(
            [0.1 if number % 2 else 0.9],
            inputs=asked([30 if number % 2 else 50], homes[number % 4]),
            **more,
        )
        for number in range(rows)
    ]


def strange(rows: int = 400, **more: Any) -> list[dict[str, Any]]:
    """Return sales of rows whose ages are all young, or not given."""
    return [
        sale([0.1 if number % 2 else 0.9], inputs=asked([None if number % 4 else 20]), **more)
        for number in range(rows)
    ]


def measured(db: Database, version: int = 1, days: int = 7) -> Drift:
    with db.read() as tx:
        (manifest,) = manifests(tx, {("tiny", version)}).values()
        return measure(tx, "tiny", version, manifest, now() - days * DAY)


def levels(db: Database) -> dict[str, str]:
    with db.read() as tx:
        return {row.subject: row.level for row in tx.execute(select(drift_states))}


def told(db: Database) -> list[tuple[str, dict[str, Any]]]:
    """Return whom was written to, and what the letters say."""
    with db.read() as tx:
        rows = tx.execute(select(deliveries).order_by(deliveries.c.id)).all()
    assert {row.channel for row in rows} <= {"mail"}
    assert {row.event_type for row in rows} <= {"model.drifted"}
    return [(row.user_id, json.loads(row.body)["data"]) for row in rows]


def forget_sales(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("DELETE FROM predictions"))


def admins(db: Database, *names: str) -> list[str]:
    return [
        users.register(
            db,
            name,
            f"{name}@example.com",
            "correct horse battery",
            role="admin",
            opening=lambda _tx, _id: None,
        ).id
        for name in names
    ]


@pytest.fixture(autouse=True)
def _published(db: Database) -> None:
    publish(db, reference=REFERENCE)


def test_rows_like_those_of_the_training_are_calm(db: Database) -> None:
    sold(db, usual())
    found = measured(db)
    assert (found.predictions, found.rows) == (400, 400)
    assert {name: shift.level for name, shift in found.shifts.items()} == {
        "age": "calm",
        "home": "calm",
        SCORE: "calm",
    }
    assert found.shifts["home"].shares == [0.25, 0.5, 0.25]


def test_each_column_moves_for_itself(db: Database) -> None:
    """Young or missing ages alarm, homes that are all rented too; the score stays what it was."""
    sold(db, strange())
    shifts = measured(db).shifts
    assert shifts["age"].missing == 0.75
    assert shifts["age"].stability_index is None
    assert [shifts[name].level for name in ("age", "home", SCORE)] == ["alert", "alert", "calm"]


def test_all_rows_of_a_prediction_count(db: Database) -> None:
    rows = usual()
    inputs = [row for one in rows for row in json.loads(one["inputs"])]
    sold(db, [sale([0.1, 0.9] * 200, inputs=inputs)])
    found = measured(db)
    assert (found.predictions, found.rows) == (1, 400)
    assert {shift.rows for shift in found.shifts.values()} == {400}
    assert {shift.level for shift in found.shifts.values()} == {"calm"}


def test_other_versions_models_and_older_sales_do_not_count(db: Database) -> None:
    publish(db, version=2)
    publish(db, model="other")
    sold(db, usual(rows=250))
    sold(db, strange(version=2) + strange(model="other") + strange(at=now() - 8 * DAY))
    found = measured(db)
    assert found.predictions == 250
    assert found.shifts["age"].level == "calm"
    assert measured(db, days=9).predictions == 650


def test_only_the_newest_sales_count_and_only_so_many_are_looked_at(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(db, strange(rows=300, at=now() - HOUR))
    sold(db, usual(rows=300))
    monkeypatch.setattr(newest, "MOST_PREDICTIONS", 300)
    assert measured(db).shifts["age"].level == "calm"
    monkeypatch.setattr(newest, "MOST_ROWS", 250)
    assert measured(db).rows == 250
    sold(db, usual(rows=100, model="other"))
    monkeypatch.setattr(newest, "_MOST_SCANNED", 150)
    assert measured(db).rows == 50


def test_rows_are_read_in_lots_and_counted_together(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold(db, [*usual(rows=300), sale([0.9] * 50, inputs=asked([50] * 50))])
    whole = measured(db).shifts
    monkeypatch.setattr(newest, "_ROWS_AT_ONCE", 7)
    assert measured(db).shifts == whole
    assert whole["age"].rows == 350


def test_a_large_prediction_counts_even_if_it_is_more_than_is_looked_at(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "MOST_ROWS", 100)
    sold(db, [sale([0.5] * 300)])
    assert measured(db).rows == 300


def test_a_score_at_an_edge_is_at_the_edge_after_rounding(db: Database) -> None:
    """An edge has more digits than an answer: 0.1234564 is sold as 0.123456."""
    score = {"shares": [0.5, 0.5], "edges": [0.1234564]}
    publish(db, version=2, reference=REFERENCE | {"score": score})
    sold(db, [sale([0.123456] * 200, version=2)])
    assert measured(db, version=2).shifts[SCORE].shares == [0, 1]


def test_without_a_reference_there_is_no_drift_to_tell(db: Database) -> None:
    publish(db, version=2)
    with pytest.raises(NoReference):
        measured(db, version=2)
    assert look(db, [("tiny", 2), ("tiny", 3), ("nobody", 1)], RUN) == 0


def test_administrators_hear_once_of_what_gets_worse(db: Database) -> None:
    """All of them by mail, of all columns at once, and not again while it stays so."""
    olga, pavel = admins(db, "olga", "pavel")
    sold(db, usual())
    assert look(db, [("tiny", 1)], RUN) == 3
    assert levels(db) == {"age": "calm", "home": "calm", SCORE: "calm"}
    assert told(db) == []
    forget_sales(db)
    sold(db, strange())
    assert look(db, [("tiny", 1)], RUN) == 2
    assert look(db, [("tiny", 1)], RUN) == 0
    letters = told(db)
    assert [user_id for user_id, _ in letters] == [olga, pavel]
    data = letters[0][1]
    assert (data["model"], data["version"], data["level"]) == ("tiny", 1, "alert")
    assert [one["subject"] for one in data["subjects"]] == ["age", "home"]
    assert data["summary"].splitlines()[0] == "age: alert; PSI –; NULL 0.0% → 75.0%"
    assert levels(db) == {"age": "alert", "home": "alert", SCORE: "calm"}


def test_what_gets_better_is_stored_and_not_told_and_the_next_time_is(db: Database) -> None:
    admins(db, "olga")
    for number, sales in enumerate((strange(), usual(), strange()), 1):
        forget_sales(db)
        sold(db, sales)
        look(db, [("tiny", 1)], RUN)
        assert len(told(db)) == (number + 1) // 2
    assert levels(db)["age"] == "alert"


def test_a_blocked_administrator_is_not_told(db: Database) -> None:
    olga, pavel = admins(db, "olga", "pavel")
    with db.write() as tx:
        tx.execute(text("UPDATE users SET status = 'blocked' WHERE username = 'olga'"))
    sold(db, strange())
    look(db, [("tiny", 1)], RUN)
    assert [user_id for user_id, _ in told(db)] == [pavel]


def test_too_few_rows_change_nothing(db: Database) -> None:
    """What stood before stays; a quiet night neither calms nor alarms."""
    admins(db, "olga")
    sold(db, strange(rows=199))
    assert look(db, [("tiny", 1)], RUN) == 0
    assert levels(db) == {}
    sold(db, strange(rows=1))
    look(db, [("tiny", 1)], RUN)
    assert len(told(db)) == 1
    forget_sales(db)
    assert look(db, [("tiny", 1)], RUN) == 0
    assert levels(db)["age"] == "alert"


@pytest.mark.parametrize(("first", "changes"), [(True, 3), (False, 2)])
def test_several_processes_that_look_at_once_tell_once(
    db: Database, first: bool, changes: int
) -> None:
    """Each found the change by itself; whoever stores it tells of it, the others find it stored."""
    admins(db, "olga")
    if not first:
        sold(db, usual())
        look(db, [("tiny", 1)], RUN)
        forget_sales(db)
    sold(db, strange())
    start, found = threading.Barrier(4), measured(db)

    def settle(_: int) -> int:
        with db.read() as tx:
            moves = drift._moves(tx, found)
        start.wait(60)
        with db.write() as tx:
            return drift._settle(tx, found, moves)

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(settle, range(4)))
    assert sorted(won) == [0, 0, 0, changes]
    assert len(told(db)) == 1


def test_a_duty_that_is_stopped_looks_at_nothing_more(db: Database) -> None:
    sold(db, strange())
    stopped = threading.Event()
    stopped.set()
    assert look(db, [("tiny", 1)], stopped) == 0
    assert levels(db) == {}
