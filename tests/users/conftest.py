"""A house for each test of the users, on SQLite unless a test asks for both."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from support.databases import sqlite_database
from support.houses import open_house, settings_for


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, House]]:
    """One house for a whole file: its tests use names of their own."""
    folder = tmp_path_factory.mktemp("house")
    with open_house(settings_for(sqlite_database(folder), folder)) as pair:
        yield pair


@pytest.fixture
def client(opened: tuple[TestClient, House]) -> TestClient:
    """Its API."""
    return opened[0]


@pytest.fixture
def house(opened: tuple[TestClient, House]) -> House:
    """The house behind it."""
    return opened[1]
