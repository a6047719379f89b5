"""Which job is next, and who has it: leases by compare-and-swap, as for deliveries.

Whoever takes a job becomes its holder by one guarded statement and moves its next moment on. When
the holder's process dies, that moment comes and somebody else takes the job. What came of it is
stored only for who still holds it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, ReadTx
from augury.kit.ids import new_id
from augury.predictions.leased import FROM_THE_START, Lease
from augury.predictions.tables import UNFINISHED, jobs

LEASE_SECONDS = 15
RENEWAL_SECONDS = 5

_RENEW = Given(
    """
    UPDATE jobs SET next_at = :until
    FROM {given}
    WHERE jobs.id = given.id AND jobs.lease_holder = given.holder AND jobs.status = 'running'
    RETURNING jobs.id
    """,
    id=Id,
    holder=Id,
)

_GIVE_BACK = Given(
    """
    UPDATE jobs SET status = 'queued', lease_holder = NULL, next_at = :moment,
      attempts = jobs.attempts - 1
    FROM {given}
    WHERE jobs.id = given.id AND jobs.lease_holder = given.holder AND jobs.status = 'running'
    RETURNING jobs.id
    """,
    id=Id,
    holder=Id,
)


class Job(Lease, frozen=True):
    """A job that is leased."""

    id: str
    rows: int
    price: int
    inputs: str
    warnings: str
    hold_id: str
    created_at: int

    @property
    def key(self) -> str:
        """What names the job."""
        return self.id


_COLUMNS = [
    jobs.c.lease_holder.label("holder") if name == "holder" else jobs.c[name]
    for name in Job.__struct_fields__
]


def claim(db: Database, after: str) -> Job | None:
    """Lease the job that has waited longest of the next customer behind `after`, if any is due.

    Customers take turns in the order of their ids, so that a thousand jobs of one do not keep
    another's single job waiting.
    """
    with db.read() as tx:  # most looks find nothing, and should not make writers wait
        if not _is_any_due(tx):
            return None
    for start in (after, FROM_THE_START):
        found = _claim(db, jobs.c.user_id > start)
        if found is not None or start == FROM_THE_START:
            return found
    return None


def _due(*more: ColumnElement[bool]) -> Select[Any]:
    moment = now()
    # Those past their deadline are failed by `job_outcomes.fail_overdue`.
    return (
        select(jobs.c.id)
        .where(text(UNFINISHED), jobs.c.next_at <= moment, jobs.c.deadline_at > moment, *more)
        .order_by(jobs.c.user_id, jobs.c.next_at)
        .limit(1)
    )


def count_due(db: Database, most: int) -> int:
    """Return how many jobs wait to be claimed; at `most`, there may be more."""
    some = _due().order_by(None).limit(most).subquery()
    with db.read() as tx:
        return tx.execute(select(func.count()).select_from(some)).scalar_one()


def _is_any_due(tx: ReadTx) -> bool:
    return tx.execute(_due()).first() is not None


def _claim(db: Database, whose: ColumnElement[bool]) -> Job | None:
    moment = now()
    following = _due(whose).with_for_update(skip_locked=True).scalar_subquery()
    with db.write() as tx:
        row = tx.execute(
            update(jobs)
            .where(jobs.c.id == following)
            .values(
                status="running",
                attempts=jobs.c.attempts + 1,
                next_at=moment + LEASE_SECONDS * SECOND,
                lease_holder=new_id(),
                started_at=func.coalesce(jobs.c.started_at, moment),
            )
            .returning(*_COLUMNS)
        ).first()
    return None if row is None else Job(*row)


def renew(db: Database, held: Mapping[str, str]) -> int:
    """Prolong the leases of jobs, given as holders by id; return how many still stood."""
    rows = sorted(held.items())
    if not rows:
        return 0
    with db.write() as tx:
        return len(_RENEW.run(tx, rows, until=now() + LEASE_SECONDS * SECOND))


def give_back(db: Database, held: Mapping[str, str]) -> int:
    """Let others begin anew with jobs, given as holders by id; return how many still stood.

    Whoever does this stops and is not to blame, so the attempt does not count.
    """
    rows = sorted(held.items())
    if not rows:
        return 0
    with db.write() as tx:
        return len(_GIVE_BACK.run(tx, rows, moment=now()))
