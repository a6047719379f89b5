"""Every page of the cabinet in a real browser: to be read, heard, held in a hand, and come back to.

One walk for each kind of visitor, through all places there are; a page that is added is walked, too.
"""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from augury.bench.crowd import gather
from augury.kit.texts import texts
from augury.ui.places import ADMIN, CUSTOMER, FRONT
from support.scale import SOAKS
from ui.every_place import (
    DESK,
    GUEST,
    PHONE,
    Stop,
    asked_in_addresses,
    details,
    every_place,
    every_stop,
    is_for,
    open_context,
    settle,
    speak,
)
from ui.lively import Lively, lively_house
from ui.walks import Addresses, serving, watch_for_other_hosts

DAYS = 4
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
GRAVE = ("serious", "critical")
# What Streamlit does and we cannot mend from outside: the rule, and where alone it may be broken.
EXCUSED: dict[str, str] = {}
# What is still found after so long is a fault, however busy the machine.
_LASTS_SECONDS = 60
_TRACE = re.compile(r"Traceback|streamlit\.errors|File \"|line \d+, in ")


class Way(NamedTuple):
    """How somebody sees a page."""

    language: Literal["en", "ru"]
    theme: Literal["light", "dark"]
    size: ViewportSize


_WAYS = (Way("en", "light", DESK), Way("ru", "dark", PHONE))


class Lived(NamedTuple):
    """A served house with a past."""

    addresses: Addresses
    lively: Lively


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A whole Augury whose customers have been there for days."""
    data = tmp_path_factory.mktemp("lived")
    lively = lively_house(data, DAYS)
    with serving(data) as addresses:
        yield Lived(addresses, lively)


@pytest.mark.parametrize("viewer", [GUEST, CUSTOMER, ADMIN])
def test_every_page_is_for_everybody(browser: Browser, lived: Lived, viewer: str) -> None:
    """In both languages and themes, on a phone and through a screen reader.

    In the suite each place is seen in one of the two ways, taking turns; `make soak` has both.
    """
    context = open_context(browser, lived.addresses.ui, viewer)
    page = context.new_page()
    elsewhere = watch_for_other_hosts(page)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    titles: dict[tuple[str, str], str] = {}
    faults: list[str] = []
    for number, stop in enumerate(every_stop(lived.lively, viewer), viewer == ADMIN):
        for way in _WAYS if SOAKS else [_WAYS[number % len(_WAYS)]]:
            # Once something is wrong nobody need wait for the rest to become right.
            patience = 0 if faults else _LASTS_SECONDS
            found = _faults(page, context, lived, stop, way, patience)
            faults += [f"{stop.name}: {fault}" for fault in found]
            titles[way.language, stop.name] = page.title()
    context.close()
    assert not faults, "\n".join(faults)
    assert errors == []
    assert elsewhere == []
    paths = {place.path for place in every_place()}
    by_place = [title for (_, name), title in titles.items() if name in paths]
    assert len(set(by_place)) == len(by_place), titles


def _faults(
    page: Page, context: BrowserContext, lived: Lived, stop: Stop, way: Way, patience: int
) -> Iterator[str]:
    page.set_viewport_size(way.size)
    page.emulate_media(color_scheme=way.theme)
    speak(context, lived.addresses.ui, way.language)
    page.goto(stop.address)
    settle(page)
    yield from _lasting(page, lambda: list(_unread(page, way.language)), patience)
    found = _lasting(page, lambda: _found_by_axe(page), patience)
    yield from (f"{way.theme}, {fault}" for fault in found)
    if way.size != PHONE:
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(300)
    wide = _lasting(page, lambda: page.evaluate(_TOO_WIDE) or [], patience)
    if wide:
        yield f"scrolls sideways on a phone: {wide}"


def _lasting(page: Page, look: Callable[[], list[str]], patience: int) -> list[str]:
    """Return what is found and stays for so many seconds.

    A page says what it is, and its charts and menus move to their places, a moment after it is
    drawn; and it may be drawn anew by itself.
    """
    until = time.monotonic() + patience
    while (found := look()) and time.monotonic() < until:
        page.wait_for_timeout(300)
        settle(page)
    return found


def _unread(page: Page, language: str) -> Iterator[str]:
    """Yield what a page says to nobody: no heading, a key of a text, a trace."""
    headings = page.locator("h1").all_inner_texts()
    if len(headings) != 1 or not headings[0].strip():
        yield f"{language}: its main headings are {headings}"
    if not re.fullmatch(r".+ · Augury", page.title()):
        yield f"{language}: its title is {page.title()!r}"
    if page.evaluate("document.documentElement.lang") != language:
        yield f"{language}: it does not say its language"
    text = page.locator("body").inner_text()
    keys = sorted(key for key in texts("ui", language).keys if "." in key and key in text)
    if keys or _TRACE.search(text):
        yield f"{language}: it shows {keys or 'a trace'}"
    crashed = page.get_by_test_id("stException").count()
    if crashed or texts("ui", language).text("error.mishap") in text:
        yield f"{language}: its script has failed"


def _found_by_axe(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    wish = {"resultTypes": ["violations"], "preload": False}
    found: dict[str, Any] = page.evaluate("(wish) => axe.run(document, wish)", wish)
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:200]!r}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
        if not re.search(EXCUSED.get(one["id"], r"(?!)"), node["html"])
    ]


# What scrolls, and what of it stands out; an inner box with its own scroll bar may.
_TOO_WIDE = """() => {
  const wide = [document.scrollingElement, document.querySelector("[data-testid=stMain]")]
    .filter((one) => one.scrollWidth > one.clientWidth);
  if (!wide.length) return null;
  const edge = document.documentElement.clientWidth;
  return [...document.querySelectorAll("[data-testid=stMain] *")]
    .filter((one) => one.getBoundingClientRect().right > edge + 1)
    .slice(0, 3).map((one) => one.outerHTML.slice(0, 160));
}"""


def test_what_a_page_asks_of_its_address_is_walked() -> None:
    """A page with an id in its address needs one to be tried with."""
    tried = details(Lively("", "", "", "", "", "", ""))
    modules = {place.screen.__module__: place.path for place in every_place()}
    missing = [
        f"{screen}?{key}="
        for screen, keys in asked_in_addresses().items()
        for key in sorted(keys)
        if not any(
            key in query
            for query in tried.get(modules[f"augury.ui.screens.{screen.replace('/', '.')}"], ())
        )
    ]
    assert missing == []


def test_a_crowd_opens_every_page_whole(browser: Browser, lived: Lived) -> None:
    """What `augury bench --only cabinet` counts are pages that somebody could read."""
    context = open_context(browser, lived.addresses.ui, CUSTOMER)
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies())
    context.close()
    paths = [
        "" if place is FRONT else place.path for place in every_place() if is_for(place, CUSTOMER)
    ]
    # In a thread: the browser's own loop runs in this one.
    with ThreadPoolExecutor() as apart:
        opened = apart.submit(gather, lived.addresses.ui, [cookie] * 2, paths, 4).result()
    assert opened
    assert [one for one in opened if not one.is_whole] == []
