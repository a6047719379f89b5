"""In a real browser: an API that goes away, and a cabinet that is started again."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from augury.ui.web.cookies import MAX_AGE_SECONDS, SESSION_COOKIE
from augury.ui.web.hub import session_sealer
from support.houses import free_port
from support.waiting import eventually
from ui.every_place import settle
from ui.stub_api import StubApi
from ui.walks import ENDS_WITHIN_SECONDS, SEES_WITHIN_MS, STARTS_WITHIN_SECONDS, patient

SECRET = "the same secret each time"
PROGRAM = f"""
import sys
from augury.ui.main import run
run("127.0.0.1", int(sys.argv[1]), sys.argv[2], {SECRET!r})
"""

BROKEN = """
import msgspec
from augury.ui import places

def fail(visit):
    raise RuntimeError("the name of a table")

places.SECTIONS["start"] = tuple(
    msgspec.structs.replace(one, screen=fail) if one.path == "models" else one
    for one in places.SECTIONS["start"]
)
"""


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two free ports: the API's and the cabinet's."""
    return free_port(), free_port()


@contextmanager
def api_served(stub: StubApi, port: int) -> Iterator[None]:
    """Serve the API in memory on a port."""

    async def answer(request: Request) -> Response:
        asked = httpx2.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.body(),
        )
        given = stub(asked)
        return Response(given.content, given.status_code, media_type="application/json")

    routes = [Route("/{path:path}", answer, methods=["GET", "POST"])]
    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=routes),
            port=port,
            log_level="error",
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def cabinet_served(ports: tuple[int, int], before: str = "") -> Iterator[None]:
    """Serve the cabinet in a process of its own, which does something before."""
    api_port, ui_port = ports
    command = [sys.executable, "-c", before + PROGRAM, str(ui_port), f"http://127.0.0.1:{api_port}"]
    with subprocess.Popen(command) as process:
        try:
            wait_for(f"http://127.0.0.1:{ui_port}/_stcore/health")
            yield
            process.terminate()
            assert process.wait(ENDS_WITHIN_SECONDS) == 0
        finally:
            process.kill()


def wait_for(url: str) -> None:
    """Return when something answers at `url`."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx2.get(url, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    message = f"{url} did not come up"
    raise AssertionError(message)


def await_cookie(context: BrowserContext, api: StubApi, after: int) -> None:
    """Return when the browser's cookie has a refresh token newer than so many that still counts."""

    def has_it() -> bool:
        sealed = next(one["value"] for one in context.cookies() if one["name"] == SESSION_COOKIE)
        told = session_sealer(SECRET).open(sealed, MAX_AGE_SECONDS) or ""
        good = api.refresh_tokens.copy()
        return api.token_number > after and any(f'"{one}"' in told for one in good)

    eventually(has_it, 90)


def test_people_stay_signed_in_while_parts_come_and_go(
    browser: Browser, ports: tuple[int, int], api: StubApi
) -> None:
    context = patient(browser.new_context(base_url=f"http://127.0.0.1:{ports[1]}", locale="en-US"))
    expect.set_options(timeout=SEES_WITHIN_MS)
    page, second = context.new_page(), context.new_page()
    with cabinet_served(ports):
        page.goto("/models")
        expect(page.get_by_text("not available right now")).to_be_visible()
        with api_served(api, ports[0]):
            # It comes back by itself: nobody touches the page.
            expect(page.get_by_role("heading", name="Credit: dear")).to_be_visible()
            page.goto("/transactions")
            page.get_by_label("Username", exact=True).fill("ann")
            page.get_by_label("Password", exact=True).fill("correct horse")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("+5,000 credits")).to_be_visible()
            second.goto("/predictions")
            expect(second.get_by_text("Signed in as ann")).to_be_visible()
    # Twice: the second time shows that the first one renewed the cookie.
    for _ in range(2):
        before = api.token_number
        with cabinet_served(ports), api_served(api, ports[0]):
            for tab in (page, second):
                tab.reload()
                expect(tab.get_by_text("Signed in as ann")).to_be_visible()
            # The session came back by its cookie, which is renewed after the page is drawn.
            await_cookie(context, api, before)
            issued = api.token_number
            api.access_tokens.clear()
            page.reload()
            await_cookie(context, api, issued)
    assert not api.revoked
    context.close()


def test_a_form_waits_with_what_was_typed_until_the_service_is_back(
    browser: Browser, ports: tuple[int, int], api: StubApi
) -> None:
    context = patient(browser.new_context(base_url=f"http://127.0.0.1:{ports[1]}", locale="en-US"))
    expect.set_options(timeout=SEES_WITHIN_MS)
    page = context.new_page()
    with cabinet_served(ports):
        with api_served(api, ports[0]):
            page.goto("/predict?model=dear")
            page.get_by_label("Username", exact=True).fill("ann")
            page.get_by_label("Password", exact=True).fill("correct horse")
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("spinbutton", name="Age, years").fill("47")
            # All of the page is there before the service goes away.
            expect(page.get_by_text("Signed in as ann")).to_be_visible()
            settle(page)
        page.get_by_role("button", name="Predict for 100 credits").click()
        expect(page.get_by_text("not available right now")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
        with api_served(api, ports[0]):
            expect(page.get_by_role("spinbutton", name="Age, years")).to_have_value("47")
            assert api.sold == {}
            page.get_by_role("button", name="Predict for 100 credits").click()
            expect(page.get_by_text("Charged: 100 credits.").first).to_be_visible()
    (sale,) = api.sold.values()
    assert sale["inputs"][0]["person_age"] == 47
    context.close()


def test_a_page_that_fails_says_a_sentence_and_the_others_work(
    browser: Browser, ports: tuple[int, int], api: StubApi
) -> None:
    """No trace, no text of the fault; the menu beside it leads on."""
    context = patient(browser.new_context(base_url=f"http://127.0.0.1:{ports[1]}", locale="en-US"))
    expect.set_options(timeout=SEES_WITHIN_MS)
    page = context.new_page()
    with cabinet_served(ports, BROKEN), api_served(api, ports[0]):
        page.goto("/models")
        expect(page.get_by_test_id("stAlert")).to_have_text(re.compile("Something went wrong"))
        shown = page.locator("body").inner_text()
        assert not re.search("name of a table|RuntimeError|Traceback|line [0-9]", shown)
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()
