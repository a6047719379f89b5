"""The audit log, for administrators."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from augury.api import sse
from augury.api.deps import USUAL_PER_PAGE, Admin, AdminActor, Cursor, Limit, TheHouse
from augury.api.long_look import LongLook
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.audit_log import chain
from augury.audit_log.chain import Head
from augury.audit_log.service import AuditEvent, events, record
from augury.audit_log.sheet import sheet
from augury.bootstrap import House
from augury.kit.clock import rfc3339
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.kit.progress import Tell

router = APIRouter(prefix="/v1/admin/audit-events", tags=["administration"])

_CSV = "text/csv"
_EXPORTED_AT_ONCE = 1_000

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


class Wanted(NamedTuple):
    """Which events are wanted; each part exactly as it stands in an event."""

    action: str | None
    subject: str | None
    actor_id: str | None
    request_id: str | None
    between: tuple[int | None, int | None]

    @property
    def is_in_vain(self) -> bool:
        """Whether nobody can be the actor."""
        return self.actor_id is not None and not is_id(self.actor_id)

    def named(self) -> dict[str, str | int]:
        """Return what was asked for, for the audit log."""
        since, until = self.between
        asked = {**self._asdict(), "between": None, "since": since, "until": until}
        return {name: value for name, value in asked.items() if value is not None}


def _wanted(
    action: _Text = None,
    subject: _Text = None,
    actor_id: _Text = None,
    request_id: _Text = None,
    since: Since = None,
    until: Until = None,
) -> Wanted:
    between = (microseconds(since), microseconds(until))
    return Wanted(action, subject, actor_id, request_id, between)


TheWanted = Annotated[Wanted, Depends(_wanted)]


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def audit_events(
    house: TheHouse,
    _admin: Admin,
    wanted: TheWanted,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> AuditEventPage:
    """List what administrators have changed, and what the service itself has, newest first."""
    before = position_of(cursor, is_id)
    if wanted.is_in_vain:
        return AuditEventPage(items=[], next_cursor=None)
    with house.db.read() as tx:
        found = events(tx, limit=limit + 1, before=before, **wanted._asdict())
    shown, following = page(found, limit, lambda event: event.id)
    return AuditEventPage(items=[AuditEventOut.of(one) for one in shown], next_cursor=following)


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {"description": "CSV.", "content": {_CSV: {"schema": {"type": "string"}}}},
        **refusals("unauthenticated", "forbidden"),
    },
)
def export_audit_events(house: TheHouse, actor: AdminActor, wanted: TheWanted) -> Response:
    """Give events as CSV, newest first, while they are read. That this was done is one, too."""
    with house.db.write() as tx:
        record(tx, actor, "audit_log.exported", "audit_log", wanted.named())
    headers = {
        "Content-Disposition": 'attachment; filename="augury-audit-log.csv"',
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(sheet(_lots(house, wanted)), headers=headers, media_type=_CSV)


def _lots(house: House, wanted: Wanted) -> Iterator[list[AuditEvent]]:
    before = None
    while not wanted.is_in_vain:
        with house.db.read() as tx:
            found = events(tx, limit=_EXPORTED_AT_ONCE, before=before, **wanted._asdict())
        yield found
        if len(found) < _EXPORTED_AT_ONCE:
            break
        before = found[-1].id


class ChainFaultOut(BaseModel):
    """One place where log and chain do not fit."""

    kind: str
    subject: str
    detail: str


class VerdictOut(BaseModel):
    """What following the chain saw; the log is whole when there are no faults."""

    is_whole: bool
    number: int = Field(description="How many events are in the chain.")
    link: str = Field(description="The link of the last of them: keep it elsewhere.")
    waiting: int = Field(description="Events that wait for their link, for a second at most.")
    seconds: float
    faults: list[ChainFaultOut]


def _head(
    known: Annotated[
        str | None,
        Query(
            pattern=r"^\d{1,15}:[0-9a-f]{64}$",
            description="An end of the chain that was noted before, NUMBER:LINK; it must be in it.",
        ),
    ] = None,
) -> Head | None:
    number, _, link = (known or "").partition(":")
    return Head(int(number), link) if known else None


_Known = Annotated[Head | None, Depends(_head)]
_verdicts: LongLook[VerdictOut] = LongLook(again_seconds=10)


@router.get("/verify", responses=refusals("unauthenticated", "forbidden", "overloaded"))
async def verify_audit_log(house: TheHouse, _admin: Admin, known: _Known) -> VerdictOut:
    """Follow the chain from its first event, and tell whether any was changed or taken away.

    It reads the whole log beside everything else. One runs at a time in a process.
    """
    return await _verdicts.answer(partial(_verify, house, known))


@router.get(
    "/verify/events",
    response_class=StreamingResponse,
    responses=sse.DESCRIBED | refusals("unauthenticated", "forbidden", "overloaded"),
)
async def verify_audit_log_events(
    request: Request, house: TheHouse, _admin: Admin, known: _Known
) -> sse.Stream:
    """Do the same, and tell how it goes on, as server-sent events.

    `progress` has the stage `events`, what is `done` of it and the `total`; `result`, at the end,
    has the verdict, or `problem` why there is none. Whoever stops reading ends it.
    """
    return _verdicts.stream(request, partial(_verify, house, known))


def _verify(house: House, known: Head | None, tell: Tell) -> VerdictOut:
    began = time.monotonic()
    with house.db.read() as tx:
        verdict = chain.verify(tx, known, tell)
    return VerdictOut(
        is_whole=not verdict.faults,
        number=verdict.head.number,
        link=verdict.head.link,
        waiting=verdict.waiting,
        seconds=round(time.monotonic() - began, 3),
        faults=[
            ChainFaultOut(kind=one.kind, subject=one.subject, detail=one.detail)
            for one in verdict.faults
        ],
    )
