"""What administrators read in the audit log, and whether it is whole."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from augury.client.answers import Page
from augury.client.connection import Connection, StageTold, pieces, present

_EVENTS: Final = "/v1/admin/audit-events"


class AuditEvent(Struct, frozen=True, kw_only=True):
    """A line of the audit log; without an actor, the house itself or a visitor."""

    id: str
    actor_id: str | None
    action: str
    subject: str
    details: Mapping[str, Any]
    address: str | None
    request_id: str | None
    created_at: datetime


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which lines are wanted: each part as a line has it, and before `until`."""

    action: str | None = None
    subject: str | None = None
    actor_id: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> dict[str, Any]:
        """Return it as the API takes it."""
        return present(
            {
                "action": self.action,
                "subject": self.subject,
                "actor_id": self.actor_id,
                "request_id": self.request_id,
                "from": None if self.since is None else self.since.isoformat(),
                "to": None if self.until is None else self.until.isoformat(),
            }
        )


class Finding(Struct, frozen=True):
    """One thing that is not right, in the books or in the chain of the log."""

    kind: str
    subject: str
    detail: str


class ChainVerdict(Struct, frozen=True, kw_only=True):
    """What following the chain saw: its end, and what does not fit."""

    is_whole: bool
    number: int
    link: str
    waiting: int
    seconds: float
    faults: tuple[Finding, ...]


class AuditCalls:
    """The part of a client that reads the audit log."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def page(
        self, wanted: AuditFilter | None = None, *, limit: int = 20, cursor: str | None = None
    ) -> Page[AuditEvent]:
        """Return one page, newest first."""
        query = (wanted or AuditFilter()).query() | present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", _EVENTS, Page[AuditEvent], params=query)

    def export(self, wanted: AuditFilter | None = None) -> Iterator[bytes]:
        """Return the wanted lines as CSV that arrives while it is read; the log notes that."""
        response = self._connection.send(
            "GET", f"{_EVENTS}/export", params=(wanted or AuditFilter()).query(), stream=True
        )
        return pieces(response)

    def verify(self, known: str | None = None, *, tell: StageTold | None = None) -> ChainVerdict:
        """Return whether any line was changed; `known` is an end of the chain, NUMBER:LINK.

        `tell` hears of the stage `events`.
        """
        params = present({"known": known})
        return self._connection.follow(
            f"{_EVENTS}/verify/events", ChainVerdict, tell, params=params
        )
