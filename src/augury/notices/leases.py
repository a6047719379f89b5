"""Which deliveries are due, who carries one out, and what came of it.

Whoever attempts a delivery first moves its next moment on, by a guarded statement that only one
can win: that is the lease. When its process dies, the moment comes by itself. What came of the
attempt is stored only while the lease still stands as it was taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, or_, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Given, Id, Int64, ReadTx, WriteTx, locked
from augury.kit.ids import first_id
from augury.notices.service import Event, EventType, publish
from augury.notices.tables import deliveries, endpoints

# Longer than an attempt may take, together with what the machine may be late.
LEASE = 60 * SECOND
FROM_THE_START = "00000000-0000-0000-0000-000000000000"
# An endpoint is disabled after so many deliveries given up in a row, or when nothing got through
# for so long: of an endpoint that only keeps us waiting, hardly any delivery is ever given up.
MOST_FAILURES = 10
LONGEST_FAILING = 3 * 24 * 3600 * SECOND
KEPT = 30 * 24 * 3600 * SECOND
EACH = 4
_MOST_LANES = 200
_GIVEN_UP_AT_ONCE = 1000
DISABLED = "endpoint_disabled"


@dataclass(frozen=True, slots=True)
class Lane:
    """What is due for one endpoint, the longest waiting first."""

    user_id: str
    endpoint_id: str
    active: bool
    due: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that is leased; `attempts` counts the one that begins now."""

    id: str
    user_id: str
    endpoint_id: str | None
    event_id: str
    body: str
    attempts: int
    lease: int
    created_at: int
    url: str
    sealed_secret: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `next_at` is when the next one is, if it is still pending."""

    parcel: Parcel
    status: str
    next_at: int
    answer_status: int | None
    answer: str
    gone: bool = False


def _nth(place: int) -> str:
    return (
        "(SELECT one.id FROM deliveries one WHERE one.status = 'pending'"  # noqa: S608 -- our own number
        " AND one.endpoint_id = lanes.endpoint_id AND one.next_at <= :moment"
        f" ORDER BY one.next_at LIMIT 1 OFFSET {place})"
    )


# Skips along the index from one waiting endpoint to the next, and looks at the head of each queue:
# a million deliveries for one endpoint cost no more than four.
_LANES = text(
    f"""
    WITH RECURSIVE lanes (endpoint_id, place) AS (
      SELECT (
        SELECT one.endpoint_id FROM deliveries one
        WHERE one.status = 'pending' AND one.endpoint_id > :after
        ORDER BY one.endpoint_id LIMIT 1), 1
      UNION ALL
      SELECT (
        SELECT one.endpoint_id FROM deliveries one
        WHERE one.status = 'pending' AND one.endpoint_id > lanes.endpoint_id
        ORDER BY one.endpoint_id LIMIT 1), lanes.place + 1
      FROM lanes WHERE lanes.endpoint_id IS NOT NULL AND lanes.place < :most
    )
    SELECT endpoints.user_id, endpoints.id, endpoints.status = 'active' AS active,
      {", ".join(map(_nth, range(EACH)))}
    FROM lanes JOIN webhook_endpoints endpoints ON endpoints.id = lanes.endpoint_id
    ORDER BY lanes.place
    """  # noqa: S608 -- our own text
).bindparams(bindparam("after", type_=Id), bindparam("moment", type_=Int64))

_RECORD = Given(
    """
    UPDATE deliveries
    SET status = given.status, next_at = given.next_at, completed_at = given.completed_at,
        answer_status = given.answer_status, answer = given.answer
    FROM {given}
    WHERE deliveries.id = given.id AND deliveries.status = 'pending'
      AND deliveries.next_at = given.lease
    RETURNING deliveries.id
    """,
    id=Id,
    lease=Int64,
    status=deliveries.c.status.type,
    next_at=Int64,
    completed_at=Int64,
    answer_status=Integer(),
    answer=deliveries.c.answer.type,
)


def due_lanes(tx: ReadTx, after: str) -> tuple[list[Lane], str]:
    """Return endpoints with what is due for each, and where to go on looking next time."""
    values = {"after": after, "most": _MOST_LANES, "moment": now()}
    rows = tx.execute(_LANES, values).all()
    lanes = [
        Lane(user_id, endpoint_id, bool(active), tuple(filter(None, due)))
        for user_id, endpoint_id, active, *due in rows
    ]
    following = lanes[-1].endpoint_id if len(rows) == _MOST_LANES else FROM_THE_START
    return [lane for lane in lanes if lane.due], following


def due_mails(tx: ReadTx, most: int) -> list[str]:
    """Return e-mails that are due."""
    found = tx.execute(
        select(deliveries.c.id)
        .where(
            text("status = 'pending'"),  # as the index says it; a parameter would hide that
            deliveries.c.endpoint_id.is_(None),
            deliveries.c.next_at <= now(),
        )
        .order_by(deliveries.c.next_at)
        .limit(most)
    )
    return list(found.scalars())


def claim(tx: WriteTx, ids: Sequence[str]) -> list[Parcel]:
    """Lease those of the deliveries that are still due and nobody else takes; return them."""
    moment = now()
    free = (
        select(deliveries.c.id)
        .where(
            deliveries.c.id.in_(ids),
            deliveries.c.status == "pending",
            deliveries.c.next_at <= moment,
        )
        .order_by(deliveries.c.id)
        .with_for_update(skip_locked=True)
    )
    won = tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(free))
        .values(attempts=deliveries.c.attempts + 1, next_at=moment + LEASE)
        .returning(deliveries.c.id)
    )
    rows = tx.execute(
        select(deliveries, endpoints.c.url, endpoints.c.sealed_secret)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id, isouter=True)
        .where(deliveries.c.id.in_(list(won.scalars())))
        .order_by(deliveries.c.id)
    )
    return [
        Parcel(
            row.id,
            row.user_id,
            row.endpoint_id,
            row.event_id,
            row.body,
            row.attempts,
            row.next_at,
            row.created_at,
            row.url or "",
            row.sealed_secret or "",
        )
        for row in rows
    ]


def give_up(tx: WriteTx, endpoint_id: str) -> int:
    """End what waits for an endpoint that is disabled or removed, some at a time."""
    moment = now()
    waiting = (
        select(deliveries.c.id)
        .where(
            text("status = 'pending'"),
            deliveries.c.endpoint_id == endpoint_id,
            deliveries.c.next_at <= moment,
            select(endpoints.c.id)
            .where(endpoints.c.id == endpoint_id, endpoints.c.status == "disabled")
            .exists(),
        )
        .order_by(deliveries.c.next_at)
        .limit(_GIVEN_UP_AT_ONCE)
    )
    ended = tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(locked(waiting)))
        .values(status="failed", completed_at=moment, answer_status=None, answer=DISABLED)
    )
    return ended.rowcount


def record(tx: WriteTx, outcomes: Sequence[Outcome]) -> None:
    """Store what came of attempts whose lease still stands, and what it means for endpoints."""
    moment = now()
    rows = [
        (
            one.parcel.id,
            one.parcel.lease,
            one.status,
            one.next_at,
            None if one.status == "pending" else moment,
            one.answer_status,
            one.answer,
        )
        for one in sorted(outcomes, key=lambda one: one.parcel.id)
    ]
    stored = {id_ for (id_,) in _RECORD.run(tx, rows)}
    counted = [one for one in outcomes if one.parcel.id in stored and one.parcel.endpoint_id]
    # In the order of their ids, so that two processes never wait for each other in a circle.
    counted.sort(key=lambda one: one.parcel.endpoint_id or "")
    for endpoint_id, group in groupby(counted, key=lambda one: one.parcel.endpoint_id or ""):
        _judge(tx, endpoint_id, list(group), moment)


def _judge(tx: WriteTx, endpoint_id: str, outcomes: list[Outcome], moment: int) -> None:
    """Let an endpoint start afresh after a success, or count what failed and disable it."""
    here = endpoints.c.id == endpoint_id
    if any(one.status == "succeeded" for one in outcomes):
        clean = {"failures": 0, "failing_since": None}
        blemished = or_(endpoints.c.failures > 0, endpoints.c.failing_since.is_not(None))
        tx.execute(update(endpoints).where(here, blemished).values(clean))
        return
    given_up = sum(one.status == "failed" for one in outcomes)
    tx.execute(
        update(endpoints)
        .where(here)
        .values(
            failures=endpoints.c.failures + given_up,
            failing_since=func.coalesce(endpoints.c.failing_since, moment),
        )
    )
    hopeless = or_(
        endpoints.c.failures >= MOST_FAILURES,
        endpoints.c.failing_since <= moment - LONGEST_FAILING,
    )
    condition = [] if any(one.gone for one in outcomes) else [hopeless]
    disabled: Any = tx.execute(
        update(endpoints)
        .where(here, endpoints.c.status == "active", *condition)
        .values(status="disabled")
        .returning(endpoints.c.user_id, endpoints.c.url)
    ).first()
    if disabled is not None:
        told = {"id": endpoint_id, "url": disabled.url}
        type_, mail = EventType.ENDPOINT_DISABLED, "endpoint_disabled"
        publish(tx, [Event(type_, disabled.user_id, told, mail=mail)])


def purge(db: Database, most: int = 1000, kept: int = KEPT) -> int:
    """Delete up to `most` deliveries that were over `kept` ago; return how many there were."""
    before = now() - kept
    old = (
        select(deliveries.c.id)
        .where(
            # Identifiers sort by time of birth: this looks at the oldest rows and no others.
            deliveries.c.id < first_id(before),
            deliveries.c.completed_at < before,
        )
        .order_by(deliveries.c.id)
        .limit(most)
    )
    with db.write() as tx:
        return tx.execute(delete(deliveries).where(deliveries.c.id.in_(locked(old)))).rowcount
