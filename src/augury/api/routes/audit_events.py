"""The audit log, for administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from augury.api.deps import USUAL_PER_PAGE, Admin, Cursor, Limit, TheHouse
from augury.api.responses import refusals
from augury.audit_log.service import AuditEvent, events
from augury.kit.clock import rfc3339
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of

router = APIRouter(prefix="/v1/admin/audit-events", tags=["administration"])

_Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class AuditEventOut(BaseModel):
    """One thing that was done, for good."""

    id: str
    actor_id: str | None = Field(description="Null: the service itself.")
    action: str = Field(examples=["alias.moved"])
    subject: str = Field(examples=["model:credit-catboost"])
    details: dict[str, Any]
    address: str | None
    request_id: str | None
    created_at: str

    @classmethod
    def of(cls, event: AuditEvent) -> "AuditEventOut":
        """Return an event for the wire."""
        return cls(
            id=event.id,
            actor_id=event.actor_id,
            action=event.action,
            subject=event.subject,
            details=event.details,
            address=event.address,
            request_id=event.request_id,
            created_at=rfc3339(event.created_at),
        )


class AuditEventPage(BaseModel):
    """Events, newest first."""

    items: list[AuditEventOut]
    next_cursor: str | None


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def audit_events(
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    action: _Text = None,
    subject: _Text = None,
    actor_id: _Text = None,
) -> AuditEventPage:
    """List what administrators have changed, and what the service itself has, newest first."""
    before = position_of(cursor, is_id)
    if actor_id is not None and not is_id(actor_id):
        return AuditEventPage(items=[], next_cursor=None)
    with house.db.read() as tx:
        found = events(
            tx,
            limit=limit + 1,
            before=before,
            action=action,
            subject=subject,
            actor_id=actor_id,
        )
    shown, following = page(found, limit, lambda event: event.id)
    return AuditEventPage(items=[AuditEventOut.of(one) for one in shown], next_cursor=following)
