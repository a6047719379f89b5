"""The cabinet: how long until a page is useful, alone in a browser and among fifty people."""

import statistics
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from augury.bench.crowd import Opened, gather
from augury.bench.history import APPLICANT
from augury.bench.processes import augury_server, cabinet_server
from augury.client import Client

PEOPLE: Final = 50
STEPS: Final = 3
_USERS: Final = 10
_PURCHASES: Final = 40
_PASSWORD: Final = "a heron over the marsh"  # noqa: S105 -- of users who live for one benchmark
_MODEL: Final = "credit-logistic-regression"
_CHROMIUM: Final = "/usr/bin/chromium"
_CHROMIUM_OPTIONS: Final = ("--headless", "--no-sandbox", "--disable-gpu")
_IS_USEFUL: Final = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  return app?.dataset.testScriptState === "notRunning" && document.querySelector("h1")
    && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]");
}"""


class Place(Struct, frozen=True):
    """A page to open; `path` is empty for the front page."""

    path: str
    is_admins: bool = False


class Door(Struct, frozen=True):
    """How the cabinet knows somebody: its cookie's name, and its text for a refresh token."""

    cookie: str
    seal: Callable[[str], str]


def run(
    folder: Path,
    places: Sequence[Place],
    door: Callable[[Path], Door],
    *,
    repeat: int,
    seconds: int,
    progress: Callable[[], None],
) -> list[dict[str, Any]]:
    """Return a figure for each page in a browser, if there is one, and one for the crowd."""
    with (
        augury_server(folder, 0, admin_password=_PASSWORD) as (api, _),
        cabinet_server(folder, api) as address,
    ):
        names = _users(api)
        known = door(folder)
        progress()
        figures = _pages(address, api, places, known, repeat)
        progress()
        # An administrator is one person; the crowd are customers.
        paths = [one.path for one in places if not one.is_admins]
        cookies = [
            f"{known.cookie}={known.seal(_refresh_token(api, names[number % len(names)]))}"
            for number in range(PEOPLE)
        ]
        figures.append(_crowd_figure(gather(address, cookies, paths, seconds)))
        progress()
    return figures


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures for people."""
    lines = [f"{'page':28}{'cold ms':>10}{'warm ms':>10}"]
    for one in figures:
        if "page" in one:
            lines.append(f"{one['page']:28}{one['cold_ms']:10,.0f}{one['warm_ms']:10,.0f}")
        elif "missing" in one:
            lines.append(one["missing"])
        else:
            lines.append(
                f"{one['people']} people at once: {one['opened']} pages in turn,"
                f" p50 {one['p50_ms']:,.0f} ms, p95 {one['p95_ms']:,.0f} ms,"
                f" worst {one['worst_ms']:,.0f} ms, {one['broken']} broken"
            )
    return "\n".join(lines)


def _users(api: str) -> list[str]:
    """Register people who have bought something; return their names."""
    names = [f"bench-{number}" for number in range(_USERS)]
    for name in names:
        with Client(api) as client:
            client.register(name, f"{name}@example.com", _PASSWORD)
            client.sign_in(name, _PASSWORD)
            for _ in range(_PURCHASES):
                client.predict(_MODEL, APPLICANT)
    return names


def _refresh_token(api: str, name: str) -> str:
    with Client(api) as client:
        return client.sign_in(name, _PASSWORD).refresh_token


def _crowd_figure(opened: Sequence[Opened]) -> dict[str, Any]:
    p50, p95 = np.percentile([one.seconds for one in opened], [50, 95])
    return {
        "people": PEOPLE,
        "opened": len(opened),
        "p50_ms": round(p50 * 1000, 1),
        "p95_ms": round(p95 * 1000, 1),
        "worst_ms": round(max(one.seconds for one in opened) * 1000, 1),
        "broken": sum(not one.is_whole for one in opened),
        "median_ms_by_page": {
            path or "front": round(
                statistics.median(one.seconds for one in opened if one.path == path) * 1000, 1
            )
            for path in sorted({one.path for one in opened})
        },
    }


def _pages(
    address: str, api: str, places: Sequence[Place], door: Door, repeat: int
) -> list[dict[str, Any]]:
    try:
        playwright: Any = import_module("playwright.sync_api")
    except ModuleNotFoundError:
        return [{"missing": "pages in a browser need playwright: pip install playwright"}]
    if not Path(_CHROMIUM).exists():
        return [{"missing": f"pages in a browser need {_CHROMIUM}"}]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=_CHROMIUM, args=list(_CHROMIUM_OPTIONS))
        cookie = {
            "name": door.cookie,
            "value": door.seal(_refresh_token(api, "bench-0")),
            "url": address,
        }
        figures = [
            _page(browser, address, one.path, cookie, repeat) for one in places if not one.is_admins
        ]
        browser.close()
    return figures


def _page(
    browser: Any, address: str, path: str, cookie: dict[str, str], repeat: int
) -> dict[str, Any]:
    """Open a page with an empty cache and again with a full one, so many times; medians count."""
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(repeat):
        context = browser.new_context()
        context.add_cookies([cookie])
        page = context.new_page()
        for found in (cold, warm):
            started = time.perf_counter()
            page.goto(f"{address}/{path}", wait_until="commit")
            page.wait_for_function(_IS_USEFUL)
            found.append(time.perf_counter() - started)
        context.close()
    return {
        "page": path or "front",
        "cold_ms": round(statistics.median(cold) * 1000, 1),
        "warm_ms": round(statistics.median(warm) * 1000, 1),
    }
