"""Fixtures for every test: both databases, and a house with the shipped models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.kit.db import Database
from support.databases import postgres_database, postgres_server, sqlite_database
from support.quick import quicken_models, quicken_passwords, quicken_tracebacks

quicken_tracebacks()


@pytest.fixture(autouse=True)
def _quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not prove the shipped models anew for every house."""
    quicken_models(monkeypatch)


@pytest.fixture(autouse=True)
def _quick_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not spend half a second on every sign-up, but where passwords are what is tested."""
    if "users" not in request.path.parts:
        quicken_passwords(monkeypatch)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running PostgreSQL server, by the address of its maintenance database."""
    with postgres_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        yield sqlite_database(tmp_path)
    else:
        with postgres_database(request.getfixturevalue("postgres")) as address:
            yield address


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A fresh database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
