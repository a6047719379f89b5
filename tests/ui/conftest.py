"""A cabinet in front of an API in memory, and a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, sync_playwright

from augury.client import Client, Patience
from augury.ui.hub import Hub, open_hub
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
