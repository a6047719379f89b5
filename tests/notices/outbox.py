"""What tests of the notices share: customers' endpoints, rows of the outbox, and a courier."""

import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.notices import endpoints
from augury.notices.addresses import networks
from augury.notices.deliver import Courier
from augury.notices.endpoints import Endpoint
from augury.notices.mail import Mailer
from augury.notices.outgoing import Sender
from augury.notices.sealing import Sealer
from augury.notices.service import Event, EventType, publish
from augury.notices.tables import deliveries

LOOPBACK = networks("127.0.0.0/8")
SEALER = Sealer("a-secret-of-the-tests-and-of-nobody-else")
ALL = tuple(EventType)


def endpoint(
    db: Database, user_id: str, url: str, events: tuple[EventType, ...] = ALL
) -> tuple[Endpoint, str]:
    """Add an endpoint and return it with its secret."""
    return endpoints.add(db, SEALER, LOOPBACK, user_id, url, events)


def tell(db: Database, user_id: str, count: int = 1, mail: str | None = None) -> None:
    """Publish events of a customer."""
    data = {"available": 5, "alert_below": 10}
    with db.write() as tx:
        publish(tx, [Event(EventType.BALANCE_LOW, user_id, data, mail) for _ in range(count)])


def customer(db: Database, url: str, events: int = 1) -> str:
    """Return a new customer with an endpoint and events that wait for it."""
    user_id = new_id()
    endpoint(db, user_id, url)
    tell(db, user_id, events)
    return user_id


def rows(db: Database, **conditions: Any) -> list[Any]:
    """Return rows of the outbox, oldest first."""
    statement = select(deliveries).order_by(deliveries.c.id)
    for name, value in conditions.items():
        statement = statement.where(deliveries.c[name] == value)
    with db.read() as tx:
        return list(tx.execute(statement))


def states(db: Database, **conditions: Any) -> list[tuple[str, int]]:
    """Return status and attempts of rows of the outbox, oldest first."""
    return [(row.status, row.attempts) for row in rows(db, **conditions)]


def hurry(db: Database) -> None:
    """Let everything that waits be due now, whoever has leased it."""
    with db.write() as tx:
        tx.execute(text("UPDATE deliveries SET next_at = 1 WHERE status = 'pending'"))


def courier(db: Database, folder: Path, *, seconds: float = 60, **parts: Any) -> Courier:
    """Return a courier that may reach loopback and files its mails in a folder."""
    return Courier(
        db,
        parts.get("sender") or Sender(LOOPBACK, seconds=seconds),
        parts.get("sealer") or SEALER,
        parts.get("mailer") or Mailer("", "", folder / "outbox", "https://cabinet.test"),
        parts.get("recipient_of") or (lambda _: ("anna@example.com", "en")),
    )


def begin(carrier: Courier, count: int) -> int:
    """Let a courier look for a moment, again until so much has begun; return how much has."""
    begun, until = 0, time.monotonic() + 90
    while begun < count and time.monotonic() < until:
        begun += carrier.deliver_due(never(), 0.3)
    return begun


def never() -> threading.Event:
    """Return a stop that never comes."""
    return threading.Event()
