"""In a real browser: the histories, and a session that ends in the middle of a form."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from ui.walks import PASSWORD, balance, download, fits, register

AGE = "Age, years"


def sign_in_here(page: Page, username: str) -> None:
    """Sign in where the form stands in for a page."""
    page.get_by_label("Username", exact=True).fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def buy(page: Page, model: str, price: int) -> None:
    """Buy a prediction with what the form holds."""
    page.goto(f"/predict?model={model}")
    page.get_by_role("button", name=f"Predict for {price} credits").click()
    expect(page.get_by_text(f"Charged: {price} credits.").first).to_be_visible()


def opens(page: Page) -> Locator:
    """Return the ways from a list to each prediction; lists to choose from open, too."""
    return page.get_by_test_id("stButton").get_by_role("button", name=re.compile("Открыть|Open"))


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list."""
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_what_was_bought_is_found_opened_and_taken_away(
    visitor: BrowserContext, tmp_path: Path
) -> None:
    page = visitor.new_page()
    register(page, "redshank")
    buy(page, "credit-random-forest", 50)
    buy(page, "credit-logistic-regression", 10)
    page.goto("/predictions")
    expect(opens(page)).to_have_count(2)
    choose(page, "Model", "Credit score: logistic regression")
    expect(opens(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("model=credit-logistic-regression"))
    # Not today, which may be over when the list is looked at.
    choose(page, "Period", "The last 7 days")
    expect(page).to_have_url(re.compile("period=week"))

    opens(page).click()
    expect(page.get_by_role("heading", name="Inputs")).to_be_visible()
    page.go_back()
    expect(opens(page)).to_have_count(1)
    page.reload()
    expect(opens(page)).to_have_count(1)
    page.go_back()
    expect(page).to_have_url(re.compile("model="))
    place = tmp_path / "list.csv"
    download(page, page.get_by_role("link", name="This list as CSV")).save_as(place)
    assert place.read_text("utf-8-sig").count("credit-logistic-regression") == 1

    opens(page).click()
    page.get_by_role("button", name="Its transactions").click()
    expect(page.get_by_text("The price of a prediction that succeeded.")).to_be_visible()
    page.get_by_role("button", name="To the prediction").click()
    expect(page.get_by_role("heading", name="Inputs")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/predictions", "/transactions?period=own", page.url):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    visitor: BrowserContext,
) -> None:
    page, second = visitor.new_page(), visitor.new_page()
    register(page, "stint")
    page.goto("/predict?model=credit-catboost")
    page.get_by_role("spinbutton", name=AGE).fill("47")
    second.goto("/models")
    second.get_by_role("button", name="Sign out").click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()

    page.get_by_role("button", name="Predict for 100 credits").click()
    expect(page.get_by_text("What you have typed is kept")).to_be_visible()
    with page.expect_response("**/session/accept"):
        sign_in_here(page, "stint")
    expect(page.get_by_role("spinbutton", name=AGE)).to_have_value("47")
    expect(balance(page)).to_have_text(re.compile("5,000 credits"))
    page.get_by_role("button", name="Predict for 100 credits").click()
    expect(page.get_by_text("Charged: 100 credits.").first).to_be_visible()
    # The other tab has the new session, too.
    second.goto("/transactions")
    expect(second.get_by_text("−100 credits")).to_be_visible()
    expect(second.get_by_text("Signed in as stint")).to_be_visible()


def test_what_was_not_sent_yet_is_kept_too(visitor: BrowserContext) -> None:
    """Something beside the form meets the end of the session first."""
    page, second = visitor.new_page(), visitor.new_page()
    register(page, "whimbrel")
    page.goto("/predict?model=credit-catboost")
    page.get_by_role("spinbutton", name=AGE).fill("47")
    second.goto("/models")
    second.get_by_role("button", name="Sign out").click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_text("Русский", exact=True).click()
    page.get_by_label("Пароль", exact=True).fill(PASSWORD)
    with page.expect_response("**/session/accept"):  # the other tab comes in by its cookie
        page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("spinbutton", name=re.compile("Возраст"))).to_have_value("47")
    page.get_by_role("button", name=re.compile("100 кредитов")).click()
    expect(page.get_by_text("Списано: 100 кредитов.").first).to_be_visible()
    second.goto("/predictions")
    opens(second).click()
    expect(second.get_by_role("cell", name="47")).to_be_visible()


def test_two_people_at_one_browser_are_never_mixed(
    visitors: Callable[[str], BrowserContext],
) -> None:
    register(visitors("en-US").new_page(), "knot")
    context = visitors("en-US")
    first, second = context.new_page(), context.new_page()
    register(first, "ruff")
    buy(first, "credit-catboost", 100)
    first.get_by_role("spinbutton", name=AGE).fill("61")
    second.goto("/models")
    second.get_by_role("button", name="Sign out").click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()
    second.goto("/predictions")
    sign_in_here(second, "knot")
    expect(second.get_by_text("No predictions yet.")).to_be_visible()

    # The first tab is of nobody; whoever signs in there finds nothing of its owner.
    first.get_by_role("button", name="Predict for 100 credits").click()
    expect(first.get_by_text("Your session has ended")).to_be_visible()
    sign_in_here(first, "knot")
    expect(first.get_by_text("Signed in as knot")).to_be_visible()
    expect(first.get_by_role("spinbutton", name=AGE)).to_have_value("30")
    expect(first.get_by_text("Charged: 100 credits.")).to_have_count(0)
    expect(balance(first)).to_have_text(re.compile("5,000 credits"))
    expect(second.get_by_text("Signed in as knot")).to_be_visible()
