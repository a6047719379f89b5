"""A code is spent and its credits arrive together, or neither happens."""

import os
import subprocess
import sys
from typing import Any

import pytest

from augury.audit_log.service import Actor
from augury.kit.clock import SECOND, now
from augury.kit.credits import MAX_CREDITS
from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.kit.ids import new_id
from augury.ledger import history
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.ledger.refusals import AccountClosed, BalanceTooLarge, IdempotencyConflict
from augury.vouchers import redeem as room
from augury.vouchers import service
from augury.vouchers.redeem import (
    VoucherExpired,
    VoucherLimitReached,
    VoucherSpent,
    VoucherUnknown,
    redeem,
)
from support.vouchers import available, batch, customers, found


def uses_left(db: Database, batch_id: str) -> tuple[int, int]:
    """Return what is left of a batch, and of all its codes."""
    with db.read() as tx:
        whole = "SELECT uses_left FROM voucher_batches WHERE id = '{}'"
        codes = "SELECT SUM(uses_left) FROM vouchers WHERE batch_id = '{}'"
        return (
            tx.exec_driver_sql(whole.format(batch_id)).scalar_one(),
            int(tx.exec_driver_sql(codes.format(batch_id)).scalar_one()),
        )


def test_a_code_gives_its_credits_as_a_promotion(db: Database) -> None:
    """The customer sees one movement whose reference is the redemption's."""
    (anna,) = customers(db)
    _, codes = batch(db)
    redeemed, replayed = redeem(db, anna, codes[0].lower())
    assert not replayed
    with db.read() as tx:
        (movement,) = history.movements(tx, anna, limit=10)
    assert movement == redeemed.movement
    assert (movement.type, movement.amount) == (TransferType.PROMOTION, 500)
    assert movement.reference == f"voucher:{redeemed.id}"
    assert available(db, anna) == 500
    assert found(db) == []


# Limits of the batch, who redeems which code in turn, and what comes of each.
_TABLE: dict[str, tuple[dict[str, int], list[tuple[int, int, type[Refusal] | None]]]] = {
    "each code once": ({}, [(0, 0, None), (1, 0, VoucherSpent), (0, 0, VoucherSpent), (1, 1, None)]),
    "one code each": ({}, [(0, 0, None), (0, 1, VoucherLimitReached), (1, 1, None), (1, 2, VoucherLimitReached)]),
    "two codes each": ({"uses_per_user": 2}, [(0, 0, None), (0, 1, None), (0, 2, VoucherLimitReached), (1, 2, None)]),
    "a code for many": ({"codes": 1, "uses_per_code": 2}, [(0, 0, None), (0, 0, VoucherLimitReached), (1, 0, None), (2, 0, VoucherSpent)]),
    "a code for the same again": (
        {"codes": 1, "uses_per_code": 3, "uses_per_user": 2},
        [(0, 0, None), (0, 0, None), (0, 0, VoucherLimitReached), (1, 0, None), (1, 0, VoucherSpent)],
    ),
    "a batch with a limit": ({"total_uses": 2}, [(0, 0, None), (1, 1, None), (2, 2, VoucherSpent)]),
}  # fmt: skip


@pytest.mark.parametrize("case", _TABLE)
def test_limits(db: Database, case: str) -> None:
    """Every line is credited once or refused with its reason, and a refusal takes nothing."""
    limits, lines = _TABLE[case]
    made, codes = batch(db, **limits)
    users = customers(db, 3)
    given = [0, 0, 0]
    for user, code, expected in lines:
        if expected is None:
            redeem(db, users[user], codes[code])
            given[user] += 500
        else:
            before = uses_left(db, made.id)
            with pytest.raises(expected):
                redeem(db, users[user], codes[code])
            assert uses_left(db, made.id) == before
        assert [available(db, one) for one in users] == given
        assert found(db) == []


def test_nobody_redeems_after_the_last_moment(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At `expires_at` the code is over; one microsecond before it was good."""
    ends = now() + 3600 * SECOND
    _, codes = batch(db, expires_at=ends)
    anna, boris = customers(db, 2)
    monkeypatch.setattr(room, "now", lambda: ends - 1)
    redeem(db, anna, codes[0])
    monkeypatch.setattr(room, "now", lambda: ends)
    with pytest.raises(VoucherExpired):
        redeem(db, boris, codes[1])
    assert found(db) == []


def test_a_used_up_batch_that_was_stopped_is_over(db: Database) -> None:
    """Of two reasons the one that somebody decided is told."""
    made, codes = batch(db, total_uses=1)
    anna, boris = customers(db, 2)
    redeem(db, anna, codes[0])
    service.stop_batch(db, made.id, Actor(new_id()))
    with pytest.raises(VoucherExpired):
        redeem(db, boris, codes[1])


@pytest.mark.parametrize("entered", ["0000-0000-0000-0000", "nonsense", "", "\x00" * 16])
def test_a_wrong_code_is_unknown(db: Database, entered: str) -> None:
    """A code that was never made and a text that can be none are refused alike."""
    batch(db)
    with pytest.raises(VoucherUnknown):
        redeem(db, customers(db)[0], entered)


def test_the_same_key_gives_the_first_answer(db: Database) -> None:
    """However the code is written, before and after everything else; another code is refused."""
    anna, boris = customers(db, 2)
    made, codes = batch(db, uses_per_user=2)
    first, replayed = redeem(db, anna, codes[0], key="one")
    redeem(db, anna, codes[1])
    service.stop_batch(db, made.id, Actor(new_id()))
    again, replayed_again = redeem(db, anna, codes[0].lower().replace("-", ""), key="one")
    assert (replayed, replayed_again, again) == (False, True, first)
    for other in (codes[2], "0000-0000-0000-0000", "nonsense"):
        with pytest.raises(IdempotencyConflict):
            redeem(db, anna, other, key="one")
    with pytest.raises(VoucherSpent):
        redeem(db, boris, codes[0], key="one")
    assert available(db, anna) == 1000
    assert found(db) == []


def test_a_refused_code_leaves_no_key_behind(db: Database) -> None:
    """The key can be used again for the code that was meant."""
    anna, boris = customers(db, 2)
    _, codes = batch(db)
    redeem(db, boris, codes[0])
    for wrong in (codes[0], "0000-0000-0000-0000"):
        with pytest.raises(Refusal):
            redeem(db, anna, wrong, key="one")
    redeem(db, anna, codes[1], key="one")
    assert available(db, anna) == 500


def test_what_the_ledger_refuses_spends_nothing(db: Database) -> None:
    """A balance that would pass the largest number, and an account that is not there."""
    (anna,) = customers(db)
    made, codes = batch(db)
    rich = Instruction(new_id(), TransferType.PROMOTION, anna, MAX_CREDITS - 499)
    with db.write() as tx:
        ledger.post(tx, [rich])
    before = uses_left(db, made.id)
    with pytest.raises(BalanceTooLarge):
        redeem(db, anna, codes[0])
    with pytest.raises(AccountClosed):
        redeem(db, new_id(), codes[0])
    assert uses_left(db, made.id) == before
    assert found(db) == []


@pytest.mark.parametrize("step", ["_spend", "_write"])
def test_a_failure_on_the_way_spends_nothing(
    db: Database, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks after the transfer was made undoes the transfer and the counters."""
    (anna,) = customers(db)
    made, codes = batch(db)
    before = uses_left(db, made.id)

    def fail(*_args: Any) -> None:
        raise RuntimeError(step)

    with monkeypatch.context() as patch:
        patch.setattr(room, step, fail)
        with pytest.raises(RuntimeError):
            redeem(db, anna, codes[0], key="one")
    assert (available(db, anna), uses_left(db, made.id)) == (0, before)
    redeem(db, anna, codes[0], key="one")
    assert available(db, anna) == 500
    assert found(db) == []


_DYING = """
import os, sys
from augury.kit.db import Database
from augury.vouchers import redeem as room
write = room._write
def die(*args):
    write(*args)
    os._exit(9)
room._write = die
room.redeem(Database(sys.argv[1]), sys.argv[2], sys.argv[3], key="one")
"""


def test_a_process_that_dies_before_the_commit_spends_nothing(
    db: Database, database_url: str
) -> None:
    """Killed after its last statement, it leaves the code unspent and no credits behind."""
    (anna,) = customers(db)
    made, codes = batch(db)
    before = uses_left(db, made.id)
    ran = subprocess.run(
        [sys.executable, "-c", _DYING, database_url, anna, codes[0]],
        check=False,
        env=dict(os.environ),
        timeout=120,
    )
    assert ran.returncode == 9
    assert (available(db, anna), uses_left(db, made.id)) == (0, before)
    assert found(db) == []
    redeem(db, anna, codes[0], key="one")
    assert available(db, anna) == 500
    assert found(db) == []
