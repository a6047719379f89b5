"""SQLite: how a file is opened, and the one connection of a process that writes to it."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from augury.kit.turns import LOOK_AGAIN_SECONDS, Turns

# Within this a writer gets its turn or is refused; stopping a server waits for it.
BUSY_SECONDS = 3
# A process that is stopped while it is the next one keeps the others from writing for so long.
_COURTESY_SECONDS = 1


def reading_engine(url: URL) -> Engine:
    """Return an engine whose transactions see one consistent state and cannot write."""
    engine = _engine(url, "PRAGMA query_only=ON", pool_size=8, max_overflow=32)
    event.listen(engine, "begin", _begin)
    return engine


class Writer:
    """The one writer of a process: a connection that stays open, and a lock around it.

    Its transaction is two statements, sent as they are: SQLAlchemy's pool and bookkeeping would
    take about as long for each transaction as a whole sale takes inside it.
    """

    def __init__(self, url: URL) -> None:
        """Prepare; the file is opened by the first transaction."""
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.engine = _engine(url, "PRAGMA synchronous=FULL", "PRAGMA busy_timeout=0", pool_size=1)
        # What SQLAlchemy thinks of as a transaction, or a library that is handed the connection,
        # ends nothing here: `begin` alone does.
        for ending in ("do_commit", "do_rollback"):
            setattr(self.engine.dialect, ending, lambda _connection: None)
        self._lock = threading.Lock()
        self._turns = Turns(Path(f"{url.database}-turn"), _COURTESY_SECONDS)
        self._connection: Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a transaction that is committed, durably, when the block ends without exception."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            message = "the writer of this process is busy"
            raise sqlite3.OperationalError(message)
        try:
            if self._connection is None:
                self._connection = self.engine.connect()
            with _transaction(self._connection, self._turns):
                yield self._connection
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection when the transaction that runs has ended."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._turns.close()
            self.engine.dispose()


@contextmanager
def _transaction(connection: Connection, turns: Turns) -> Iterator[None]:
    driver: Any = connection.connection.dbapi_connection
    with turns.next():
        _begin_writing(driver)
    try:
        yield
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise
    finally:
        if connection.in_transaction():
            connection.rollback()


def _begin_writing(driver: sqlite3.Connection) -> None:
    """Begin as soon as no other process writes, or raise what SQLite says in the end.

    IMMEDIATE takes the write lock at the start. With a plain BEGIN a transaction that has read
    cannot wait for the lock any more: it fails at once with "database is locked". SQLite's own
    patience sleeps up to a tenth of a second between two looks, and between two transactions of
    another busy process the file is free for a fraction of a millisecond.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
        else:
            return


def _engine(url: URL, *pragmas: str, **options: Any) -> Engine:
    engine = create_engine(
        url,
        pool_timeout=BUSY_SECONDS,
        connect_args={
            "timeout": BUSY_SECONDS,
            "check_same_thread": False,
            # One for each number of rows that is inserted at once, and some more.
            "cached_statements": 1024,
        },
        **options,
    )
    event.listen(engine, "connect", _connect(pragmas))
    return engine


def _connect(pragmas: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is switched off: it would begin too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        # Switching to WAL needs the file alone for a moment and ignores the busy timeout, so
        # several processes that start together would trip over each other without patience.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        for setting in (
            "PRAGMA foreign_keys=ON",
            # REPLACE deletes what stands in its way, and only with this the triggers hear of it.
            "PRAGMA recursive_triggers=ON",
            "PRAGMA temp_store=MEMORY",
            *pragmas,
        ):
            cursor.execute(setting)
        cursor.close()

    return configure


def _begin(connection: Connection) -> None:
    connection.connection.cursor().execute("BEGIN")
