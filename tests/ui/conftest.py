"""A cabinet in front of an API in memory, and a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, sync_playwright

from augury.client import Client, Patience
from augury.ui import visit
from augury.ui.cookies import SESSION_COOKIE, session_cookie
from augury.ui.hub import Hub, open_hub
from ui.pages import Open, open_at
from ui.stub_api import StubApi

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
)


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
