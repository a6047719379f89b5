"""Every page of the cabinet as an address and somebody who opens it, read from the places."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from augury.kit.ids import is_id
from augury.ui import screens
from augury.ui.places import ADMIN, CUSTOMER, FRONT, SECTIONS, Place
from support.houses import PASSWORD
from ui.lively import CUSTOMER as MARIA
from ui.lively import UPLOADED, Lively
from ui.walks import SEES_WITHIN_MS

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
GUEST = "guest"
VIEWERS = (GUEST, CUSTOMER, ADMIN)
_NAMES = {CUSTOMER: MARIA, ADMIN: "admin"}
_MODEL = "credit-catboost"


class Stop(NamedTuple):
    """A page as one viewer sees it; `name` tells it from all others of that viewer."""

    viewer: str
    name: str
    address: str


def every_stop(lively: Lively, viewer: str) -> Iterator[Stop]:
    """Yield every page that a viewer can come to: each place, and each with its ids."""
    for place in every_place():
        if not is_for(place, viewer):
            continue
        path = "/" if place is FRONT else f"/{place.path}"
        yield Stop(viewer, place.path, path)
        for query in details(lively).get(place.path, ()):
            named = (value for value in query.values() if not is_id(value))
            name = "-".join((place.path, *query, *named))
            yield Stop(viewer, name, f"{path}?{urlencode(query)}")


def every_place() -> list[Place]:
    """Return all places, in the order of the menu."""
    return [place for section in SECTIONS.values() for place in section]


def is_for(place: Place, viewer: str) -> bool:
    """Return whether somebody has business there; who has none is asked to sign in, or refused."""
    if viewer == GUEST:
        return place.role is None
    if place.is_for_guests:
        return False
    # An administrator's own screens of the cabinet are those of a customer.
    return place.role == viewer or (place.role is None and viewer == CUSTOMER) or place is FRONT


def details(lively: Lively) -> dict[str, tuple[dict[str, str], ...]]:
    """Return what an address may name besides its path, by path."""
    return {
        "models": ({"model": _MODEL}, {"model": "investment-risk"}),
        "predict": ({"model": _MODEL},),
        "what-if": ({"prediction": lively.prediction_id}, {"result": lively.prediction_id}),
        "batches": ({"id": lively.batch_id},),
        "predictions": ({"id": lively.prediction_id}, {"model": _MODEL}),
        "transactions": ({"reference": lively.prediction_id, "id": lively.transfer_id},),
        "webhooks": ({"id": lively.delivery_id},),
        "admin-customers": ({"id": lively.customer_id},),
        "admin-top-ups": ({"id": lively.top_up_id},),
        "admin-vouchers": ({"id": lively.voucher_batch_id},),
        "admin-models": ({"model": UPLOADED}, {"model": _MODEL}),
    }


def asked_in_addresses() -> dict[str, set[str]]:
    """Return which screens read something from their address, by their files' names."""
    folder = Path(screens.__file__).parent
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): _asked(path)
        for path in folder.rglob("*.py")
    }
    return {name: asked for name, asked in found.items() if asked}


def _asked(path: Path) -> set[str]:
    """Return the keys in `st.query_params.get("key")`."""
    keys: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "st.query_params.get"
            and isinstance(node.args[0], ast.Constant)
        ):
            keys.add(str(node.args[0].value))
    return keys


def open_context(browser: Browser, base_url: str, viewer: str) -> BrowserContext:
    """Return a browser's context in which the viewer is signed in; it speaks English."""
    context = browser.new_context(
        base_url=base_url, locale="en-US", timezone_id="Europe/Moscow", viewport=DESK
    )
    context.set_default_timeout(SEES_WITHIN_MS)
    if viewer != GUEST:
        page = context.new_page()
        page.goto("/sign-in")
        page.get_by_label("Username", exact=True).fill(_NAMES[viewer])
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_test_id("stSidebar").get_by_test_id("stMetric").wait_for(state="attached")
        page.close()
    return context


def speak(context: BrowserContext, base_url: str, language: str) -> None:
    """Let the visitor have chosen a language."""
    context.add_cookies([{"name": "augury_language", "value": language, "url": base_url}])


def settle(page: Page) -> None:
    """Wait until the page is whole: its script has run, and its charts are drawn."""
    page.locator("h1").first.wait_for(state="attached")
    page.wait_for_function(_IS_WHOLE)
    page.evaluate("document.fonts.ready")


_IS_WHOLE = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
  return app?.dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]")
    && charts.every((chart) => chart.querySelector("canvas, svg"));
}"""
