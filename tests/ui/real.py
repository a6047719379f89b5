"""The cabinet in front of a real API in this process, opened by people who are signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from augury.client import Client
from augury.kit.ids import new_id
from augury.ui.web.cookies import SESSION_COOKIE, session_cookie
from augury.ui.web.hub import Hub, open_hub
from client.shop import Shop
from support.databases import sqlite_database
from support.houses import PASSWORD, findings, open_house, settings_for
from support.quick import quicken_models, quicken_passwords
from ui.pages import open_at


@dataclass(frozen=True)
class Cabinet:
    """A cabinet of a real house, as one browser sees it."""

    shop: Shop
    hub: Hub
    cookies: dict[str, str]

    def customer(self) -> Client:
        """Register somebody with 5000 credits, sign this browser in, and return their client."""
        name = f"u{new_id()[-12:]}"
        client = self.shop.guest()
        client.register(name, f"{name}@example.com", PASSWORD)
        return self.signed_in(name)

    def admin(self) -> Client:
        """Sign this browser in as the administrator, and return their client."""
        return self.signed_in("admin")

    def signed_in(self, name: str) -> Client:
        """Sign this browser in, and return a client of the same user."""
        session = self.hub.sessions.start(self.hub.api.acting_as(None).sign_in(name, PASSWORD))
        self.cookies[SESSION_COOKIE] = session_cookie(self.hub, session)
        client = self.shop.guest()
        client.sign_in(name, PASSWORD)
        return client

    def open(self, path: str = "", **query: str) -> AppTest:
        """Open a page by its path."""
        return open_at(path, query)


@contextmanager
def shop_with_models(folder: Path) -> Iterator[Shop]:
    """Open a house on SQLite that sells what is shipped; its books are right in the end."""
    url = sqlite_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        quicken_passwords(patch)
        quicken_models(patch)
        with open_house(settings_for(url, folder)) as (http, house):
            yield Shop(http, house)
    assert findings(url) == []


@contextmanager
def cabinet_of(shop: Shop, cookies: dict[str, str]) -> Iterator[Cabinet]:
    """Open a cabinet in front of a shop, with nobody signed in."""
    with shop.guest() as api:
        yield Cabinet(shop, open_hub(api, "a secret for tests"), cookies)
