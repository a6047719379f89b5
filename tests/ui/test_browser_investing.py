"""Buying an answer about an asset and about a portfolio, in a real browser, in both languages."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from ui.walks import IN_ENGLISH, IN_RUSSIAN, balance, fits, register, watch_for_other_hosts

Texts = tuple[str, str, str, str, str]
Visitors = Callable[[str], BrowserContext]
CASES = [
    ("en-US", IN_ENGLISH, "Predict for", "Probability of a loss", "not investment advice"),
    ("ru-RU", IN_RUSSIAN, "Предсказать за", "Вероятность потерь", "не инвестиционная"),
]


def credits_left(page: Page) -> int:
    """Return the balance that is shown beside the screen."""
    return int(re.sub(r"\D", "", shown_balance(page).text_content() or ""))


def shown_balance(page: Page) -> Locator:
    """Return the number of the balance beside the screen."""
    return balance(page).get_by_test_id("stMetricValue")


def has_paid(page: Page, had: str) -> None:
    """Wait until the balance is less; it is drawn after the answer."""
    expect(shown_balance(page)).not_to_have_text(had)
    assert credits_left(page) < int(re.sub(r"\D", "", had))


def ask_about(page: Page, symbol: str) -> None:
    """Type a symbol as one does: what is pressed before the list is there chooses nothing."""
    box = page.get_by_role("combobox", name="Symbol")
    box.fill(symbol)
    expect(page.get_by_role("option", name=symbol).first).to_be_visible()
    box.press("Enter")
    expect(box).to_have_attribute("aria-expanded", "false")


def give_positions(page: Page, symbol: str) -> None:
    """Give a file of two positions, and wait until the table has them."""
    content = f"symbol,weight\n{symbol},0.6\nJPM,0.4\n".encode()
    file: FilePayload = {"name": f"{symbol}.csv", "mimeType": "text/csv", "buffer": content}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    # The table is drawn on a canvas; what screen readers are told of it is in the page.
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas td", has_text=symbol)).to_be_attached()


@pytest.mark.parametrize(("locale", "texts", "buy", "loss", "advice"), CASES[:1])
def test_the_risk_of_an_asset(
    visitors: Visitors, locale: str, texts: Texts, buy: str, loss: str, advice: str
) -> None:
    page = visitors(locale).new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    register(page, f"plover-{locale[:2]}", texts)
    had = shown_balance(page).text_content() or ""
    page.goto("/risk")
    ask_about(page, "ZZZZ")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("ZZZZ")
    expect(shown_balance(page)).to_have_text(had)
    ask_about(page, "XOM")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_text(loss, exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page.get_by_test_id("stVegaLiteChart").first.locator("svg, canvas")).to_be_visible()
    has_paid(page, had)
    page.goto("/predictions")
    ways = page.get_by_test_id("stButton")
    ways.get_by_role("button", name=re.compile("^(Open|Открыть)$")).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    assert asked_elsewhere == []


@pytest.mark.parametrize(("locale", "texts", "buy", "loss", "advice"), CASES[1:])
def test_the_risk_of_a_portfolio(
    visitors: Visitors, locale: str, texts: Texts, buy: str, loss: str, advice: str
) -> None:
    page = visitors(locale).new_page()
    register(page, f"dunlin-{locale[:2]}", texts)
    had = shown_balance(page).text_content() or ""
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/portfolio")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    give_positions(page, "ZZZZ")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("ZZZZ")
    give_positions(page, "WMT")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_text(loss, exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(3)
    fits(page)
    page.set_viewport_size({"width": 1200, "height": 800})
    has_paid(page, had)
