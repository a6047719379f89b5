"""Writing the audit log, and reading a page of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import insert, select

from augury.audit_log.tables import audit_events
from augury.kit.clock import now
from augury.kit.db import ReadTx, WriteTx
from augury.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where."""

    user_id: str | None
    address: str | None = None
    request_id: str | None = None

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
) -> list[AuditEvent]:
    """Return events newest first, older than the one with the id `before`."""
    found = select(audit_events).order_by(audit_events.c.id.desc()).limit(limit)
    if before is not None:
        found = found.where(audit_events.c.id < before)
    for column, wanted in (("action", action), ("subject", subject), ("actor_id", actor_id)):
        if wanted is not None:
            found = found.where(audit_events.c[column] == wanted)
    return [
        AuditEvent(**{**row._asdict(), "details": msgspec.json.decode(row.details)})
        for row in tx.execute(found)
    ]
