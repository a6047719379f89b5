"""What a history costs: the made-up one is right, and looks do not get dearer with its length."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.pool import Pool

from augury.bench.growth import usual_looks
from augury.bench.history import fill
from augury.bootstrap import audit_books
from augury.kit.db import Database
from augury.ledger import service as ledger
from augury.predictions import bought
from augury.predictions.bought import note_bought
from augury.predictions.tables import bought_state
from augury.predictions.till import sell
from predictions.test_expiry import order

_FEW, _MANY = 1_000, 12_000
# These add up, so they cost as much as the time that is asked for has sales.
_GROWING = {"usage of 30 days", "statement, its totals"}


def _nothing(_more: int) -> None:
    pass


def test_a_made_up_history_is_right_and_goes_on(db: Database) -> None:
    """The audit finds nothing, every account has what its journal says, and the next sale works."""
    history = fill(db, 500, _nothing)
    (result,) = sell(db, [order(history.heavy, 0)])
    assert isinstance(result, tuple), result
    with db.read() as tx:
        report = audit_books(tx)
        assert report.findings == []
        assert report.transfers == 500 + len(history.accounts) + 1
        spent = 10**12 - ledger.balances(tx, [history.heavy])[history.heavy].available
    assert spent == (500 // 10 + 1) * 10


@contextmanager
def _counted(db: Database) -> Iterator[list[int]]:
    """Count what the database does: on SQLite hundreds of instructions, on PostgreSQL blocks."""
    counts: list[int] = []
    here = threading.get_ident()

    def count() -> None:  # one that returns something would stop the statement
        if threading.get_ident() == here:  # a house of another test may still be ending
            counts.append(1)

    def watch(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(count, 100)

    def explain(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
            (plan,) = cursor.fetchone()[0]
            counts.append(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    if db.dialect == "sqlite":
        event.listen(Pool, "checkout", watch)
        yield counts
        event.remove(Pool, "checkout", watch)
    else:
        event.listen(db.engine, "before_cursor_execute", explain)
        yield counts
        event.remove(db.engine, "before_cursor_execute", explain)


def _work(db: Database, look: Callable[[str], object], user_id: str) -> int:
    look(user_id)
    with _counted(db) as counts:
        look(user_id)
    return sum(counts)


def _note_again(db: Database) -> None:
    """Note what was bought from the beginning: two histories of the same year were made up."""
    with db.write() as tx:
        tx.execute(update(bought_state).values(up_to=0))
    assert note_bought(db, threading.Event()) > 0


def test_looks_cost_the_same_after_many_sales(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve times the history: no look at a customer's own pages does twice the work."""
    monkeypatch.setattr(bought, "_PAUSE_SECONDS", 0)
    works: list[dict[str, int]] = []
    for size in (_FEW, _MANY):
        # The second one beside the first, with customers of its own.
        history = fill(db, size, _nothing, seed=size)
        _note_again(db)
        looks = usual_looks(db, history)
        works.append({name: _work(db, look, history.heavy) for name, look in looks.items()})
    few, many = works
    dearer = {
        name: (few[name], work)
        for name, work in many.items()
        if name not in _GROWING and work > 2 * few[name] + 20
    }
    assert dearer == {}
    assert sum(many.values()) > 0


def test_the_command_fills_measures_and_tells(tmp_path: Path) -> None:
    """Figures of every stage and look, as a table and as JSON."""
    out = tmp_path / "figures.json"
    ran = subprocess.run(
        [sys.executable, "-m", "augury.cli", "bench", "--history", "300", "--out", out],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "charge and store, before the commit" in ran.stdout
    found = json.loads(out.read_text())
    assert (found["predictions"], found["customers"], found["audit"]["findings"]) == (300, 30, 0)
    assert all(cost["median"] > 0 for cost in found["costs"])
