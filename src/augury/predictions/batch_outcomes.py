"""What comes of batches, each in one transaction: a chunk that is done, the end, another try.

What a chunk came to is stored only for who still holds its lease, and only while its batch runs.
Locks are taken in one order, so that nobody waits in a circle: the chunk, its batch, the account.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, Row, Update, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.kit.errors import NotFound, Refusal
from augury.kit.ids import is_id, new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Posted, Refused, TransferType
from augury.notices import service as notices
from augury.notices.service import Event, EventType
from augury.predictions import batch_views
from augury.predictions.batch_leases import Leased
from augury.predictions.batch_schemas import BatchOut
from augury.predictions.batch_views import NO_ROW_SUCCEEDED
from augury.predictions.tables import UNFINISHED_BATCH, batch_chunks, batches
from augury.predictions.takings import count_sale
from augury.users import keys

QUEUED, RUNNING, DONE = "queued", "running", "done"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"

_ENDED_AT_ONCE = 100
_TOLD = {SUCCEEDED: EventType.BATCH_SUCCEEDED, FAILED: EventType.BATCH_FAILED}
# What an end needs to know of its batch.
_KNOWN = (
    batches.c.id,
    batches.c.user_id,
    batches.c.hold_id,
    batches.c.held,
    batches.c.api_key_id,
    batches.c.price_per_row,
    batches.c.rows_done,
    batches.c.chunks_done,
    batches.c.chunks,
)


class BatchEnded(Refusal):
    """The batch is over already."""

    code = "batch_ended"
    status = 409


class Made(NamedTuple):
    """What came of a chunk: its part in the store, and for how many rows there is a result."""

    part_digest: str
    rows_done: int
    rows_failed: int


class _IsOverError(Exception):
    """The lease was lost or the batch has ended: what came of the chunk must not be stored."""


class _HoldIsGoneError(Exception):
    """Nothing is held for the batch any more, so it must not end as one that is paid."""


def finish(db: Database, chunk: Leased, made: Made) -> bool:
    """Store what came of a chunk, and with the last one pay and end the batch.

    Returns whether that came about: not when the lease was lost or the batch has ended.
    """
    try:
        with db.write() as tx:
            batch = _finish(tx, chunk, made)
    except _IsOverError:
        return False
    except _HoldIsGoneError:
        fail(db, chunk, "hold_expired")
        return False
    if batch.chunks_done == batch.chunks and batch.rows_done:
        price = batch.rows_done * batch.price_per_row
        count_sale(chunk.model, chunk.version, batch.rows_done, price)
    return True


def _finish(tx: WriteTx, chunk: Leased, made: Made) -> Row[Any]:
    """Return the batch with the chunk counted, ended if it was the last."""
    batch = None
    if tx.execute(_done(chunk, made)).rowcount:
        batch = tx.execute(_counted(chunk, made)).first()
    if batch is None:
        raise _IsOverError  # what was written of the chunk is undone
    if batch.chunks_done == batch.chunks:
        error = None if batch.rows_done else NO_ROW_SUCCEEDED
        _end(tx, batch, FAILED if error else SUCCEEDED, error, pays=True)
    return batch


def _held(chunk: Leased) -> tuple[ColumnElement[bool], ...]:
    return (
        batch_chunks.c.batch_id == chunk.batch_id,
        batch_chunks.c.number == chunk.number,
        batch_chunks.c.lease_holder == chunk.holder,
        batch_chunks.c.status == RUNNING,
    )


def _done(chunk: Leased, made: Made) -> Update:
    return (
        update(batch_chunks)
        .where(*_held(chunk))
        .values(status=DONE, lease_holder=None, **made._asdict())
    )


def _counted(chunk: Leased, made: Made) -> Executable:
    # One statement, so that of two chunks that end at the same time one sees that it is the last.
    counted = (
        update(batches)
        .where(
            batches.c.id == chunk.batch_id,
            batches.c.status == RUNNING,
            batches.c.deadline_at > now(),
        )
        .values(
            chunks_done=batches.c.chunks_done + 1,
            rows_done=batches.c.rows_done + made.rows_done,
            rows_failed=batches.c.rows_failed + made.rows_failed,
        )
    )
    return counted.returning(*_KNOWN)


def postpone(db: Database, chunk: Leased, seconds: float, attempts: int) -> bool:
    """Let the chunk be tried again after a while, so many attempts counting against it.

    Returns whether it was still held.
    """
    again = (
        update(batch_chunks)
        .where(*_held(chunk))
        .values(
            status=QUEUED,
            lease_holder=None,
            next_at=now() + int(seconds * SECOND),
            attempts=attempts,
        )
    )
    with db.write() as tx:
        return tx.execute(again).rowcount == 1


def fail(db: Database, chunk: Leased, error: str) -> bool:
    """End the batch of a chunk without results and free what was held for it.

    Returns whether that came about: not when the lease was lost or the batch has ended.
    """
    with db.write() as tx:
        mine = select(batch_chunks.c.number).where(*_held(chunk)).with_for_update()
        if tx.execute(mine).first() is None:
            return False
        return _end_unfinished(tx, batches.c.id == chunk.batch_id, FAILED, error) == 1


def fail_overdue(db: Database) -> int:
    """End the batches whose deadline has passed, whoever works on them; return how many."""
    overdue = (
        select(batches.c.id)
        .where(text(UNFINISHED_BATCH), batches.c.deadline_at <= now())
        .order_by(batches.c.id)
        .limit(_ENDED_AT_ONCE)
    )
    with db.read() as tx:
        ids = tx.execute(overdue).scalars().all()
    ended = 0
    for id_ in ids:
        with db.write() as tx:
            ended += _end_unfinished(tx, batches.c.id == id_, FAILED, "deadline_passed")
    return ended


def cancel(db: Database, user_id: str, batch_id: str) -> BatchOut:
    """End a customer's batch: what was made by now is paid for, the rest of what is held is free.

    One that is cancelled already is returned as it is. Raises `NotFound`, and `BatchEnded` when it
    has succeeded or failed.
    """
    if not is_id(batch_id):
        raise NotFound
    mine = (batches.c.id == batch_id) & (batches.c.user_id == user_id)
    try:
        with db.write() as tx:
            if not _end_unfinished(tx, mine, CANCELLED, None, pays=True):
                _refuse_unless_cancelled(tx, mine)
            return batch_views.answers(tx, [batch_id])[batch_id]
    except _HoldIsGoneError:
        with db.write() as tx:
            _end_unfinished(tx, mine, FAILED, "hold_expired")
            return batch_views.answers(tx, [batch_id])[batch_id]


def _refuse_unless_cancelled(tx: WriteTx, mine: ColumnElement[bool]) -> None:
    status = tx.execute(select(batches.c.status).where(mine)).scalar()
    if status is None:
        raise NotFound
    if status != CANCELLED:
        raise BatchEnded(batch_status=status)


def _end_unfinished(
    tx: WriteTx, which: ColumnElement[bool], status: str, error: str | None, *, pays: bool = False
) -> int:
    ended = tx.execute(
        update(batches)
        .where(which, text(UNFINISHED_BATCH))
        .values(status=status)
        .returning(*_KNOWN)
    ).all()
    for batch in ended:
        _end(tx, batch, status, error, pays=pays)
    return len(ended)


def _end(tx: WriteTx, batch: Row[Any], status: str, error: str | None, *, pays: bool) -> None:
    """Resolve the hold of a batch that is locked, write how it ended, and tell its customer."""
    captured = batch.rows_done * batch.price_per_row if pays else 0
    transfer_id = _capture(tx, batch, captured) if captured else None
    if transfer_id is None:
        _release(tx, batch)
    keys.give_back(tx, [(batch.api_key_id, batch.held - captured)])
    tx.execute(
        update(batches)
        .where(batches.c.id == batch.id)
        .values(
            status=status,
            error=error,
            transfer_id=transfer_id,
            captured=captured,
            completed_at=now(),
        )
    )
    type_ = _TOLD.get(status)
    if type_ is not None and notices.subscribers(tx, type_, [batch.user_id]):
        told = batch_views.answers(tx, [batch.id])[batch.id]
        notices.publish(tx, [Event(type_, batch.user_id, told.model_dump(mode="json"))])


def _capture(tx: WriteTx, batch: Row[Any], amount: int) -> str:
    capture = Instruction(
        new_id(), TransferType.CAPTURE, batch.user_id, amount, batch.id, hold_id=batch.hold_id
    )
    (outcome,) = ledger.post(tx, [capture])
    if isinstance(outcome, Posted):
        return outcome.transfer_id
    if outcome in {Refused.HOLD_EXPIRED, Refused.HOLD_RESOLVED}:
        raise _HoldIsGoneError(outcome)
    message = f"the hold of a batch cannot be captured: {outcome}"
    raise AssertionError(message)


def _release(tx: WriteTx, batch: Row[Any]) -> None:
    release = Instruction(
        new_id(), TransferType.RELEASE, batch.user_id, 0, batch.id, hold_id=batch.hold_id
    )
    (outcome,) = ledger.post(tx, [release])
    if not isinstance(outcome, Posted) and outcome is not Refused.HOLD_RESOLVED:
        message = f"the hold of a batch cannot be released: {outcome}"
        raise AssertionError(message)
