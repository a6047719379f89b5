"""What administrators can do about users."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct

from augury.client.admin_analytics import AnalyticsCalls
from augury.client.admin_audit import AuditCalls
from augury.client.admin_money import AdminTopUpCalls, VoucherCalls
from augury.client.answers import Balance, Page, Transaction
from augury.client.connection import Connection, keyed, path_of, present

Status = Literal["active", "blocked"]


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
    closed_at: datetime | None = None


class AdminCalls(AnalyticsCalls):
    """The part of a client that takes an administrator; what is about the log, in `audit`."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        super().__init__(connection)
        self.audit = AuditCalls(connection)
        self.top_ups = AdminTopUpCalls(connection)
        self.vouchers = VoucherCalls(connection)

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
