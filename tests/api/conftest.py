"""One house for a whole file of API tests, with a customer and an administrator signed in."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from support.databases import sqlite_database
from support.houses import findings, open_house, settings_for, sign_in, sign_up


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, House]]:
    """An open house; when its tests are done its books must be right."""
    folder = tmp_path_factory.mktemp("house")
    url = sqlite_database(folder)
    with open_house(settings_for(url, folder)) as pair:
        yield pair
    assert findings(url) == []


@pytest.fixture
def client(opened: tuple[TestClient, House]) -> TestClient:
    """Its API."""
    return opened[0]


@pytest.fixture
def house(opened: tuple[TestClient, House]) -> House:
    """The house behind it."""
    return opened[1]


@pytest.fixture(scope="module")
def anna(opened: tuple[TestClient, House]) -> dict[str, str]:
    """Headers of a customer with 5000 credits."""
    return sign_up(opened[0])


@pytest.fixture(scope="module")
def admin(opened: tuple[TestClient, House]) -> dict[str, str]:
    """Headers of the administrator."""
    return sign_in(opened[0], "admin")


@pytest.fixture(scope="module")
def checked(opened: tuple[TestClient, House], anna: dict[str, str]) -> Iterator[dict[str, str]]:
    """A customer whose balance and history must be untouched when all this is over."""
    client = opened[0]
    yield anna
    assert client.get("/v1/balance", headers=anna).json() == {"available": 5000, "held": 0}
    assert client.get("/v1/predictions", headers=anna).json()["items"] == []
    (welcome,) = client.get("/v1/transactions", headers=anna).json()["items"]
    assert welcome["type"] == "promotion"
