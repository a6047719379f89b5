"""Which chunk of which batch is next, and who has it: leases as of jobs (`job_leases`)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    exists,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, ReadTx, WriteTx
from augury.kit.ids import new_id
from augury.predictions.job_leases import LEASE_SECONDS
from augury.predictions.leased import FROM_THE_START, Lease
from augury.predictions.tables import UNFINISHED_BATCH, UNFINISHED_CHUNK, batch_chunks, batches

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

_GIVE_BACK = Given(
    """
    UPDATE batch_chunks
    SET status = 'queued', lease_holder = NULL, next_at = :moment, attempts = attempts - 1
    FROM {given}
    WHERE batch_chunks.batch_id = given.batch_id AND batch_chunks.number = given.number
      AND batch_chunks.lease_holder = given.holder AND batch_chunks.status = 'running'
    RETURNING batch_chunks.number
    """,
    batch_id=Id,
    number=Integer(),
    holder=Id,
)


class Leased(Lease, frozen=True):
    """A chunk that is leased."""

    batch_id: str
    number: int
    row: int
    line: int
    position: int
    file_digest: str
    form: str

    @property
    def key(self) -> Key:
        """What names the chunk."""
        return self.batch_id, self.number


_OF_BATCH = (
    "user_id",
    "model",
    "version",
    "explain",
    "language",
    "deadline_at",
    "file_digest",
    "form",
)
_OF_CHUNK = ("batch_id", "number", "row", "line", "position")
# Behind every batch of a customer.
_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def claim(db: Database, after: str) -> Leased | None:
    """Lease the first chunk that is due of the next customer behind `after`, if there is any.

    Customers take turns in the order of their ids; the batches of one, and the chunks of a batch,
    come in their order.
    """
    with db.read() as tx:  # most looks find nothing, and should not make writers wait
        if _next_batch(tx, FROM_THE_START, FROM_THE_START, now()) is None:
            return None
    for start in (after, FROM_THE_START):
        with db.write() as tx:
            found = _claim(tx, start)
        if found is not None or start == FROM_THE_START:
            return found
    return None


def _next_batch(tx: ReadTx, user_id: str, batch_id: str, moment: int) -> Row[Any] | None:
    """Return the first batch behind one of a customer that has a chunk to take up."""
    behind = tuple_(batches.c.user_id, batches.c.id) > tuple_(
        literal(user_id, Id), literal(batch_id, Id)
    )
    # Those past their deadline are failed by `batch_outcomes.fail_overdue`.
    return tx.execute(
        select(
            batches.c.id,
            batches.c.status,
            batches.c.started_at,
            *(batches.c[name] for name in _OF_BATCH),
        )
        .where(
            text(UNFINISHED_BATCH),
            behind,
            batches.c.deadline_at > moment,
            exists().where(batch_chunks.c.batch_id == batches.c.id, *_due(moment)),
        )
        .order_by(batches.c.user_id, batches.c.id)
        .limit(1)
    ).first()


def count_due(db: Database, most: int) -> int:
    """Return how many chunks wait to be claimed; at `most`, there may be more."""
    moment = now()
    some = (
        select(batch_chunks.c.number)
        .join(batches, batches.c.id == batch_chunks.c.batch_id)
        .where(text(UNFINISHED_BATCH), batches.c.deadline_at > moment, *_due(moment))
        .limit(most)
        .subquery()
    )
    with db.read() as tx:
        return tx.execute(select(func.count()).select_from(some)).scalar_one()


def _due(moment: int) -> tuple[ColumnElement[bool], ...]:
    return text(UNFINISHED_CHUNK), batch_chunks.c.next_at <= moment  # type: ignore[return-value] # a text is a condition too


def _claim(tx: WriteTx, after: str) -> Leased | None:
    moment, place = now(), (after, _LAST)
    while (batch := _next_batch(tx, *place, moment)) is not None:
        found = tx.execute(
            select(batch_chunks)
            .where(batch_chunks.c.batch_id == batch.id, *_due(moment))
            .order_by(batch_chunks.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if found is not None:
            return _lease(tx, batch, found, moment)
        place = (batch.user_id, batch.id)  # others are taking what is due of it
    return None


def _lease(tx: WriteTx, batch: Row[Any], found: Row[Any], moment: int) -> Leased:
    holder = new_id()
    tx.execute(
        update(batch_chunks)
        .where(batch_chunks.c.batch_id == batch.id, batch_chunks.c.number == found.number)
        .values(
            status="running",
            attempts=batch_chunks.c.attempts + 1,
            next_at=moment + LEASE_SECONDS * SECOND,
            lease_holder=holder,
        )
    )
    if batch.status == "queued":
        # It may have been cancelled a moment ago: then the work will be for nothing, and unpaid.
        tx.execute(
            update(batches)
            .where(batches.c.id == batch.id, batches.c.status == "queued")
            .values(status="running", started_at=func.coalesce(batches.c.started_at, moment))
        )
    told = {name: getattr(batch, name) for name in _OF_BATCH}
    told |= {name: getattr(found, name) for name in _OF_CHUNK}
    told["started_at"] = moment if batch.started_at is None else batch.started_at
    return Leased(**told, attempts=found.attempts + 1, holder=holder)


def renew(db: Database, held: Mapping[Key, str]) -> int:
    """Prolong the leases of chunks, given as holders by key; return how many still stood."""
    if not held:
        return 0
    with db.write() as tx:
        return len(_RENEW.run(tx, _rows(held), until=now() + LEASE_SECONDS * SECOND))


def give_back(db: Database, held: Mapping[Key, str]) -> int:
    """Let others begin anew with chunks, given as holders by key; return how many still stood.

    Whoever does this stops and is not to blame, so the attempt does not count.
    """
    if not held:
        return 0
    with db.write() as tx:
        return len(_GIVE_BACK.run(tx, _rows(held), moment=now()))


def _rows(held: Mapping[Key, str]) -> list[tuple[str, int, str]]:
    return [(batch_id, number, holder) for (batch_id, number), holder in sorted(held.items())]
