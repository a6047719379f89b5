"""The SQL of the ledger agrees with the pure rules, on both databases, whatever happens."""

import sqlite3
from collections.abc import Callable
from copy import copy
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from augury.kit.clock import now
from augury.kit.db import Database, Given
from augury.ledger import guards, service
from augury.ledger.audit import audit
from augury.ledger.core import Replayed, TransferType, deltas
from support.histories import Oracle, batches
from support.scale import times


def _drive(db: Database, examples: int) -> None:
    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(history=batches)
    def drive(history: list[list[tuple[Any, ...]]]) -> None:
        oracle = Oracle(db)
        oracle.open()
        for batch in history:
            oracle.step(batch)

    drive()


def test_every_outcome_and_balance_agrees_with_the_rules(db: Database) -> None:
    """Random histories give the same refusals and balances in SQL as in the rules, and audit clean."""
    _drive(db, times(60, 300))
    service.expire_holds(db, most=100_000)
    with db.read() as tx:
        report = audit(tx)
    assert report.findings == []
    assert report.transfers > 100


def _mutated(statement: Given, right: str, wrong: str) -> Given:
    """Return the statement with a piece of its SQL replaced, on both databases."""
    mutant = copy(statement)
    for name in ("_sqlite", "_postgres"):
        sql = getattr(statement, name)
        assert right in sql
        setattr(mutant, name, sql.replace(right, wrong))
    return mutant


def _release_that_pays(
    type_: TransferType,
    amount: int,
    *,
    hold_amount: int = 0,
    corrected: TransferType | None = None,
) -> tuple[int, int]:
    posted, held = deltas(type_, amount, hold_amount=hold_amount, corrected=corrected)
    return (posted + hold_amount, held) if type_ is TransferType.RELEASE else (posted, held)


def _any_retry_is_the_same(tx: Any, asked: Any) -> Any:
    found = _replays(tx, [(account_id, key, "") for account_id, key, _ in asked])
    return [None if one is None else Replayed("whatever") for one in found]


_replays = guards.replays

_BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the guard ignores holds": lambda patch: patch.setattr(
        guards, "_MOVE", _mutated(guards._MOVE, "- accounts.held + given.posted", "+ given.posted")
    ),
    "a hold can be settled twice": lambda patch: patch.setattr(
        guards,
        "_RESOLVE_HOLD",
        _mutated(guards._RESOLVE_HOLD, "AND holds.resolved_by IS NULL", ""),
    ),
    "a release also pays": lambda patch: patch.setattr(service, "deltas", _release_that_pays),
    "a changed retry is accepted": lambda patch: patch.setattr(
        guards, "replays", _any_retry_is_the_same
    ),
}


@pytest.mark.parametrize("bug", _BUGS)
def test_a_planted_bug_is_caught(db: Database, bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle, or the database's own constraints, notice each bug that lost money elsewhere."""
    _BUGS[bug](monkeypatch)
    noticed = (AssertionError, sqlite3.IntegrityError, psycopg.IntegrityError)
    # Mostly it takes a hundred. Hypothesis mixes in numbers of whatever modules are loaded, so how
    # many it takes depends on the tests that ran before.
    with pytest.raises(noticed):
        _drive(db, 3000)


def test_now_is_not_the_far_future() -> None:
    """The oracle's holds with a future expiry are really in the future."""
    assert 1 < now() < 2**52
