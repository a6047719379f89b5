"""What a customer sees of the outbox: deliveries to endpoints, and sending one again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, insert, literal, or_, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, Id, Int64
from augury.kit.errors import NotFound, Refusal
from augury.kit.ids import first_id, is_id, new_id
from augury.kit.paging import page, position_of
from augury.notices.endpoints import EndpointDisabled, one_at_a_time, present
from augury.notices.leases import LEASE
from augury.notices.service import PING, body_of
from augury.notices.tables import deliveries, endpoints

# Between two tests of an endpoint, and before a delivery that is over is sent again.
PAUSE_SECONDS = 10
_SEEN = [column for column in deliveries.c if column.name != "body"]


class TriedTooSoon(Refusal):
    """The same was sent a moment ago."""

    code = "tried_too_soon"
    status = 429


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint; `answer` is the beginning of the last answer, or why none."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    next_at: int | None
    answer_status: int | None
    answer: str | None
    created_at: int
    completed_at: int | None


def find(db: Database, user_id: str, delivery_id: str) -> tuple[Delivery, str]:
    """Return a customer's delivery and the body that is sent; somebody else's raises `NotFound`."""
    with db.read() as tx:
        row = tx.execute(select(deliveries).where(*_own(user_id, delivery_id))).first()
    if row is None:
        raise NotFound
    return _delivery(row), row.body


def find_page(
    db: Database,
    user_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    endpoint_id: str | None = None,
    status: str | None = None,
) -> tuple[list[Delivery], str | None]:
    """Return a page of a customer's deliveries, newest first, and the cursor of the next."""
    position = position_of(cursor, is_id)
    if endpoint_id is not None and not is_id(endpoint_id):
        return [], None
    statement = (
        select(*_SEEN)
        .where(deliveries.c.user_id == user_id, deliveries.c.channel == "webhook")
        .order_by(deliveries.c.id.desc())
        .limit(limit + 1)
    )
    if position is not None:
        statement = statement.where(deliveries.c.id < position)
    if endpoint_id is not None:
        statement = statement.where(deliveries.c.endpoint_id == endpoint_id)
    if status is not None:
        statement = statement.where(deliveries.c.status == status)
    with db.read() as tx:
        rows, following = page(tx.execute(statement).all(), limit, lambda row: str(row.id))
    return [_delivery(row) for row in rows], following


def resend(db: Database, user_id: str, delivery_id: str) -> Delivery:
    """Return the delivery, which is sent at once, with all attempts before it again.

    Raises `NotFound`, `EndpointDisabled`, or `TriedTooSoon` when it ended a moment ago.
    """
    moment = now()
    own = _own(user_id, delivery_id)
    ready = exists().where(
        endpoints.c.id == deliveries.c.endpoint_id, endpoints.c.status == "active"
    )
    with db.write() as tx:
        tx.execute(
            update(deliveries)
            .where(*own, ready, or_(_over(moment), _waiting(moment)))
            .values(status="pending", attempts=0, next_at=moment, completed_at=None)
        )
        row = tx.execute(
            select(*_SEEN, endpoints.c.status.label("endpoint_status"))
            .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
            .where(*own)
        ).first()
    if row is None:
        raise NotFound
    if row.endpoint_status != "active":
        raise EndpointDisabled
    if row.status != "pending":
        raise TriedTooSoon(retry_after_seconds=PAUSE_SECONDS)
    return _delivery(row)


def _over(moment: int) -> ColumnElement[bool]:
    return and_(
        deliveries.c.status != "pending",
        deliveries.c.completed_at <= moment - PAUSE_SECONDS * SECOND,
    )


def _waiting(moment: int) -> ColumnElement[bool]:
    # What is due sooner is due anyway, or somebody is at it.
    return and_(deliveries.c.status == "pending", deliveries.c.next_at > moment + LEASE)


def ping(db: Database, user_id: str, endpoint_id: str) -> Delivery:
    """Return a delivery that only tests an endpoint.

    Raises `NotFound`, `EndpointDisabled`, or `TriedTooSoon` after the last one.
    """
    id_, moment = new_id(), now()
    mine = present(user_id, endpoint_id)
    given: dict[str, Any] = {
        "id": literal(id_, Id),
        "user_id": endpoints.c.user_id,
        "channel": literal("webhook"),
        "endpoint_id": endpoints.c.id,
        "event_id": literal(new_id(), Id),
        "event_type": literal(PING),
        "body": literal(body_of(PING, moment, {"endpoint_id": endpoint_id})),
        "status": literal("pending"),
        "attempts": literal(0),
        "next_at": literal(moment, Int64),
        "created_at": literal(moment, Int64),
    }
    lately = (
        select(deliveries.c.id)
        .where(
            deliveries.c.user_id == user_id,
            deliveries.c.id > first_id(moment - PAUSE_SECONDS * SECOND),
            deliveries.c.endpoint_id == endpoint_id,
            deliveries.c.event_type == PING,
        )
        .exists()
    )
    chosen = select(*given.values()).where(*mine, endpoints.c.status == "active", ~lately)
    with db.write() as tx:
        one_at_a_time(tx, user_id)
        tx.execute(insert(deliveries).from_select(list(given), chosen))
        row = tx.execute(select(*_SEEN).where(deliveries.c.id == id_)).first()
        if row is None:
            status = tx.execute(select(endpoints.c.status).where(*mine)).scalar()
            if status is None:
                raise NotFound
            if status != "active":
                raise EndpointDisabled
            raise TriedTooSoon(retry_after_seconds=PAUSE_SECONDS)
    return _delivery(row)


def _own(user_id: str, delivery_id: str) -> tuple[ColumnElement[bool], ...]:
    if not is_id(delivery_id):
        raise NotFound
    return (
        deliveries.c.id == delivery_id,
        deliveries.c.user_id == user_id,
        deliveries.c.channel == "webhook",
    )


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.id,
        row.endpoint_id,
        row.event_id,
        row.event_type,
        row.status,
        row.attempts,
        row.next_at if row.status == "pending" else None,
        row.answer_status,
        row.answer,
        row.created_at,
        row.completed_at,
    )
