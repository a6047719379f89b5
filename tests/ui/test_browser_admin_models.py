"""In a real browser: an administrator sells a model to a customer, and looks after both."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from support.tiny_models import Tiny
from support.uploads import version
from ui.walks import balance, fits, register, sign_in, watch_for_other_hosts

NAME = "walker"
CUSTOMER = "wader"
TITLE = {"en": "Walker", "ru": "Ходок"}


def sure(page: Page, label: str, effect: str) -> None:
    """Press a button, read what it would do, and say yes."""
    page.get_by_role("button", name=label).click()
    expect(page.get_by_text(effect)).to_be_visible()
    page.get_by_role("button", name="Yes, do it").click()


def done(page: Page, sentence: str) -> None:
    expect(page.get_by_test_id("stAlert").filter(has_text=sentence)).to_be_visible()


def upload(page: Page, tiny: Tiny, *, more: bytes = b"") -> None:
    """Choose the files of a model and publish them."""
    manifest = FilePayload(
        name="manifest.json",
        mimeType="application/json",
        buffer=msgspec.json.encode(tiny.manifest),
    )
    artifact = FilePayload(
        name=tiny.path.name,
        mimeType="application/octet-stream",
        buffer=tiny.path.read_bytes() + more,
    )
    for name, file in (("Manifest", manifest), ("Artefact", artifact)):
        # By its name: while one is drawn anew there are more fields than two, or fewer.
        place = page.get_by_role("region", name=re.compile(f"^{name} "))
        place.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
        expect(page.get_by_text(file["name"])).to_be_visible()
    page.get_by_role("button", name="Examine and publish").click()


def part(page: Page, name: str) -> Locator:
    """Return the button of one part of a page."""
    return page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True)


def open_part(page: Page, path: str, name: str) -> None:
    page.goto(path)
    part(page, name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def predict(page: Page, label: str) -> None:
    page.goto(f"/predict?model={NAME}")
    page.get_by_role("button", name=label, exact=True).click()


def test_an_administrator_sells_a_model_and_looks_after_it_and_a_customer(
    visitors: Callable[[str], BrowserContext], tmp_path: Path
) -> None:
    admin, page = visitors("en-US").new_page(), visitors("en-US").new_page()
    asked_elsewhere = watch_for_other_hosts(admin)
    sign_in(admin, "admin")
    register(page, CUSTOMER)
    first, second = (
        version(tmp_path, gain, name=NAME, title=TITLE, price=price)
        for gain, price in ((1.0, 10), (0.0, 30))
    )

    _publish(admin, first)
    predict(page, "Predict for 10 credits")
    expect(page.get_by_text("Charged: 10 credits. Balance: 4,990 credits.")).to_be_visible()
    _price(admin)
    _roll_out(admin, second)
    predict(page, "Predict for 30 credits")
    expect(page.get_by_text("Charged: 30 credits. Balance: 4,960 credits.")).to_be_visible()

    _block(admin)
    page.get_by_role("button", name="Predict for 30 credits").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sure(admin, "Let in again…", "may sign in and buy again")
    done(admin, f"{CUSTOMER} may come in again.")
    sign_in(page, CUSTOMER)
    _adjust(admin)
    predict(page, "Predict for 30 credits")
    expect(balance(page)).to_have_text(re.compile("5,430 credits"))
    _parts_are_readable_on_a_phone(admin)
    assert asked_elsewhere == []


def _publish(admin: Page, tiny: Tiny) -> None:
    admin.goto("/admin-models")
    upload(admin, tiny, more=bytes(2 * 1024 * 1024))
    expect(admin.get_by_text(re.compile("Nothing was published: .*bytes"))).to_be_visible()
    expect(admin.get_by_text("nothing was stored")).to_be_visible()
    admin.reload()
    upload(admin, tiny)
    done(admin, f"{NAME}, version 1: quarantine passed, published.")
    expect(admin.get_by_text("gives the promised probabilities")).to_be_visible()
    # The one beside the verdict: the list above has the same for each model.
    admin.locator(".st-key-upload-open").get_by_role("button", name="Manage").click()
    expect(admin.get_by_role("heading", name="Walker", level=1)).to_be_visible()
    sure(admin, "Put on sale…", "can buy version 1 for 10 credits per row")
    done(admin, f"{NAME} is on sale.")


def _price(admin: Page) -> None:
    open_part(admin, f"/admin-models?model={NAME}", "Price")
    admin.get_by_label("New price, credits per row").fill("20")
    admin.get_by_label("New price, credits per row").press("Tab")
    expect(admin.get_by_role("cell", name="+10 (+100.0%)")).to_be_visible()
    sure(admin, "Set this price…", "costs 20 credits per row instead of 10 credits")
    done(admin, "The price is 20 credits per row.")


def _roll_out(admin: Page, tiny: Tiny) -> None:
    open_part(admin, f"/admin-models?model={NAME}", "Versions")
    upload(admin, tiny)
    done(admin, f"{NAME}, version 2: quarantine passed, published.")
    sure(admin, "Make version 2 the champion…", "pay 30 credits per row instead of 20 credits")
    done(admin, "The champion is version 2 now; it was 1.")


def _block(admin: Page) -> None:
    admin.goto("/admin-customers")
    admin.get_by_label("Name, e-mail or id", exact=True).fill(f"{CUSTOMER}@example.org")
    admin.get_by_label("Name, e-mail or id", exact=True).press("Enter")
    expect(admin.get_by_role("button", name="Open")).to_have_count(1)
    admin.get_by_role("button", name="Open").click()
    expect(admin.get_by_role("heading", name=CUSTOMER, exact=True)).to_be_visible()
    sure(admin, "Block…", "is signed out everywhere for good")
    done(admin, f"{CUSTOMER} is blocked.")


def _adjust(admin: Page) -> None:
    admin.get_by_role("spinbutton", name=re.compile("^Credits to give")).fill("500")
    admin.get_by_label("Reason", exact=True).fill("for the trouble")
    admin.get_by_label("Reason", exact=True).press("Tab")
    expect(admin.get_by_text("+500: balance 4,960 → 5,460")).to_be_visible()
    sure(admin, "Adjust…", "The customer sees the reason")
    done(admin, f"Done for {CUSTOMER}: +500, balance 4,960 → 5,460.")


def _parts_are_readable_on_a_phone(admin: Page) -> None:
    address = admin.url
    admin.set_viewport_size({"width": 360, "height": 740})
    ways = {
        address: ("Movements", "Predictions", "Usage", "API keys", "Statements"),
        f"/admin-models?model={NAME}": ("Versions", "Price", "Trial", "Drift", "Card"),
    }
    for path, names in ways.items():
        admin.goto(path)
        for name in names:
            part(admin, name).click()
            expect(part(admin, name)).to_be_checked()
            expect(admin.get_by_test_id("stStatusWidget")).to_have_count(0)
            fits(admin)
