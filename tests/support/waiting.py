"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

from sqlalchemy import text

from augury.kit.db import Database


def eventually(holds: Callable[[], object], seconds: float = 150) -> None:
    """Return when something holds; the limit is for hangs only."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def somebody_waits(db: Database) -> bool:
    """Tell whether a transaction of a PostgreSQL database waits for another one's end."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with db.read() as tx:
        return bool(tx.execute(waiting).scalar_one())
