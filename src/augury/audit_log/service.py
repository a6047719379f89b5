"""Writing the audit log, and reading a page of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import insert, select

from augury.audit_log.tables import audit_events
from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx, WriteTx
from augury.kit.ids import first_id, new_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where; `agent` is with which program, in short."""

    user_id: str | None
    address: str | None = None
    request_id: str | None = None
    # For sessions; the log itself does not keep it.
    agent: str | None = None

    def being(self, user_id: str) -> "Actor":
        """Return who it was, now that a visitor is known."""
        return replace(self, user_id=user_id)


# What happens by itself: at a start, or in a duty.
HOUSE = Actor(None)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that was done, for good."""

    id: str
    actor_id: str | None
    action: str
    subject: str
    details: dict[str, Any]
    address: str | None
    request_id: str | None
    created_at: int


def record(
    tx: WriteTx, actor: Actor, action: str, subject: str, details: Mapping[str, Any]
) -> None:
    """Write down what an actor did to a subject, together with the change itself."""
    tx.execute(
        insert(audit_events).values(
            id=new_id(),
            actor_id=actor.user_id,
            action=action,
            subject=subject[:200],
            details=msgspec.json.encode(details).decode(),
            address=actor.address,
            request_id=actor.request_id,
            created_at=now(),
        )
    )


def events(
    tx: ReadTx,
    *,
    limit: int,
    before: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    actor_id: str | None = None,
    request_id: str | None = None,
    between: tuple[int | None, int | None] = (None, None),
) -> list[AuditEvent]:
    """Return events newest first, older than the one with the id `before`.

    Of those that were written `between` two moments, in microseconds: at the first or later and
    before the second.
    """
    found = select(audit_events).order_by(audit_events.c.id.desc()).limit(limit)
    if before is not None:
        found = found.where(audit_events.c.id < before)
    wanted = {"action": action, "subject": subject, "actor_id": actor_id, "request_id": request_id}
    for column, value in wanted.items():
        if value is not None:
            found = found.where(audit_events.c[column] == value)
    since, until = between
    # An identifier is born a moment before the event is stamped; there is no index by moment.
    if since is not None:
        found = found.where(
            audit_events.c.created_at >= since, audit_events.c.id >= first_id(since - SECOND)
        )
    if until is not None:
        found = found.where(
            audit_events.c.created_at < until, audit_events.c.id < first_id(until + SECOND)
        )
    return [
        AuditEvent(**{**row._asdict(), "details": msgspec.json.decode(row.details)})
        for row in tx.execute(found)
    ]
