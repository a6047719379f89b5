"""Fixtures for every test: both databases, and a house with the shipped models."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from augury.kit.db import Database
from support.databases import postgres_database, postgres_server, sqlite_database
from support.houses import Server, findings, servers
from support.patience import await_databases, await_duties, await_papers
from support.quick import (
    quicken_market,
    quicken_models,
    quicken_passwords,
    quicken_tracebacks,
    slacken_market,
)

# Thousands of modules and tests live as long as the process: to look through them for cycles as
# often as usual is a sixth of all the work.
gc.set_threshold(50_000, 20, 50)
# How long an example takes is no fault: the process may have stood still meanwhile.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
await_databases()
await_papers()
await_duties()
quicken_tracebacks()
quicken_market()


@pytest.fixture(autouse=True)
def _log_stays_open() -> Iterator[None]:
    """Log as before after a command that was run in this process: its screen is gone."""
    yield
    quicken_tracebacks()


@pytest.fixture(autouse=True)
def _quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not prove the shipped models anew for every house."""
    quicken_models(monkeypatch)


@pytest.fixture(autouse=True)
def _slow_market(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the market data of packages anew for every house where that is what is tested."""
    if "market" in {request.path.parent.name, request.path.stem.removeprefix("test_")}:
        slacken_market(monkeypatch)


@pytest.fixture(autouse=True)
def _quick_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not spend half a second on every sign-up, but where passwords are what is tested."""
    if request.path.name not in {"test_passwords.py", "test_sign_in.py"}:
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


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Server]]:
    """Two API processes on one database for the tests of a file, which stop in peace at the end."""
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        if request.param == "sqlite":
            address = sqlite_database(folder)
        else:
            server = request.getfixturevalue("postgres")
            address = stack.enter_context(postgres_database(server))
        running = stack.enter_context(servers(address, folder, 2))
        yield running
        assert [server.stop() for server in running] == [0, 0]
        assert findings(address) == []


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A fresh database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
