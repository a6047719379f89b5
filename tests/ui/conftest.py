"""A cabinet in front of an API in memory, and a browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from augury.client import Client, Patience
from augury.ui import visit
from augury.ui.web.cookies import SESSION_COOKIE, session_cookie
from augury.ui.web.hub import Hub, open_hub
from client.shop import Shop
from ui.pages import Open, open_at
from ui.real import Cabinet, cabinet_of, shop_with_models
from ui.stub_api import StubApi
from ui.walks import SEES_WITHIN_MS, Addresses, patient, serving

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No page lives long enough to earn back what optimizing its scripts costs.
    "--js-flags=--no-opt,--no-maglev",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whoever walks with a browser time: a machine that tests has other work, too."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def api() -> StubApi:
    """The API that the cabinet speaks to."""
    return StubApi()


@pytest.fixture
def hub(api: StubApi) -> Iterator[Hub]:
    """A cabinet in front of `api`, with nobody signed in."""
    client = Client(
        "http://api.test", patience=Patience(attempts=1), transport=httpx2.MockTransport(api)
    )
    with client:
        yield open_hub(client, "a secret for tests")


@pytest.fixture
def cookies(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The browser's cookies."""
    jar: dict[str, str] = {}
    monkeypatch.setattr(visit, "cookie", jar.get)
    monkeypatch.setattr(visit, "visitor_address", lambda: None)
    return jar


@pytest.fixture
def signed_in(hub: Hub, cookies: dict[str, str]) -> None:
    """Somebody is signed in."""
    session = hub.sessions.start(hub.api.acting_as(None).sign_in("ann", "correct horse"))
    cookies[SESSION_COOKIE] = session_cookie(hub, session)


@pytest.fixture
def open_page(hub: Hub, cookies: dict[str, str]) -> Open:
    """Opens a page of the cabinet by its path."""
    assert hub
    assert cookies is not None
    return lambda path="", **query: open_at(path, query)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if not CHROMIUM.exists():
        message = f"no browser at {CHROMIUM}: install the package chromium to run the browser test"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_OPTIONS)
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A whole Augury with an empty data folder."""
    with serving(tmp_path_factory.mktemp("data")) as addresses:
        yield addresses


@pytest.fixture
def visitors(browser: Browser, served: Addresses) -> Iterator[Callable[[str], BrowserContext]]:
    """Makes visitors of a language, in Moscow and with no cookies."""
    made = []

    def visitor(locale: str) -> BrowserContext:
        context = patient(
            browser.new_context(base_url=served.ui, locale=locale, timezone_id="Europe/Moscow")
        )
        made.append(context)
        return context

    expect.set_options(timeout=SEES_WITHIN_MS)
    yield visitor
    for context in made:
        context.close()


@pytest.fixture
def visitor(visitors: Callable[[str], BrowserContext]) -> BrowserContext:
    """An English visitor."""
    return visitors("en-US")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real API in this process, with the shipped models on sale."""
    with shop_with_models(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
def cabinet(shop: Shop, cookies: dict[str, str]) -> Iterator[Cabinet]:
    """A cabinet in front of that API, with nobody signed in."""
    with cabinet_of(shop, cookies) as opened:
        yield opened
