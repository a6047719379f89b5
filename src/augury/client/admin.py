"""What administrators can do about users, and what the audit log tells them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, field

from augury.client.answers import Balance, Page, Transaction
from augury.client.connection import Connection, keyed, path_of, present

Status = Literal["active", "blocked"]
# An audit reads everything there is.
_AUDIT_SECONDS: Final = 1800.0


class AdminUser(Struct, frozen=True, kw_only=True):
    """A user as administrators see one; `last_seen_at` is coarse."""

    id: str
    username: str
    email: str
    role: str
    status: str
    created_at: datetime
    last_seen_at: datetime | None
    balance: Balance


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


class Latency(Struct, frozen=True):
    """Within how many milliseconds shares of them were done; None without any."""

    p50: float | None
    p95: float | None
    p99: float | None


class ModelSales(Struct, frozen=True, kw_only=True):
    """What was sold of a model; `revenue` is in credits."""

    model: str
    predictions: int
    rows: int
    revenue: int
    failures: int
    latency_ms: Latency


class ModelSalesList(Struct, frozen=True, kw_only=True):
    """Models, the most popular first, in whole hours from `since` to `until`."""

    since: datetime = field(name="from")
    until: datetime = field(name="to")
    items: tuple[ModelSales, ...]


class Queue(Struct, frozen=True):
    """Work of one kind in the background; `due` waits for a worker now."""

    unfinished: int
    due: int
    oldest_seconds: float


class Process(Struct, frozen=True, kw_only=True):
    """The API process that answered; there may be others."""

    started_at: datetime | None
    cpu_seconds: float | None
    memory_bytes: int | None
    requests: int
    requests_failed: int
    latency_ms: Latency


class Load(Struct, frozen=True, kw_only=True):
    """Sales of a time, and queues and a process as they are now."""

    since: datetime = field(name="from")
    until: datetime = field(name="to")
    predictions: int
    rows: int
    failures: int
    latency_ms: Latency
    queues: Mapping[str, Queue]
    deliveries_due: Mapping[str, int]
    process: Process


class LedgerFinding(Struct, frozen=True):
    """One thing that does not add up."""

    kind: str
    subject: str
    detail: str


class LedgerAudit(Struct, frozen=True, kw_only=True):
    """What an audit of the books saw."""

    started_at: datetime
    seconds: float
    is_right: bool
    accounts: int
    transfers: int
    credits_with_customers: int
    counterparties: Mapping[str, int]
    findings: tuple[LedgerFinding, ...]


class AdminCalls:
    """The part of a client that takes an administrator."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def users(
        self, search: str | None = None, *, status: Status | None = None, limit: int = 200
    ) -> Iterator[AdminUser]:
        """Yield users newest first; `search` is an id, or a part of a name or an address."""
        query = present({"search": search or None, "status": status, "limit": limit})
        return self._connection.walk("/v1/admin/users", Page[AdminUser], query)

    def users_page(
        self,
        search: str | None = None,
        *,
        status: Status | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[AdminUser]:
        """Return one page of users, newest first."""
        query = {"search": search or None, "status": status, "limit": limit, "cursor": cursor}
        return self._connection.call(
            "GET", "/v1/admin/users", Page[AdminUser], params=present(query)
        )

    def user(self, user_id: str) -> AdminUser:
        """Return one user; ApiError `not_found`."""
        return self._connection.call("GET", path_of("admin", "users", user_id), AdminUser)

    def set_status(self, user_id: str, status: Status) -> AdminUser:
        """Block a user or let one in again, and return the user."""
        path, body = path_of("admin", "users", user_id), {"status": status}
        return self._connection.call("PATCH", path, AdminUser, json=body, repeatable=True)

    def adjust(
        self, user_id: str, amount: int, reason: str, *, idempotency_key: str | None = None
    ) -> Transaction:
        """Give credits to a user, or take some with a negative amount; the user sees the reason."""
        return self._connection.call(
            "POST",
            path_of("admin", "users", user_id, "adjustments"),
            Transaction,
            json={"amount": amount, "reason": reason},
            headers=keyed(idempotency_key),
        )

    def audit_events_page(
        self,
        *,
        action: str | None = None,
        subject: str | None = None,
        actor_id: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[AuditEvent]:
        """Return one page of the audit log, newest first; filters as a line has them."""
        query: dict[str, Any] = {"action": action, "subject": subject, "actor_id": actor_id}
        query |= {"limit": limit, "cursor": cursor}
        return self._connection.call(
            "GET", "/v1/admin/audit-events", Page[AuditEvent], params=present(query)
        )

    def model_sales(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> ModelSalesList:
        """Return what was sold of each model; the last 30 days unless moments are given."""
        return self._connection.call(
            "GET", "/v1/admin/analytics/models", ModelSalesList, params=_between(since, until)
        )

    def load(self, since: datetime | None = None, until: datetime | None = None) -> Load:
        """Return what the house has to do; sales of the last day unless moments are given."""
        return self._connection.call(
            "GET", "/v1/admin/analytics/load", Load, params=_between(since, until)
        )

    def audit_ledger(self) -> LedgerAudit:
        """Return what deriving all balances again found; takes minutes with millions of sales."""
        return self._connection.call(
            "GET", "/v1/admin/ledger/audit", LedgerAudit, timeout=_AUDIT_SECONDS
        )


def _between(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    moments = {"from": since, "to": until}
    return {name: moment.isoformat() for name, moment in moments.items() if moment is not None}
