"""Which chunk of which batch is next, and who has it: leases as of jobs (`job_leases`)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Integer, Select, func, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, WriteTx
from augury.kit.ids import new_id
from augury.predictions.job_leases import FROM_THE_START, LEASE_SECONDS, RENEWAL_SECONDS
from augury.predictions.tables import UNFINISHED_BATCH, UNFINISHED_CHUNK, batch_chunks, batches

__all__ = ["FROM_THE_START", "RENEWAL_SECONDS", "Key", "Leased", "claim", "renew"]

# The batch and the number of the chunk.
Key = tuple[str, int]

_RENEW = Given(
    """
    UPDATE batch_chunks SET next_at = :until
    FROM {given}
    WHERE batch_chunks.batch_id = given.batch_id AND batch_chunks.number = given.number
      AND batch_chunks.lease_holder = given.holder AND batch_chunks.status = 'running'
    RETURNING batch_chunks.number
    """,
    batch_id=Id,
    number=Integer(),
    holder=Id,
)


class Leased(msgspec.Struct, frozen=True):
    """A chunk that is leased to `holder`; `attempts` counts the one that begins now."""

    batch_id: str
    number: int
    row: int
    line: int
    position: int
    attempts: int
    holder: str
    user_id: str
    model: str
    version: int
    explain: bool
    language: str
    file_digest: str
    form: str

    @property
    def key(self) -> Key:
        """What names the chunk."""
        return self.batch_id, self.number


_OF_BATCH = ("user_id", "model", "version", "explain", "language", "file_digest", "form")
_OF_CHUNK = ("batch_id", "number", "row", "line", "position", "attempts")
_FOUND = [
    *(batch_chunks.c[name] for name in _OF_CHUNK),
    *(batches.c[name] for name in _OF_BATCH),
    batches.c.status.label("batch_status"),
]


def claim(db: Database, after: str) -> Leased | None:
    """Lease the first chunk that is due of the next customer behind `after`, if there is any.

    Customers take turns in the order of their ids; the batches of one, and the chunks of a batch,
    come in their order.
    """
    with db.read() as tx:  # most looks find nothing, and should not make writers wait
        if tx.execute(_due()).first() is None:
            return None
    for start in (after, FROM_THE_START):
        with db.write() as tx:
            found = _claim(tx, batches.c.user_id > start)
        if found is not None or start == FROM_THE_START:
            return found
    return None


def _due(*more: ColumnElement[bool]) -> Select[Any]:
    moment = now()
    # Those past their deadline are failed by `batch_outcomes.fail_overdue`.
    return (
        select(*_FOUND)
        .join(batches, batches.c.id == batch_chunks.c.batch_id)
        .where(
            text(UNFINISHED_BATCH),
            text(UNFINISHED_CHUNK),
            batch_chunks.c.next_at <= moment,
            batches.c.deadline_at > moment,
            *more,
        )
        .order_by(batches.c.user_id, batches.c.id, batch_chunks.c.number)
        .limit(1)
    )


def _claim(tx: WriteTx, whose: ColumnElement[bool]) -> Leased | None:
    found = tx.execute(_due(whose).with_for_update(of=batch_chunks, skip_locked=True)).first()
    if found is None:
        return None
    moment, holder = now(), new_id()
    tx.execute(
        update(batch_chunks)
        .where(batch_chunks.c.batch_id == found.batch_id, batch_chunks.c.number == found.number)
        .values(
            status="running",
            attempts=batch_chunks.c.attempts + 1,
            next_at=moment + LEASE_SECONDS * SECOND,
            lease_holder=holder,
        )
    )
    if found.batch_status == "queued":
        # It may have been cancelled a moment ago: then the work will be for nothing, and unpaid.
        tx.execute(
            update(batches)
            .where(batches.c.id == found.batch_id, batches.c.status == "queued")
            .values(status="running", started_at=func.coalesce(batches.c.started_at, moment))
        )
    told = {name: getattr(found, name) for name in (*_OF_CHUNK, *_OF_BATCH)}
    return Leased(**told | {"attempts": found.attempts + 1, "holder": holder})


def renew(db: Database, held: Mapping[Key, str]) -> int:
    """Prolong the leases of chunks, given as holders by key; return how many still stood."""
    rows = [(batch_id, number, holder) for (batch_id, number), holder in sorted(held.items())]
    if not rows:
        return 0
    with db.write() as tx:
        return len(_RENEW.run(tx, rows, until=now() + LEASE_SECONDS * SECOND))
