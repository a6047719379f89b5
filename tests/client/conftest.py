"""A real API in this process, spoken to by the real client."""

from collections.abc import Iterator

import pytest

from augury.client import Client
from client.shop import Shop
from support.databases import sqlite_database
from support.houses import findings, open_house, settings_for
from support.quick import quicken_passwords


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A house without models whose books are right in the end."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "none").mkdir()
    url = sqlite_database(folder)
    settings = settings_for(
        url, folder, models_dir=folder / "none", webhook_private_networks="127.0.0.0/8"
    )
    with pytest.MonkeyPatch.context() as patch:
        quicken_passwords(patch)
        with open_house(settings) as (http, house):
            yield Shop(http, house)
    assert findings(url) == []


@pytest.fixture
def anna(shop: Shop) -> Client:
    """A customer with 5000 credits."""
    return shop.customer()
