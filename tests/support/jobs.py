"""Predictions in the background, for tests: ordered without a model, and looked at in the rows."""

from typing import Any

from sqlalchemy import Row, select, update

from augury.bootstrap import audit_books
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, TransferType
from augury.predictions.job_leases import Job, claim
from augury.predictions.jobs import NewJob, place
from augury.predictions.leased import FROM_THE_START
from augury.predictions.tables import jobs, predictions

OUTPUTS = '[{"b":2}]'
PRICE = 10


def customer(db: Database, credits_: int = 1000) -> str:
    """Open an account with credits."""
    id_ = new_id()
    with db.write() as tx:
        ledger.open_accounts(tx, [id_])
        ledger.post(tx, [Instruction(new_id(), TransferType.PROMOTION, id_, credits_)])
    return id_


def new_job(user_id: str, price: int = PRICE, key: str | None = None, **more: Any) -> NewJob:
    """Return a job of one row for a model that nobody has."""
    told: dict[str, Any] = {
        "id": new_id(),
        "user_id": user_id,
        "model": "m",
        "version": 1,
        "explain": False,
        "language": "en",
        "rows": 1,
        "price": price,
        "inputs": '[{"a":1}]',
        "warnings": "[]",
        "hold_id": new_id(),
        "created_at": now(),
        "key": key,
        "fingerprint": None if key is None else "f",
    }
    return NewJob(**told | more)


def ordered(db: Database, user_id: str, count: int = 1) -> list[str]:
    """Order some jobs and return their ids."""
    wanted = [new_job(user_id) for _ in range(count)]
    for result in place(db, wanted):
        assert isinstance(result, tuple), result
    return [job.id for job in wanted]


def claimed(db: Database, after: str = FROM_THE_START) -> Job:
    """Claim a job that must be there."""
    job = claim(db, after)
    assert job is not None
    return job


def change(db: Database, id_: str, **values: Any) -> None:
    """Change a job behind everybody's back."""
    with db.write() as tx:
        assert tx.execute(update(jobs).where(jobs.c.id == id_).values(**values)).rowcount == 1


def statuses(db: Database) -> dict[str, str]:
    """Return the status of every prediction and job by id, after an audit that finds nothing."""
    with db.read() as tx:
        assert audit_books(tx).findings == []
        rows = [
            row
            for table in (jobs, predictions)
            for row in tx.execute(select(table.c.id, table.c.status))
        ]
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: row.status for row in rows}


def balance(db: Database, user_id: str) -> Balance:
    """Return what a customer has."""
    with db.read() as tx:
        return ledger.balances(tx, [user_id])[user_id]


def row_of(db: Database, id_: str) -> Row[Any]:
    """Return a job as it is stored."""
    with db.read() as tx:
        return tx.execute(select(jobs).where(jobs.c.id == id_)).one()
