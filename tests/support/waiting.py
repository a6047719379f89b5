"""Waiting for what another thread or process does."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import event, text

from augury.kit.db import Database

T = TypeVar("T")
U = TypeVar("U")


def eventually(holds: Callable[[], object], seconds: float = 150) -> None:
    """Return when something holds; the limit is for hangs only."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def somebody_waits(db: Database) -> bool:
    """Tell whether a transaction of a PostgreSQL database waits for another one's end."""
    return how_many_wait(db) > 0


def how_many_wait(db: Database) -> int:
    """Return how many transactions of a PostgreSQL database wait for another one's end."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with db.read() as tx:
        return int(tx.execute(waiting).scalar_one())


def meet(
    db: Database, first: Callable[[], T], second: Callable[[], U], *, after: str
) -> tuple[T, U]:
    """Return what came of two works on PostgreSQL that want each other's rows at one instant.

    The first lingers behind its first statement with the words `after`, until the second waits for
    it or has ended. So they do not wait in a circle only if both take their locks in one order.
    """
    mine = threading.get_ident()
    others: list[Future[U]] = []

    def linger(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if threading.get_ident() == mine and after in statement and not others:
            others.append(pool.submit(second))
            eventually(lambda: others[0].done() or somebody_waits(db))

    with ThreadPoolExecutor(1) as pool:
        event.listen(db.engine, "after_cursor_execute", linger)
        try:
            done = first()
        finally:
            event.remove(db.engine, "after_cursor_execute", linger)
        assert others, "the first never came so far"
        return done, others[0].result()
