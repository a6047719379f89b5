"""Predictions in the background: ordered with their price held, and cancelled before they start."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from augury.kit.clock import SECOND, now, rfc3339
from augury.kit.db import Database, Given, Id, WriteTx, insert_rows
from augury.kit.errors import NotFound, Refusal
from augury.kit.ids import is_id, new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Posted, Refused, TransferType
from augury.predictions import allowances, history
from augury.predictions.closing import DEADLINE_SECONDS
from augury.predictions.schemas import PredictionAnswer
from augury.predictions.tables import jobs, predictions
from augury.predictions.till import Sold, results_of
from augury.users import keys

# A job that has not succeeded by then has failed. Its hold lasts longer than any clock is wrong.
HOLD_SECONDS = DEADLINE_SECONDS + 600
MOST_UNFINISHED = 1000
_RETRY_AFTER_SECONDS = 10

QUEUED, RUNNING, FAILED, CANCELLED = "queued", "running", "failed", "cancelled"

_UNFINISHED = Given(
    """
    SELECT given.user_id, (
      SELECT COUNT(*) FROM jobs
      WHERE status IN ('queued', 'running') AND jobs.user_id = given.user_id)
    FROM {given}
    """,
    user_id=Id,
)


class TooManyJobs(Refusal):
    """The customer has as many unfinished predictions as anybody may have."""

    code = "too_many_jobs"
    status = 429


class NotCancellable(Refusal):
    """The prediction has begun, or is over."""

    code = "not_cancellable"
    status = 409


class NewJob(msgspec.Struct, frozen=True):
    """A prediction to be made in the background. `inputs` and `warnings` are JSON text."""

    id: str
    user_id: str
    model: str
    version: int
    explain: bool
    language: str
    rows: int
    price: int
    inputs: str
    warnings: str
    hold_id: str
    created_at: int
    key: str | None
    fingerprint: str | None
    api_key_id: str | None = None


_STATED = ("status", "attempts", "next_at", "deadline_at")
_TAKEN = tuple(name for name in NewJob.__struct_fields__ if name in jobs.c)
_COLUMNS = (*_TAKEN, *_STATED)


def place(db: Database, wanted: Sequence[NewJob]) -> list[Sold | Exception]:
    """Hold the price of many jobs and store them in one commit; return what each was answered."""
    with db.write() as tx:
        allowed = _within_limits(tx, wanted)
        outcomes = allowances.post(tx, allowed, _hold)
        rows = [
            _row(job)
            for job, outcome in zip(allowed, outcomes, strict=True)
            if isinstance(outcome, Posted)
        ]
        insert_rows(tx, jobs, _COLUMNS, rows)
        results = results_of(tx, allowed, outcomes, lambda job, _held: _answer(job))
        answered = {job.id: result for job, result in zip(allowed, results, strict=True)}
        return [answered.get(job.id) or _too_many() for job in wanted]


def _within_limits(tx: WriteTx, wanted: Sequence[NewJob]) -> list[NewJob]:
    """Return those for which there is room; the locks keep others from filling it meanwhile."""
    user_ids = sorted({job.user_id for job in wanted})
    ledger.lock_accounts(tx, user_ids)
    unfinished = dict(_UNFINISHED.run(tx, [(user_id,) for user_id in user_ids]))
    allowed = []
    for job in wanted:
        if unfinished[job.user_id] < MOST_UNFINISHED:
            unfinished[job.user_id] += 1
            allowed.append(job)
    return allowed


def _too_many() -> TooManyJobs:
    return TooManyJobs(most=MOST_UNFINISHED, retry_after_seconds=_RETRY_AFTER_SECONDS)


def _hold(job: NewJob) -> Instruction:
    return Instruction(
        job.hold_id,
        TransferType.HOLD,
        job.user_id,
        job.price,
        reference=job.id,
        expires_at=job.created_at + HOLD_SECONDS * SECOND,
        key=job.key,
        fingerprint=job.fingerprint,
    )


def _row(job: NewJob) -> tuple[Any, ...]:
    """Return the stored row, in the order of `_COLUMNS`."""
    stated = (QUEUED, 0, job.created_at, job.created_at + DEADLINE_SECONDS * SECOND)
    return (*(getattr(job, name) for name in _TAKEN), *stated)


def _answer(job: NewJob) -> PredictionAnswer:
    return PredictionAnswer(
        id=job.id,
        status="queued",
        model=job.model,
        version=job.version,
        rows=job.rows,
        price=job.price,
        outputs=None,
        warnings=msgspec.Raw(job.warnings.encode()),  # type: ignore[arg-type]
        charge=None,
        error=None,
        created_at=rfc3339(job.created_at),
        completed_at=None,
        expired_at=None,
    )


# What has to be known of a job to free what was held for it.
ENDED = (jobs.c.id, jobs.c.user_id, jobs.c.hold_id, jobs.c.price, jobs.c.api_key_id)


def cancel(db: Database, user_id: str, prediction_id: str) -> PredictionAnswer:
    """Cancel a customer's prediction that has not begun and free what was held for it.

    One that is cancelled already is returned as it is. Raises `NotFound`, and `NotCancellable`
    when it has begun or is over.
    """
    if not is_id(prediction_id):
        raise NotFound
    with db.write() as tx:
        cancelled = tx.execute(
            update(jobs)
            .where(jobs.c.id == prediction_id, jobs.c.user_id == user_id, jobs.c.status == QUEUED)
            .values(status=CANCELLED, completed_at=now())
            .returning(*ENDED)
        ).all()
        if cancelled:
            release(tx, cancelled)
        else:
            _refuse_unless_cancelled(tx, user_id, prediction_id)
        return history.answers(tx, [prediction_id])[prediction_id]


def _refuse_unless_cancelled(tx: WriteTx, user_id: str, prediction_id: str) -> None:
    status = None
    for table in (jobs, predictions):
        mine = (table.c.id == prediction_id) & (table.c.user_id == user_id)
        status = tx.execute(select(table.c.status).where(mine)).scalar() or status
    if status is None:
        raise NotFound
    if status != CANCELLED:
        raise NotCancellable(prediction_status=status)


def release(tx: WriteTx, ended: Sequence[Row[Any]]) -> None:
    """Free what was held for jobs that ended without a result, unless its time freed it before."""
    releases = [
        Instruction(new_id(), TransferType.RELEASE, row.user_id, 0, row.id, hold_id=row.hold_id)
        for row in ended
    ]
    for outcome in ledger.post(tx, releases):
        if not isinstance(outcome, Posted) and outcome is not Refused.HOLD_RESOLVED:
            message = f"the hold of a job cannot be released: {outcome}"
            raise AssertionError(message)
    keys.give_back(tx, ((row.api_key_id, row.price) for row in ended))
