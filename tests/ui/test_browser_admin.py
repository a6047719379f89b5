"""An administrator's walk through what the house has to do, sells, owes and remembers."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ui.walks import (
    PASSWORD,
    Addresses,
    download,
    fits,
    register,
    serving,
    watch_for_other_hosts,
)

PAGES = ("load", "popularity", "ledger", "audit-log", "top-ups", "vouchers", "settings")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A whole Augury whose administrator's password is known."""
    with serving(tmp_path_factory.mktemp("data"), AUGURY_ADMIN_PASSWORD=PASSWORD) as addresses:
        yield addresses


def sign_in(page: Page) -> None:
    """Sign the administrator in."""
    page.goto("/sign-in")
    page.get_by_label("Username", exact=True).fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as admin")).to_be_visible()


def test_an_administrator_looks_after_the_house(
    visitors: Callable[[str], BrowserContext], tmp_path: Path
) -> None:
    customer = visitors("en-US").new_page()
    register(customer, "bunting")
    customer.goto("/predict?model=credit-catboost")
    customer.get_by_role("button", name="Predict for 100 credits").click()
    expect(customer.get_by_text("Charged: 100 credits.")).to_be_visible()
    customer.goto("/admin-load")
    expect(customer.get_by_text("Only an administrator may do this.")).to_be_visible()

    page = visitors("en-US").new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    sign_in(page)
    page.goto("/admin-load")
    expect(page.get_by_role("cell", name="Inside the API")).to_be_visible()
    expect(page.get_by_text("1 prediction · failed: 0")).to_be_visible()
    # By itself, five seconds later.
    rate = page.get_by_test_id("stMetric").filter(has_text="Requests per second")
    expect(rate).to_contain_text(re.compile(r"\d"))

    page.goto("/admin-popularity")
    expect(page.get_by_role("cell", name="Credit score: CatBoost").first).to_be_visible()
    sales = tmp_path / "sales.csv"
    download(page, page.get_by_role("link", name="Table as a file, CSV")).save_as(sales)
    assert "credit-catboost,1,1,1,100,1.0000" in sales.read_text("utf-8-sig")

    page.goto("/admin-ledger")
    page.get_by_role("button", name="Audit now").click()
    expect(page.get_by_text("The books are right")).to_be_visible()

    page.goto("/admin-vouchers")
    page.get_by_label("What for", exact=True).fill("Fair")
    page.get_by_label("What for", exact=True).press("Tab")
    page.get_by_role("button", name="Make codes").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("Save them now")).to_be_visible()

    page.goto("/admin-audit-log")
    expect(page.get_by_text("Vouchers made").first).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("The log is whole")).to_be_visible()
    assert asked_elsewhere == []

    page.set_viewport_size({"width": 360, "height": 740})
    for path in PAGES:
        page.goto(f"/admin-{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
