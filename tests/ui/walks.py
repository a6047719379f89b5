"""A whole Augury, started as a person would, and what visitors of it do in a browser."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect

from support.houses import free_port

# For hangs only: a machine that tests has other work, too.
STARTS_WITHIN_SECONDS = 240
ENDS_WITHIN_SECONDS = 90
SEES_WITHIN_MS = 90_000
PASSWORD = "a heron over the marsh"


class Addresses(NamedTuple):
    """Where the served parts are."""

    api: str
    ui: str


# What a browser of each language reads on the way in.
IN_ENGLISH = ("Username", "E-mail", "Password", "Create account", "Hello")
IN_RUSSIAN = (
    "Имя пользователя",
    "Электронная почта",
    "Пароль",
    "Создать учётную запись",
    "Здравствуйте",
)


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Addresses]:
    """Serve a whole Augury with an empty data folder; in the end it must stop when told."""
    api_port, ui_port = free_port(), free_port()
    log_path = data / "serve.log"
    command = [sys.executable, "-m", "augury.cli", "serve", "--data-dir", str(data)]
    command += ["--api-port", str(api_port), "--ui-port", str(ui_port)]
    addresses = Addresses(f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{ui_port}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
    environment |= {"AUGURY_ADMIN_PASSWORD": PASSWORD} | settings
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


def patient(context: BrowserContext) -> BrowserContext:
    """Let pages of a browser take their time, and press nothing while they are being drawn.

    What is pressed on something that Streamlit is about to draw anew is not heard, or is heard by
    what stood there before.
    """
    context.set_default_timeout(SEES_WITHIN_MS)
    context.on("page", lambda page: page.add_locator_handler(page.locator(_DRAWN), lambda: None))
    return context


_DRAWN = "[data-testid=stApp]:not([data-test-script-state=notRunning])"


def register(page: Page, username: str, texts: tuple[str, str, str, str, str] = IN_ENGLISH) -> None:
    """Open an account, which signs in."""
    name, email, password, submit, hello = texts
    page.goto("/register")
    page.get_by_label(name, exact=True).fill(username)
    page.get_by_label(email, exact=True).fill(f"{username}@example.org")
    page.get_by_label(password, exact=True).fill(PASSWORD)
    page.get_by_role("button", name=submit).click()
    expect(page.get_by_role("heading", name=f"{hello}, {username}")).to_be_visible()


def sign_in(page: Page, username: str) -> None:
    """Come in with an account that there is."""
    page.goto("/sign-in")
    page.get_by_label("Username", exact=True).fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(f"Signed in as {username}")).to_be_visible()


def balance(page: Page) -> Locator:
    """Return the balance beside every screen."""
    return page.get_by_test_id("stSidebar").get_by_test_id("stMetric")


def fits(page: Page) -> None:
    """Wait until the page does not scroll sideways: its parts move when it has become narrow."""
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


def download(page: Page, link: Locator) -> Download:
    """Take a file by a link."""
    # Until our script is there, a link opens another tab, which would have the file.
    page.wait_for_function("'auguryMend' in window")
    with page.expect_download() as begun:
        link.click()
    return begun.value


def watch_for_other_hosts(page: Page) -> list[str]:
    """Return a list that will have every address outside of this machine that is asked for."""
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
