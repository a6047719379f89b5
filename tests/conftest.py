"""Fixtures for every test: both databases, and a house with the shipped models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.kit.db import Database
from support.databases import postgres_database, postgres_server, sqlite_database
from support.quick import quicken_passwords

# Files whose few tests take long: real processes, browsers, crowds. They begin first, so that no
# process is left alone with one of them at the end.
_LONG = (
    "browser",
    "process",
    "storm",
    "under_load",
    "backup",
    "restore",
    "living",
    "upload",
    "sales",
    "docs",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first, whatever order the others come in."""
    items.sort(key=lambda item: not any(word in item.path.stem for word in _LONG))


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
