"""What comes of a job, each in one transaction: a paid prediction, another try, or nothing paid.

Every statement here is guarded by the lease. Who has lost it stores nothing and charges nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx, insert_rows
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Posted, TransferType
from augury.notices.service import EventType
from augury.predictions import history
from augury.predictions.job_leases import Job
from augury.predictions.jobs import ENDED, FAILED, QUEUED, RUNNING, release
from augury.predictions.tables import UNFINISHED, jobs, predictions
from augury.predictions.till import COLUMNS, SUCCEEDED, tell

_ENDED_AT_ONCE = 500


class _HoldIsGoneError(Exception):
    """Nothing is held for the job any more, so its result must not be stored."""


def succeed(db: Database, job: Job, outputs: str) -> bool:
    """Capture what was held and store the prediction; return whether that came about."""
    try:
        with db.write() as tx:
            moment = now()
            won = delete(jobs).where(*_held(job), jobs.c.deadline_at > moment)
            if not tx.execute(won).rowcount:
                return False
            transfer_id = _capture(tx, job)
            _store(tx, job, outputs, transfer_id, moment)
            answer = history.answers(tx, [job.id])[job.id]
            tell(tx, EventType.PREDICTION_SUCCEEDED, [(job.user_id, answer)])
            return True
    except _HoldIsGoneError:
        fail(db, job, "hold_expired")
        return False


def _held(job: Job) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == job.id, jobs.c.lease_holder == job.holder, jobs.c.status == RUNNING


def _capture(tx: WriteTx, job: Job) -> str:
    capture = Instruction(
        new_id(),
        TransferType.CAPTURE,
        job.user_id,
        job.price,
        reference=job.id,
        hold_id=job.hold_id,
    )
    (outcome,) = ledger.post(tx, [capture])
    if not isinstance(outcome, Posted):
        raise _HoldIsGoneError(outcome)
    return outcome.transfer_id


def _store(tx: WriteTx, job: Job, outputs: str, transfer_id: str, moment: int) -> None:
    told = {
        "status": SUCCEEDED,
        "outputs": outputs,
        "transfer_id": transfer_id,
        "completed_at": moment,
    }
    row = [told[name] if name in told else getattr(job, name) for name in COLUMNS]
    insert_rows(tx, predictions, COLUMNS, [row])


def postpone(db: Database, job: Job, seconds: float, attempts: int) -> bool:
    """Let the job be tried again after a while, so many attempts counting against it.

    Returns whether it was still held.
    """
    again = (
        update(jobs)
        .where(*_held(job))
        .values(
            status=QUEUED,
            lease_holder=None,
            next_at=now() + int(seconds * SECOND),
            attempts=attempts,
        )
    )
    with db.write() as tx:
        return tx.execute(again).rowcount == 1


def fail(db: Database, job: Job, error: str) -> bool:
    """End the job without a result and free what was held; return whether it was still held."""
    with db.write() as tx:
        return _fail(tx, _held(job), error) == 1


def fail_overdue(db: Database) -> int:
    """End jobs whose deadline has passed, whoever has them; return how many."""
    overdue = (
        select(jobs.c.id)
        .where(text(UNFINISHED), jobs.c.deadline_at <= now())
        .order_by(jobs.c.deadline_at)
        .limit(_ENDED_AT_ONCE)
    )
    with db.read() as tx:
        ids = sorted(tx.execute(overdue).scalars())
    if not ids:
        return 0
    # In the order of their ids, and without waiting for whoever has locked one.
    free = (
        select(jobs.c.id)
        .where(jobs.c.id.in_(ids), text(UNFINISHED))
        .order_by(jobs.c.id)
        .with_for_update(skip_locked=True)
    )
    with db.write() as tx:
        return _fail(tx, [jobs.c.id.in_(free)], "deadline_passed")


def _fail(tx: WriteTx, which: Sequence[ColumnElement[bool]], error: str) -> int:
    ended: Sequence[Row[Any]] = tx.execute(
        update(jobs)
        .where(*which)
        .values(status=FAILED, error=error, completed_at=now(), lease_holder=None)
        .returning(*ENDED)
    ).all()
    if ended:
        release(tx, ended)
        found = history.answers(tx, [row.id for row in ended])
        news = [(row.user_id, found[row.id]) for row in ended]
        tell(tx, EventType.PREDICTION_FAILED, news)
    return len(ended)
