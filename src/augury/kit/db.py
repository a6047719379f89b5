"""The database: short synchronous transactions on SQLite and PostgreSQL.

`with db.write() as tx:` is the only way to write, and this file is the only one that commits.
Functions that take a `tx` never commit, so the reader of a use case sees where its truth begins.
"""

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NewType

import msgspec
import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql.psycopg import dialect as postgres_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.types import TypeEngine

from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger

# Two kinds of transaction as types of no cost: a function that only reads says so in its
# signature, and accepts a writing transaction as well.
ReadTx = NewType("ReadTx", Connection)
WriteTx = NewType("WriteTx", ReadTx)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Identifiers travel as text of 36 characters; PostgreSQL keeps them in its 16-byte type.
Id = String(36).with_variant(PG_UUID(as_uuid=False), "postgresql")
# SQLite counts a rowid only on INTEGER; BIGINT is the same 64 bits there.
Int64 = BigInteger()

# Within this a writer gets its turn or is refused; stopping a server waits for it.
_BUSY_SECONDS = 3
_RETRY_AFTER_SECONDS = 1


class Database:
    """One database, from its address; cheap to share between threads."""

    def __init__(self, address: str) -> None:
        """Prepare engines; nothing is opened until the first transaction."""
        url = make_url(address)
        self.dialect = url.get_backend_name()
        if self.dialect == "sqlite":
            self._reader, self._writer = _sqlite_engines(url)
        elif self.dialect == "postgresql":
            self._writer = _postgres_engine(url)
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        else:
            message = f"unsupported database {self.dialect!r}: use sqlite or postgresql"
            raise ValueError(message)

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """Give a transaction that sees one consistent state and cannot write."""
        with _refusing_when_unreachable(), self._reader.connect() as connection:
            yield ReadTx(connection)

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        """Give a transaction that is committed, durably, when the block ends without exception."""
        with _refusing_when_unreachable(), self._writer.begin() as connection:
            yield WriteTx(ReadTx(connection))

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    def close(self) -> None:
        """Close every pooled connection."""
        self._reader.dispose()
        self._writer.dispose()


# SQLAlchemy's own, and the drivers' for statements that go straight to them.
_UNREACHABLE = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    sqlite3.OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # A server that has become a read-only standby.
    psycopg.errors.ReadOnlySqlTransaction,
)


@contextmanager
def _refusing_when_unreachable() -> Iterator[None]:
    try:
        yield
    except _UNREACHABLE as error:
        # The answer tells no details, so the log must.
        logger("db").error("database_unreachable", reason=f"{type(error).__name__}: {error}"[:500])
        raise LedgerUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS) from error


def _sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "connect_args": {
            "timeout": _BUSY_SECONDS,
            "check_same_thread": False,
            # One for each number of rows that is inserted at once, and some more.
            "cached_statements": 1024,
        },
        "pool_timeout": _BUSY_SECONDS,
    }
    # A pool of one connection is the lock that lets one writer in at a time, in order of arrival.
    writer = create_engine(url, pool_size=1, max_overflow=0, **options)
    reader = create_engine(url, pool_size=8, max_overflow=32, **options)
    # BEGIN IMMEDIATE takes the write lock at the start. With a plain BEGIN a transaction that has
    # read cannot wait for the lock any more: it fails at once with "database is locked".
    for engine, begin, pragma in (
        (writer, "BEGIN IMMEDIATE", "PRAGMA synchronous=FULL"),
        (reader, "BEGIN", "PRAGMA query_only=ON"),
    ):
        event.listen(engine, "connect", _sqlite_connect(pragma))
        event.listen(engine, "begin", _sqlite_begin(begin))
    return reader, writer


def _sqlite_connect(pragma: str) -> Any:
    def configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is switched off: it would begin too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        # Switching to WAL needs the file alone for a moment and ignores the busy timeout, so
        # several processes that start together would trip over each other without patience.
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
                break
            except Exception as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        for setting in (
            "PRAGMA foreign_keys=ON",
            # REPLACE deletes what stands in its way, and only with this the triggers hear of it.
            "PRAGMA recursive_triggers=ON",
            "PRAGMA temp_store=MEMORY",
            pragma,
        ):
            cursor.execute(setting)
        cursor.close()

    return configure


def _sqlite_begin(statement: str) -> Any:
    def begin(connection: Connection) -> None:
        connection.connection.cursor().execute(statement)

    return begin


_POSTGRES_OPTIONS = (
    f"-c lock_timeout={_BUSY_SECONDS}s",
    "-c idle_in_transaction_session_timeout=60s",
    # An answer is sent after the commit is on disk, whatever the server's own default.
    "-c synchronous_commit=on",
)


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=10,
        max_overflow=10,
        pool_timeout=_BUSY_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "options": " ".join(_POSTGRES_OPTIONS),
        },
    )
    event.listen(engine, "connect", _postgres_connect)
    return engine


def _postgres_connect(connection: Any, _record: Any) -> None:
    # Identifiers are text everywhere in the house, also in the answers of hand-written SQL.
    connection.adapters.register_loader("uuid", TextLoader)


def insert_rows(
    tx: WriteTx, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows of the named columns, in one statement however many they are.

    Row by row is an order of magnitude slower on PostgreSQL. On SQLite each step of a statement
    lets other threads run, and coming back costs more than the step.
    """
    cursor = tx.connection.cursor()
    if not rows:
        pass
    elif tx.dialect.name == "postgresql":
        columns = map(list, zip(*rows, strict=True))
        cursor.execute(_insert_arrays(table, names), dict(zip(names, columns, strict=True)))
    else:
        at_once = _MOST_SQLITE_VALUES // len(names)
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            values = list(chain.from_iterable(some))
            cursor.execute(_insert_values(table, names, len(some)), values)
    cursor.close()


# SQLite's own limit is 32766; this many keep the statements short.
_MOST_SQLITE_VALUES = 4096


@cache
def _insert_values(table: Table, names: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' for _ in names)})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 -- names from our own tables


@cache
def _insert_arrays(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(_array(name, table.c[name].type) for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 -- names from our own tables


class Given:
    """A statement that works on many given rows at once, the same text for both databases.

    The statement reads the rows from `{given}`, a table named `given` with the declared columns,
    and other values as `:name`. It goes straight to the driver: on the way of every sale, the
    comfort of building statements would cost several times as much as carrying them out.
    """

    def __init__(self, statement: str, *, lock: str = "", **columns: TypeEngine[Any]) -> None:
        """Prepare the statement; `lock` is what PostgreSQL gets appended to lock rows."""
        self._names = tuple(columns)
        names = ", ".join(columns)
        arrays = ", ".join(_array(name, kind) for name, kind in columns.items())
        fields = ", ".join(
            f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns)
        )
        named = _NAMED_VALUE.sub(r"%(\1)s", statement)
        table = f"(SELECT {fields} FROM json_each(:given)) AS given"  # noqa: S608 -- our own names
        self._sqlite = statement.format(given=table)
        self._postgres = named.format(given=f"unnest({arrays}) AS given({names})") + f" {lock}"

    def run(
        self, tx: ReadTx, rows: Sequence[Sequence[Any]], **values: Any
    ) -> list[tuple[Any, ...]]:
        """Run the statement over the rows and return what it yields; without rows, nothing."""
        if not rows:
            return []
        cursor = tx.connection.cursor()
        if tx.dialect.name == "postgresql":
            arrays = dict(zip(self._names, map(list, zip(*rows, strict=True)), strict=True))
            cursor.execute(self._postgres, arrays | values)
        else:
            given = msgspec.json.encode(rows).decode()
            cursor.execute(self._sqlite, {"given": given, **values})
        found: list[tuple[Any, ...]] = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
        return found


_NAMED_VALUE = re.compile(r"(?<!:):([a-z_]+)\b")


def _array(name: str, kind: TypeEngine[Any]) -> str:
    # Binary: in text form every quote in a JSON text would be escaped, at ten times the cost.
    return f"CAST(%({name})b AS {kind.compile(dialect=_POSTGRES)}[])"


_POSTGRES = postgres_dialect()
