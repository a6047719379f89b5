"""The database: short synchronous transactions on SQLite and PostgreSQL.

`with db.write() as tx:` is the only way to write, and this file is the only one that commits.
Functions that take a `tx` never commit, so the reader of a use case sees where its truth begins.
"""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import chain
from typing import Any, NewType

import msgspec
import psycopg
from prometheus_client import Counter
from psycopg.types.string import TextLoader
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql.psycopg import dialect as postgres_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.types import TypeEngine

from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.kit.sqlite import BUSY_SECONDS, Writer, reading_engine

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

_RETRY_AFTER_SECONDS = 1
USUAL_POOL = 20


class Database:
    """One database, from its address; cheap to share between threads."""

    engine: Engine
    _begin: Callable[[], AbstractContextManager[Connection]]
    _close: Callable[[], None]

    def __init__(self, address: str, pool: int = USUAL_POOL) -> None:
        """Prepare; nothing is opened until the first transaction.

        `pool` is how many connections to PostgreSQL there are at most, from 2 on.
        """
        url = make_url(address)
        # A server that has become a read-only standby still reads.
        self._reading, self._writing = _Outage("read"), _Outage("write")
        self.dialect = url.get_backend_name()
        if self.dialect == "sqlite":
            writer = Writer(url)
            self.engine, self._begin, self._close = writer.engine, writer.begin, writer.close
            self._reader = reading_engine(url)
        elif self.dialect == "postgresql":
            self.engine = _postgres_engine(url, pool)
            self._begin, self._close = self.engine.begin, self.engine.dispose
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        else:
            message = f"unsupported database {self.dialect!r}: use sqlite or postgresql"
            raise ValueError(message)

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        """Give a transaction that sees one consistent state and cannot write."""
        with self._reading.refusing(), self._reader.connect() as connection:
            yield ReadTx(connection)

    @contextmanager
    def write(self) -> Iterator[WriteTx]:
        """Give a transaction that is committed, durably, when the block ends without exception."""
        with self._writing.refusing(), self._begin() as connection:
            yield WriteTx(ReadTx(connection))

    @contextmanager
    def piecemeal(self) -> Iterator[WriteTx]:
        """Give a connection to PostgreSQL on which every statement is a transaction of its own.

        For the few statements that refuse to be part of one. Its settings end with it.
        """
        with self._writing.refusing(), self.engine.connect() as connection:
            try:
                yield WriteTx(ReadTx(connection.execution_options(isolation_level="AUTOCOMMIT")))
            finally:
                connection.invalidate()

    def close(self) -> None:
        """Close every connection."""
        self._reader.dispose()
        self._close()


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


_ERRORS = Counter(
    "augury_database_errors", "Transactions that the database did not carry out", ["kind"]
)


class _Outage:
    """Whether transactions of one kind fail; the log hears when that begins and when it ends.

    Every thread of every process tries again several times a second for as long as it lasts.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._failed = 0
        self._counting = threading.Lock()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn what a database throws that is away into `LedgerUnavailable`."""
        try:
            yield
        except _UNREACHABLE as error:
            _ERRORS.labels(type(error).__name__).inc()
            self._begin(f"{type(error).__name__}: {error}"[:500])
            raise LedgerUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS) from error
        if self._failed:
            self._end()

    def _begin(self, reason: str) -> None:
        with self._counting:
            self._failed += 1
            is_first = self._failed == 1
        if is_first:  # the answer tells no details, so the log must
            logger("db").error("database_unreachable", kind=self._kind, reason=reason)

    def _end(self) -> None:
        with self._counting:
            failed, self._failed = self._failed, 0
        if failed:
            logger("db").warning("database_reachable", kind=self._kind, failed=failed)


_POSTGRES_OPTIONS = (
    f"-c lock_timeout={BUSY_SECONDS}s",
    "-c idle_in_transaction_session_timeout=60s",
    # An answer is sent after the commit is on disk, whatever the server's own default.
    "-c synchronous_commit=on",
)


def _postgres_engine(url: URL, pool: int) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
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


def locked(some: Select[Any]) -> Select[Any]:
    """Return the rows of `some`, which has a limit, locked; whoever else has one is passed by.

    As a subquery of `IN`, PostgreSQL may look for them anew for each row that it compares, and
    would find further ones each time: as many as there are. A common table expression is looked
    up once.
    """
    return select(some.with_for_update(skip_locked=True).cte("locked", nesting=True))


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
