"""Buying an answer about an asset and about a portfolio, in a real browser, in both languages."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ui.walks import IN_ENGLISH, IN_RUSSIAN, balance, register, watch_for_other_hosts

Texts = tuple[str, str, str, str, str]
Visitors = Callable[[str], BrowserContext]
CASES = [
    ("en-US", IN_ENGLISH, "Predict for", "Probability of a loss", "not investment advice"),
    ("ru-RU", IN_RUSSIAN, "Предсказать за", "Вероятность потерь", "не инвестиционная"),
]


def credits_left(page: Page) -> int:
    """Return the balance that is shown beside the screen."""
    return int(re.sub(r"\D", "", balance(page).get_by_test_id("stMetricValue").inner_text()))


def edit_first_cell(page: Page, text: str) -> None:
    """Type into the first symbol of the table, which is drawn on a canvas."""
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + 120, box["y"] + 52)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(("locale", "texts", "buy", "loss", "advice"), CASES)
def test_the_risk_of_an_asset(
    visitors: Visitors, locale: str, texts: Texts, buy: str, loss: str, advice: str
) -> None:
    page = visitors(locale).new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    register(page, f"plover-{locale[:2]}", texts)
    had = credits_left(page)
    page.goto("/risk")
    symbol = page.get_by_role("combobox").first
    symbol.fill("ZZZZ")
    symbol.press("Enter")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("ZZZZ")
    assert credits_left(page) == had
    symbol.fill("XOM")
    symbol.press("Enter")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_text(loss, exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page.get_by_test_id("stVegaLiteChart").first.locator("svg, canvas")).to_be_visible()
    assert credits_left(page) < had
    page.goto("/predictions")
    page.get_by_role("button", name=re.compile("^(Open|Открыть)$")).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    assert asked_elsewhere == []


@pytest.mark.parametrize(("locale", "texts", "buy", "loss", "advice"), CASES)
def test_the_risk_of_a_portfolio(
    visitors: Visitors, locale: str, texts: Texts, buy: str, loss: str, advice: str
) -> None:
    page = visitors(locale).new_page()
    register(page, f"dunlin-{locale[:2]}", texts)
    had = credits_left(page)
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/portfolio")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    edit_first_cell(page, "ZZZZ")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("ZZZZ")
    edit_first_cell(page, "WMT")
    page.get_by_role("button", name=buy).click()
    expect(page.get_by_text(advice)).to_be_visible()
    expect(page.get_by_text(loss, exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1200, "height": 800})
    assert credits_left(page) < had
