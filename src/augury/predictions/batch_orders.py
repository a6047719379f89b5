"""A batch that is placed: its hold, its row and its chunks, in one transaction."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Select, func, select, text

from augury.files.forms import Plan
from augury.kit.clock import SECOND
from augury.kit.db import Database, ReadTx, insert_rows
from augury.kit.errors import Refusal
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, Posted, Replayed, TransferType
from augury.ledger.refusals import InsufficientCredits, refusal_of
from augury.predictions import allowances, batch_views
from augury.predictions.batch_schemas import BatchOut
from augury.predictions.tables import UNFINISHED_BATCH, batch_chunks, batches

# A batch that has not ended by then has failed. Its hold lasts longer than any clock is wrong.
DEADLINE_SECONDS = 24 * 3600
HOLD_SECONDS = DEADLINE_SECONDS + 600
MOST_UNFINISHED = 20
_RETRY_AFTER_SECONDS = 30


class TooManyBatches(Refusal):
    """The customer has as many unfinished batches as anybody may have."""

    code = "too_many_batches"
    status = 429


class NewBatch(msgspec.Struct, frozen=True):
    """A file to be predicted in the background, as it was planned."""

    id: str
    user_id: str
    model: str
    version: int
    explain: bool
    language: str
    file_name: str
    file_digest: str
    plan: Plan
    price_per_row: int
    created_at: int
    key: str | None
    fingerprint: str | None
    api_key_id: str | None = None

    @property
    def price(self) -> int:
        """What is held: every row that can be read may succeed."""
        return (self.plan.rows - self.plan.faulty_rows) * self.price_per_row


# A batch that is new, or the replay of an earlier one.
Ordered = tuple[BatchOut, bool]


def refuse_early(tx: ReadTx, user_id: str, price: int) -> None:
    """Raise what `place` would refuse in the end, as far as it shows before."""
    if _unfinished_of(tx, user_id) >= MOST_UNFINISHED:
        raise _too_many()
    balance = ledger.balances(tx, [user_id]).get(user_id)
    if balance is not None and balance.available < price:
        raise InsufficientCredits(required=price, available=balance.available)


def place(db: Database, batch: NewBatch) -> Ordered:
    """Hold what a batch can cost, store it with its chunks, and return it, or its replay.

    Raises a `Refusal` when nothing was held or stored.
    """
    hold = Instruction(
        new_id(),
        TransferType.HOLD,
        batch.user_id,
        batch.price,
        reference=batch.id,
        expires_at=batch.created_at + HOLD_SECONDS * SECOND,
        key=batch.key,
        fingerprint=batch.fingerprint,
    )
    with db.write() as tx:
        # The lock keeps others from filling the room that there is.
        ledger.lock_accounts(tx, [batch.user_id])
        unfinished = _unfinished_of(tx, batch.user_id)
        (outcome,) = allowances.post(tx, [batch], lambda _: hold)
        if isinstance(outcome, Replayed):
            return batch_views.answers(tx, [outcome.reference])[outcome.reference], True
        if isinstance(outcome, Refusal):
            raise outcome
        if not isinstance(outcome, Posted):
            balance = ledger.balances(tx, [batch.user_id]).get(batch.user_id, Balance())
            raise refusal_of(outcome, required=batch.price, available=balance.available)
        if unfinished >= MOST_UNFINISHED:
            raise _too_many()  # and the hold is undone
        row = _row(batch, hold.id)
        insert_rows(tx, batches, tuple(row), [tuple(row.values())])
        insert_rows(tx, batch_chunks, _CHUNK, list(_chunks(batch)))
        return batch_views.answers(tx, [batch.id])[batch.id], False


def _unfinished_of(tx: ReadTx, user_id: str) -> int:
    mine = (batches.c.user_id == user_id) & text(UNFINISHED_BATCH)
    found: Select[Any] = select(func.count()).select_from(batches).where(mine)
    return int(tx.execute(found).scalar_one())


def _too_many() -> TooManyBatches:
    return TooManyBatches(most=MOST_UNFINISHED, retry_after_seconds=_RETRY_AFTER_SECONDS)


_SAME = ("id", "user_id", "model", "version", "explain", "language", "file_name", "file_digest")


def _row(batch: NewBatch, hold_id: str) -> dict[str, Any]:
    return {
        name: getattr(batch, name) for name in (*_SAME, "price_per_row", "created_at", "api_key_id")
    } | {
        "form": msgspec.json.encode(batch.plan.form).decode(),
        "rows": batch.plan.rows,
        "chunks": len(batch.plan.marks),
        "held": batch.price,
        "hold_id": hold_id,
        "status": "queued",
        "chunks_done": 0,
        "rows_done": 0,
        "rows_failed": 0,
        "captured": 0,
        "deadline_at": batch.created_at + DEADLINE_SECONDS * SECOND,
    }


_CHUNK = (
    *("batch_id", "number", "row", "line", "position", "rows"),
    *("status", "attempts", "next_at", "rows_done", "rows_failed"),
)


def _chunks(batch: NewBatch) -> Iterator[tuple[str | int, ...]]:
    """Yield the rows of the chunks, in the order of `_CHUNK`."""
    marks = batch.plan.marks
    ends = [*(mark.row for mark in marks[1:]), batch.plan.rows]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True)):
        place = (batch.id, number, mark.row, mark.line, mark.position, end - mark.row)
        yield (*place, "queued", 0, batch.created_at, 0, 0)
