"""Transfers are never changed or deleted: the database itself refuses, whoever asks."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.core import Instruction, TransferType
from augury.ledger.tables import transfers


@pytest.fixture
def account_id(db: Database) -> str:
    """An account with two transfers."""
    opened = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [opened])
        service.post(tx, [Instruction(new_id(), TransferType.TOP_UP, opened, 5) for _ in range(2)])
    return opened


def _journal(db: Database) -> list[tuple[object, ...]]:
    with db.read() as tx:
        return [tuple(row) for row in tx.execute(select(transfers).order_by(transfers.c.id))]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET posted = posted + 1",
        "UPDATE transfers SET reference = reference",
        "UPDATE transfers SET reason = 'other' WHERE number = 1",
        "DELETE FROM transfers",
        "DELETE FROM transfers WHERE number = 2",
        "INSERT INTO transfers SELECT * FROM transfers WHERE number = 1"
        " ON CONFLICT (id) DO UPDATE SET posted = 99",
    ],
)
def test_a_change_is_refused(db: Database, account_id: str, statement: str) -> None:
    """An UPDATE or DELETE of transfers fails and leaves the journal as it was."""
    if db.dialect == "sqlite" and "ON CONFLICT" in statement:
        statement = statement.replace("number = 1", "number = 1 AND true")
    before = _journal(db)
    with pytest.raises(DatabaseError, match="never changed or deleted"), db.write() as tx:
        tx.execute(text(statement))
    assert _journal(db) == before
    assert len(before) == 2


def test_no_row_slips_away_by_another_door(db: Database, account_id: str) -> None:
    """TRUNCATE on PostgreSQL and REPLACE on SQLite, which pass row triggers by, are refused too."""
    statement = "TRUNCATE transfers"
    if db.dialect == "sqlite":
        statement = (
            "INSERT OR REPLACE INTO transfers SELECT id, account_id, number, type,"
            " counterparty_id, 99, held, available_after, reference, hold_id, corrects,"
            " actor_id, reason, created_at, link FROM transfers"
        )
    before = _journal(db)
    with pytest.raises(DatabaseError), db.write() as tx:
        tx.execute(text(statement))
    assert _journal(db) == before


def test_a_number_stands_once_in_a_journal(db: Database, account_id: str) -> None:
    """Two transfers cannot have the same place in an account's journal."""
    copied = "counterparty_id, posted, held, available_after, reference, hold_id, corrects"
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(
            text(
                f"INSERT INTO transfers (id, account_id, number, type, {copied}, created_at, link)"
                f" SELECT '{new_id()}', account_id, number, type, {copied}, created_at, link"
                " FROM transfers WHERE number = 2"
            )
            if db.dialect == "sqlite"
            else text(
                f"INSERT INTO transfers (id, account_id, number, type, {copied}, created_at, link)"
                f" SELECT CAST('{new_id()}' AS uuid), account_id, number, type, {copied},"
                " created_at, link FROM transfers WHERE number = 2"
            )
        )


@pytest.mark.parametrize("change", ["posted = -1", "held = -1", "held = posted + 1"])
def test_no_balance_goes_below_zero(db: Database, account_id: str, change: str) -> None:
    """The database refuses a negative balance and holds beyond it, whatever the code does."""
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(text(f"UPDATE accounts SET {change}"))


def test_the_database_resolves_a_hold_once(db: Database, account_id: str) -> None:
    """Even without the guard, a second transfer that resolves a hold breaks a constraint."""
    hold = Instruction(new_id(), TransferType.HOLD, account_id, 3, expires_at=now() + 10**9)
    release = Instruction(new_id(), TransferType.RELEASE, account_id, 0, hold_id=hold.id)
    again = Instruction(new_id(), TransferType.CAPTURE, account_id, 1, hold_id=hold.id)
    with db.write() as tx:
        service.post(tx, [hold, release])
    with pytest.raises(Exception, match="(?i)constraint"), db.write() as tx:
        tx.execute(text("UPDATE holds SET resolved_by = NULL"))
        service.post(tx, [again])
