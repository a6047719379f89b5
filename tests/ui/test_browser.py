"""One visitor's walk through the real thing: `augury serve` and a real browser."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

STARTS_WITHIN_SECONDS = 90
ENDS_WITHIN_SECONDS = 10
SEES_WITHIN_MS = 20_000
PASSWORD = "a heron over the marsh"


class Addresses(NamedTuple):
    """Where the served parts are."""

    api: str
    ui: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A whole Augury with an empty data folder, started as a person would."""
    api_port, ui_port = _free_ports(2)
    data = tmp_path_factory.mktemp("data")
    log_path = data / "serve.log"
    command = [sys.executable, "-m", "augury.cli", "serve", "--data-dir", str(data)]
    command += ["--api-port", str(api_port), "--ui-port", str(ui_port)]
    addresses = Addresses(f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{ui_port}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    with (
        log_path.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            for url in (f"{addresses.api}/healthz", f"{addresses.ui}/_stcore/health"):
                _wait_for(url, process, log_path)
            yield addresses
            process.send_signal(signal.SIGTERM)
            assert process.wait(ENDS_WITHIN_SECONDS) == 0
        finally:
            process.kill()


@pytest.fixture
def visitor(browser: Browser, served: Addresses) -> Iterator[BrowserContext]:
    """An English visitor in Moscow with no cookies."""
    context = browser.new_context(base_url=served.ui, locale="en-US", timezone_id="Europe/Moscow")
    context.set_default_timeout(SEES_WITHIN_MS)
    expect.set_options(timeout=SEES_WITHIN_MS)
    yield context
    context.close()


def test_a_visitor_registers_buys_a_prediction_and_leaves(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    asked_elsewhere = _watch_for_other_hosts(page)
    _register(page, "heron")
    expect(_balance(page)).to_have_text(re.compile("5,000 credits"))

    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()
    for price in ("10", "50", "100"):
        expect(page.get_by_text(re.compile(rf"\b{price} credits per row"))).to_be_visible()

    page.goto("/predict?model=credit-catboost")
    page.get_by_role("button", name="Predict for 100 credits").click()
    expect(page.get_by_text("Default probability").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d{1,3}\.\d%$")).first).to_be_visible()
    expect(page.get_by_text("Charged: 100 credits. Balance: 4,900 credits.")).to_be_visible()
    expect(_balance(page)).to_have_text(re.compile("4,900 credits"))

    page.reload()
    expect(page.get_by_role("button", name="Predict for 100 credits")).to_be_visible()
    expect(page.get_by_text("Signed in as heron")).to_be_visible()

    second = visitor.new_page()
    second.goto("/predictions")
    expect(second.get_by_text("Signed in as heron")).to_be_visible()
    second.get_by_role("button", name="Open").click()
    expect(second.get_by_role("heading", name="Inputs")).to_be_visible()
    assert re.search(r"/predictions\?id=", second.url)
    second.goto("/transactions")
    expect(second.get_by_role("cell", name="−100")).to_be_visible()
    expect(second.get_by_role("cell", name="+5,000")).to_be_visible()

    second.get_by_text("Русский", exact=True).click()
    expect(second.get_by_role("heading", name="Операции")).to_be_visible()
    second.reload()
    expect(second.get_by_role("heading", name="Операции")).to_be_visible()
    expect(second.get_by_text(re.compile(r"4\s900 кредитов"))).to_be_visible()
    assert second.evaluate("document.documentElement.lang") == "ru"

    second.get_by_role("button", name="Выйти").click()
    expect(second.get_by_role("button", name="Вход")).to_be_visible()
    page.goto("/predictions")
    expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    assert asked_elsewhere == []


def test_the_session_cookie_is_out_of_the_pages_reach(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    _register(page, "egret")
    (cookie,) = (one for one in visitor.cookies() if one["name"] == "augury_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert "augury_session" not in page.evaluate("document.cookie")
    assert "eyJ" not in page.content()


def test_a_deep_link_waits_for_the_sign_in(
    visitor: BrowserContext, browser: Browser, served: Addresses
) -> None:
    _register(visitor.new_page(), "bittern")
    stranger = browser.new_context(base_url=served.ui, locale="en-US")
    page = stranger.new_page()
    page.goto("/predict?model=credit-random-forest")
    page.get_by_label("Username", exact=True).fill("bittern")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Predict for 50 credits")).to_be_visible()
    assert page.url.endswith("/predict?model=credit-random-forest")
    stranger.close()


def test_a_narrow_screen_is_not_broken(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    _register(page, "crake")
    for path in ("/", "/models", "/predict?model=credit-catboost", "/transactions"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def _register(page: Page, username: str) -> None:
    page.goto("/register")
    page.get_by_label("Username", exact=True).fill(username)
    page.get_by_label("E-mail", exact=True).fill(f"{username}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name=f"Hello, {username}")).to_be_visible()


def _balance(page: Page) -> Locator:
    return page.get_by_test_id("stSidebar").get_by_test_id("stMetric")


def _watch_for_other_hosts(page: Page) -> list[str]:
    asked: list[str] = []
    page.on(
        "request",
        lambda request: (
            asked.append(request.url)
            if not re.match(r"(https?|wss?)://127\.0\.0\.1:|data:|blob:", request.url)
            else None
        ),
    )
    return asked


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(url, trust_env=False).is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    message = f"{url} did not come up:\n{log_path.read_text('utf-8')[-4000:]}"
    raise AssertionError(message)
