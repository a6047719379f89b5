"""The SQL of the ledger agrees with the pure rules, on both databases, whatever happens."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy.exc import IntegrityError

from augury.kit.clock import now
from augury.kit.db import Database, Given, Id, Int64
from augury.ledger import guards, service
from augury.ledger.audit import audit
from augury.ledger.core import Replayed, TransferType, deltas
from support.histories import Oracle, batches

_EXAMPLES = 60


def _drive(db: Database, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
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
    _drive(db, _EXAMPLES)
    with db.write() as tx:
        service.expire_holds(tx, most=100_000)
    with db.read() as tx:
        report = audit(tx)
    assert report.findings == []
    assert report.transfers > 100


def _guard_that_ignores_holds() -> Given:
    return Given(
        """
        UPDATE accounts SET posted = accounts.posted + given.posted,
          held = accounts.held + given.held, transfers = accounts.transfers + given.moves
        FROM {given} WHERE accounts.id = given.id AND accounts.posted + given.posted >= 0
          AND accounts.posted + given.posted <= :most
        RETURNING accounts.id, accounts.posted, accounts.held, accounts.transfers
        """,
        id=Id,
        posted=Int64,
        held=Int64,
        moves=Int64,
    )


def _resolving_that_forgets_what_was_resolved() -> Given:
    return Given(
        """
        UPDATE holds SET resolved_by = given.transfer_id FROM {given}
        WHERE holds.id = given.id AND holds.account_id = given.account_id
          AND holds.amount >= given.amount AND holds.expires_at > given.moment
        RETURNING holds.resolved_by, holds.amount
        """,
        id=Id,
        account_id=Id,
        transfer_id=Id,
        amount=Int64,
        moment=Int64,
    )


def _release_that_pays(type_: TransferType, amount: int, hold_amount: int = 0) -> tuple[int, int]:
    posted, held = deltas(type_, amount, hold_amount)
    return (posted + hold_amount, held) if type_ is TransferType.RELEASE else (posted, held)


def _any_retry_is_the_same(tx: Any, asked: Any) -> Any:
    found = _replays(tx, [(account_id, key, "") for account_id, key, _ in asked])
    return [None if one is None else Replayed("whatever") for one in found]


_replays = guards.replays

_BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the guard ignores holds": lambda patch: patch.setattr(
        guards, "_MOVE", _guard_that_ignores_holds()
    ),
    "a hold can be settled twice": lambda patch: patch.setattr(
        guards, "_RESOLVE_HOLD", _resolving_that_forgets_what_was_resolved()
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
    with pytest.raises((AssertionError, IntegrityError)):
        _drive(db, 300)


def test_now_is_not_the_far_future() -> None:
    """The oracle's holds with a future expiry are really in the future."""
    assert 1 < now() < 2**52
