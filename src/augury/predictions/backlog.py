"""How much work waits in the background: what more workers would help with."""

from dataclasses import dataclass

from sqlalchemy import Subquery, case, func, select, text

from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx
from augury.predictions.batch_orders import DEADLINE_SECONDS as BATCH_DEADLINE_SECONDS
from augury.predictions.closing import DEADLINE_SECONDS
from augury.predictions.tables import (
    UNFINISHED,
    UNFINISHED_BATCH,
    UNFINISHED_CHUNK,
    batch_chunks,
    batches,
    jobs,
)

# Who scrapes must not pay for a long queue; that it is at least so long says enough.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work of one kind: all that is not finished, and what of it waits or is worked on now.

    `oldest_seconds` is how long ago the oldest unfinished one was ordered; 0 when there is none.
    """

    unfinished: int
    due: int
    running: int
    oldest_seconds: float


def backlogs(tx: ReadTx) -> dict[str, Backlog]:
    """Return what waits, by kind of work. Each kind is a queue of its own for workers."""
    return {"prediction": _predictions(tx), "batch": _batches(tx)}


def _predictions(tx: ReadTx) -> Backlog:
    moment = now()
    some = (
        select(jobs.c.next_at, jobs.c.status).where(text(UNFINISHED)).limit(MOST_COUNTED).subquery()
    )
    counted, due, running = _count(tx, some, moment)
    # Every job has as long from its order on, so the index by deadline knows the oldest.
    first = tx.execute(select(func.min(jobs.c.deadline_at)).where(text(UNFINISHED))).scalar()
    age = 0.0 if first is None else (moment - first) / SECOND + DEADLINE_SECONDS
    return Backlog(counted, due, running, max(0.0, age))


def _batches(tx: ReadTx) -> Backlog:
    """Return the chunks of unfinished batches, and the age of the oldest batch."""
    moment = now()
    some = (
        select(batch_chunks.c.next_at, batch_chunks.c.status)
        .join(batches, batches.c.id == batch_chunks.c.batch_id)
        .where(text(UNFINISHED_BATCH), text(UNFINISHED_CHUNK))
        .limit(MOST_COUNTED)
        .subquery()
    )
    counted, due, running = _count(tx, some, moment)
    first = tx.execute(select(func.min(batches.c.deadline_at)).where(text(UNFINISHED_BATCH)))
    deadline = first.scalar()
    age = 0.0 if deadline is None else (moment - deadline) / SECOND + BATCH_DEADLINE_SECONDS
    return Backlog(counted, due, running, max(0.0, age))


def _count(tx: ReadTx, some: Subquery, moment: int) -> tuple[int, int, int]:
    """Return how many there are, how many wait, and how many somebody has a lease for."""
    is_due = some.c.next_at <= moment
    due = func.sum(case((is_due, 1), else_=0))
    # A lease that has run out was left behind by somebody who died.
    running = func.sum(case((~is_due & (some.c.status == "running"), 1), else_=0))
    counted, waiting, leased = tx.execute(
        select(func.count(), due, running).select_from(some)
    ).one()
    return counted, int(waiting or 0), int(leased or 0)
