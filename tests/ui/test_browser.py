"""One visitor's walk through the real thing: `augury serve` and a real browser."""

import re

from playwright.sync_api import Browser, BrowserContext, expect

from ui.walks import (
    PASSWORD,
    Addresses,
    balance,
    fits,
    patient,
    register,
    watch_for_other_hosts,
)


def test_a_visitor_registers_buys_a_prediction_and_leaves(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    register(page, "heron")
    expect(balance(page)).to_have_text(re.compile("5,000 credits"))

    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()
    for price in ("10", "50", "100"):
        # Two models may have the same price.
        expect(page.get_by_text(re.compile(rf"\b{price} credits per row")).first).to_be_visible()

    page.goto("/predict?model=credit-catboost")
    page.get_by_role("button", name="Predict for 100 credits").click()
    expect(page.get_by_text("Default probability").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d{1,3}\.\d%$")).first).to_be_visible()
    expect(page.get_by_text("Charged: 100 credits. Balance: 4,900 credits.")).to_be_visible()
    expect(balance(page)).to_have_text(re.compile("4,900 credits"))

    page.reload()
    expect(page.get_by_role("button", name="Predict for 100 credits")).to_be_visible()
    expect(page.get_by_text("Signed in as heron")).to_be_visible()

    second = visitor.new_page()
    second.goto("/predictions")
    expect(second.get_by_text("Signed in as heron")).to_be_visible()
    second.get_by_test_id("stButton").get_by_role("button", name="Open").click()
    expect(second.get_by_role("heading", name="Inputs")).to_be_visible()
    expect(second).to_have_url(re.compile(r"/predictions\?id="))
    second.goto("/transactions")
    expect(second.get_by_text("−100 credits")).to_be_visible()
    expect(second.get_by_text("+5,000 credits")).to_be_visible()

    with second.expect_response("**/session/language"):  # the choice is remembered
        second.get_by_text("Русский", exact=True).click()
    expect(second.get_by_role("heading", name="Операции")).to_be_visible()
    second.reload()
    expect(second.get_by_role("heading", name="Операции")).to_be_visible()
    expect(second.get_by_text(re.compile(r"^4\s900 кредитов$"))).to_be_visible()
    expect(second.locator("html")).to_have_attribute("lang", "ru")

    second.get_by_role("button", name="Выйти").click()
    expect(second.get_by_role("button", name="Вход")).to_be_visible()
    page.goto("/predictions")
    expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    assert asked_elsewhere == []


def test_the_session_cookie_is_out_of_the_pages_reach(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    register(page, "egret")
    (cookie,) = (one for one in visitor.cookies() if one["name"] == "augury_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert "augury_session" not in page.evaluate("document.cookie")
    assert "eyJ" not in page.content()


def test_a_deep_link_waits_for_the_sign_in(
    visitor: BrowserContext, browser: Browser, served: Addresses
) -> None:
    register(visitor.new_page(), "bittern")
    stranger = patient(browser.new_context(base_url=served.ui, locale="en-US"))
    page = stranger.new_page()
    page.goto("/predict?model=credit-random-forest")
    page.get_by_label("Username", exact=True).fill("bittern")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Predict for 50 credits")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/predict\?model=credit-random-forest$"))
    stranger.close()


def test_the_reference_of_the_api_needs_no_other_host(
    visitor: BrowserContext, served: Addresses
) -> None:
    """Banks' browsers reach none; the page describes every address, and they can be tried."""
    page = visitor.new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    page.goto(f"{served.api}/docs")
    expect(page.get_by_role("button", name="Authorize")).to_be_visible()
    expect(page.get_by_text("/v1/predictions", exact=True).first).to_be_visible()
    assert asked_elsewhere == []


def test_a_narrow_screen_is_not_broken(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    register(page, "crake")
    for path in ("/", "/models", "/predict?model=credit-catboost", "/transactions", "/top-up"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
