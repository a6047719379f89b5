"""`make screenshots`: a lively Augury, and a picture of each of its pages.

In both languages, both themes, on a desk and on a phone. With `--readme` it takes only the pictures
of the README, and puts them where the README looks for them.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import track

from ui.conftest import CHROMIUM, CHROMIUM_OPTIONS
from ui.every_place import VIEWERS, Stop, every_stop, open_context, settle, speak
from ui.lively import Lively, lively_house
from ui.walks import Addresses, serving

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "screenshots"
README_FOLDER = ROOT / "docs/images"
LANGUAGES = ("en", "ru")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# A desk and a phone, in pixels.
WIDTHS = (1280, 360)
DAYS = 45
_WINDOW_HEIGHT = 800
# Of 100: text stays sharp, and four pictures weigh less than one would without.
_QUALITY = 84
# Charts and menus move to their new places.
_MOVING_MS = 600


class Shown(NamedTuple):
    """A picture of the README: the page's viewer and name, and how it is taken."""

    file: str
    viewer: str
    name: str
    scheme: Literal["light", "dark"]


README: tuple[Shown, ...] = (
    Shown("overview", "customer", "overview", "light"),
    Shown("prediction", "customer", "predictions-id", "dark"),
    Shown("top-up", "customer", "top-up", "light"),
    Shown("models", "guest", "models", "dark"),
)


def main() -> None:
    """Take the pictures and say where they are."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--readme", action="store_true", help="only what the README shows")
    told.add_argument("--only", default="", help="only pages with this in their names")
    told.add_argument("--days", type=int, default=DAYS, help="how far back the past goes")
    wish = told.parse_args()
    with lively_augury(wish.days) as (addresses, lively), chromium() as browser:
        if wish.readme:
            _take_for_readme(browser, addresses, lively)
        else:
            _take_all(browser, addresses, lively, wish.only)


@contextmanager
def lively_augury(days: int) -> Iterator[tuple[Addresses, Lively]]:
    """Serve a house with a past."""
    with tempfile.TemporaryDirectory(prefix="augury-screenshots-") as folder:
        data = Path(folder)
        # The house tells of each request of its past.
        with (data / "past.log").open("w") as log, redirect_stderr(log):
            lively = lively_house(data, days)
        with serving(data) as addresses:
            yield addresses, lively


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_OPTIONS)
        )
        yield browser
        browser.close()


def _take_all(browser: Browser, addresses: Addresses, lively: Lively, only: str) -> None:
    if not only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    walks = [
        (viewer, language, [stop for stop in every_stop(lively, viewer) if only in stop.name])
        for viewer in VIEWERS
        for language in LANGUAGES
    ]
    steps = [(viewer, language, stop) for viewer, language, stops in walks for stop in stops]
    contexts: dict[tuple[str, str], Page] = {}
    for viewer, language, stop in track(steps, description="screenshots"):
        if (viewer, language) not in contexts:
            context = open_context(browser, addresses.ui, viewer)
            speak(context, addresses.ui, language)
            contexts[viewer, language] = context.new_page()
        page = contexts[viewer, language]
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.goto(stop.address)
            for width in WIDTHS:
                _take_whole(page, width, _file(stop, language, scheme, width))


def _file(stop: Stop, language: str, scheme: str, width: int) -> Path:
    return FOLDER / stop.viewer / f"{stop.name.replace('/', '-')}-{language}-{scheme}-{width}.png"


def _take_whole(page: Page, width: int, file: Path) -> None:
    """Take all of the page, which scrolls inside of the window."""
    page.set_viewport_size({"width": width, "height": _WINDOW_HEIGHT})
    page.wait_for_timeout(_MOVING_MS)
    settle(page)
    height = page.evaluate(
        "Math.max(...['stMain', 'stSidebarContent'].map((id) =>"
        " document.querySelector(`[data-testid=${id}]`)?.scrollHeight ?? 0))"
    )
    page.set_viewport_size({"width": width, "height": max(_WINDOW_HEIGHT, height)})
    page.wait_for_timeout(_MOVING_MS)
    page.screenshot(path=file)


def _take_for_readme(browser: Browser, addresses: Addresses, lively: Lively) -> None:
    README_FOLDER.mkdir(parents=True, exist_ok=True)
    for shown in track(README, description="pictures of the README"):
        context = open_context(browser, addresses.ui, shown.viewer)
        page = context.new_page()
        page.emulate_media(color_scheme=shown.scheme)
        (stop,) = (one for one in every_stop(lively, shown.viewer) if one.name == shown.name)
        page.goto(stop.address)
        settle(page)
        page.wait_for_timeout(_MOVING_MS)
        picture = Image.open(BytesIO(page.screenshot()))
        picture.save(README_FOLDER / f"{shown.file}.webp", quality=_QUALITY, method=6)
        context.close()


if __name__ == "__main__":
    main()
