"""One-time tickets: how a script, which cannot set a cookie, asks a route to do it."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_LIFETIME_SECONDS = 60.0
_MOST_TICKETS = 10_000


class Tickets:
    """Tickets that are worth one session id each, once and not for long."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start with none."""
        self._now = now
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def issue(self, session_id: str) -> str:
        """Return a new ticket for `session_id`."""
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._waiting[ticket] = (session_id, self._now() + _LIFETIME_SECONDS)
            while len(self._waiting) > _MOST_TICKETS:
                self._waiting.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> str | None:
        """Return the session id and spend the ticket; None when it is unknown, spent or late."""
        with self._lock:
            session_id, expires_at = self._waiting.pop(ticket, ("", 0.0))
        return session_id if session_id and self._now() < expires_at else None
