"""A closed account: nothing on it, nothing moves, and the books say where its credits went."""

import pytest

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import audit, closing, history, service
from augury.ledger.core import Balance, Instruction, Refused, TransferType
from augury.ledger.refusals import AccountClosed


def opened(db: Database, credits_: int) -> str:
    """Return an account with credits."""
    id_ = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [id_])
        if credits_:
            service.post(tx, [Instruction(new_id(), TransferType.TOP_UP, id_, credits_)])
    return id_


@pytest.mark.parametrize("credits_", [0, 700])
def test_what_is_left_is_given_up_by_an_adjustment(db: Database, credits_: int) -> None:
    id_ = opened(db, credits_)
    with db.write() as tx:
        assert closing.close_account(tx, id_) == credits_
    with db.read() as tx:
        assert service.balances(tx, [id_])[id_] == Balance(0, 0)
        moved = history.movements(tx, id_, limit=1)
        assert [one.amount for one in moved if one.type == "adjustment"] == [-credits_][
            : bool(credits_)
        ]
        assert audit.audit(tx).findings == []


@pytest.mark.parametrize("type_", [TransferType.TOP_UP, TransferType.PROMOTION])
def test_nothing_moves_on_it_and_its_neighbours_do_not_notice(
    db: Database, type_: TransferType
) -> None:
    id_, neighbour = opened(db, 10), opened(db, 10)
    with db.write() as tx:
        closing.close_account(tx, id_)
    hold = Instruction(
        new_id(), TransferType.HOLD, id_, 1, "work", expires_at=now() + 1_000_000_000
    )
    asked = [
        Instruction(new_id(), type_, id_, 5),
        hold,
        Instruction(new_id(), TransferType.CHARGE, id_, 1),
        Instruction(new_id(), TransferType.CHARGE, neighbour, 10),
    ]
    with db.write() as tx:
        *refused, sold = service.post(tx, asked)
    assert refused == [Refused.ACCOUNT_UNKNOWN] * 3
    assert not isinstance(sold, Refused)


def test_it_is_closed_once_and_asked_after_by_whoever_needs_it_open(db: Database) -> None:
    id_ = opened(db, 10)
    with db.write() as tx:
        closing.require_open(tx, id_)
        closing.close_account(tx, id_)
    with pytest.raises(AccountClosed), db.write() as tx:
        closing.require_open(tx, id_)


def test_an_account_with_a_hold_or_none_at_all_is_not_closed(db: Database) -> None:
    """Nothing is given up, either."""
    id_ = opened(db, 10)
    with db.write() as tx:
        hold = Instruction(
            new_id(), TransferType.HOLD, id_, 4, "work", expires_at=now() + 1_000_000_000
        )
        service.post(tx, [hold])
    for account_id in (id_, new_id()):
        with pytest.raises(AccountClosed), db.write() as tx:
            closing.close_account(tx, account_id)
    with db.read() as tx:
        assert service.balances(tx, [id_])[id_].available == 6
