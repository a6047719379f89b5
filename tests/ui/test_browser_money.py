"""In a real browser: from the top-up screen to the bank and back, with `augury serve` behind it."""

import re
from collections.abc import Callable
from typing import NamedTuple

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from augury.client import Client
from support.houses import APPLICANT
from ui.walks import (
    IN_ENGLISH,
    IN_RUSSIAN,
    PASSWORD,
    Addresses,
    balance,
    download,
    register,
    watch_for_other_hosts,
)

Visitors = Callable[[str], BrowserContext]


class Words(NamedTuple):
    """What a payer of one language reads on the way."""

    locale: str
    register: tuple[str, str, str, str, str]
    top_up: str
    buy: str
    pay: str
    approve: str
    decline: str
    paid: str
    declined: str
    cabinet: str
    before: str
    after: str
    is_paid: str
    is_not_paid: str
    receipt: str


ENGLISH = Words(
    "en-US",
    IN_ENGLISH,
    "Top up",
    r"Buy 5,000 credits for RUB\s4,750\.00",
    r"Pay RUB\s4,750\.00",
    "Pay",
    "Decline the payment",
    "Paid. The credits are in your balance.",
    "The payment did not go through.",
    "To the cabinet",
    r"5,000 credits",
    r"10,000 credits",
    "Paid",
    "Not paid",
    "Receipt",
)
RUSSIAN = Words(
    "ru-RU",
    IN_RUSSIAN,
    "Пополнить",
    r"Купить 5\s000 кредитов за 4\s750,00\s₽",
    r"Оплатить 4\s750,00\s₽",
    "Оплатить",
    "Отклонить платёж",
    "Оплачено. Кредиты на вашем балансе.",
    "Платёж не прошёл.",
    "В кабинет",
    r"5\s000 кредитов",
    r"10\s000 кредитов",
    "Оплачено",
    "Не оплачено",
    "Квитанция",
)


def begin(page: Page, words: Words) -> None:
    """Choose the second pack and begin to buy it."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=words.top_up).first.click()
    page.get_by_test_id("stRadioOption").nth(1).click()
    page.get_by_role("button", name=re.compile(words.buy)).click()
    expect(page.get_by_role("link", name=re.compile(words.pay))).to_be_visible()


@pytest.mark.parametrize(("name", "words"), [("stork", ENGLISH)], ids=["English"])
def test_credits_are_bought_at_the_bank(
    visitors: Visitors, served: Addresses, name: str, words: Words
) -> None:
    visitor = visitors(words.locale)
    page = visitor.new_page()
    asked_elsewhere = watch_for_other_hosts(page)
    register(page, name, words.register)
    expect(balance(page)).to_have_text(re.compile(words.before))
    begin(page, words)
    page.get_by_role("link", name=re.compile(words.pay)).click()
    # In the same tab: a payer who comes back must not find two cabinets.
    expect(page).to_have_url(re.compile(re.escape(served.api) + "/sandbox/"))
    page.get_by_role("button", name=words.approve, exact=True).click()
    expect(page.get_by_text(words.paid)).to_be_visible()
    page.get_by_role("link", name=words.cabinet).click()
    expect(balance(page)).to_have_text(re.compile(words.after))
    expect(page).to_have_url(re.compile(re.escape(served.ui)))
    assert len(visitor.pages) == 1
    page.goto("/top-up")
    expect(page.get_by_test_id("stMain").get_by_text(words.is_paid, exact=True)).to_be_visible()
    receipt = download(page, page.get_by_role("link", name=words.receipt))
    assert receipt.path().read_bytes().startswith(b"%PDF-")
    assert asked_elsewhere == []


@pytest.mark.parametrize(("name", "words"), [("kulik", RUSSIAN)], ids=["Russian"])
def test_a_declined_payment_changes_nothing(
    visitors: Visitors, served: Addresses, name: str, words: Words
) -> None:
    visitor = visitors(words.locale)
    page = visitor.new_page()
    register(page, name, words.register)
    begin(page, words)
    page.get_by_role("link", name=re.compile(words.pay)).click()
    page.get_by_role("button", name=words.decline).click()
    expect(page.get_by_text(words.declined)).to_be_visible()
    page.get_by_role("link", name=words.cabinet).click()
    expect(balance(page)).to_have_text(re.compile(words.before))
    page.get_by_test_id("stSidebar").get_by_role("link", name=words.top_up).first.click()
    expect(page.get_by_text(words.is_not_paid, exact=True)).to_be_visible()


def test_a_payment_made_elsewhere_shows_by_itself(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    register(page, "curlew")
    begin(page, ENGLISH)
    checkout = page.get_by_role("link", name=re.compile(ENGLISH.pay)).get_attribute("href")
    assert checkout is not None
    expect(page.get_by_text("Waiting for payment")).to_be_visible()
    paid = httpx2.post(checkout, data={"choice": "approve"}, trust_env=False, timeout=60)
    assert paid.status_code == 303
    # Nobody touches the page.
    expect(page.get_by_text("Paid", exact=True)).to_be_visible()
    expect(balance(page)).to_have_text(re.compile(ENGLISH.after))
    expect(page.get_by_role("button", name=re.compile(ENGLISH.buy))).to_be_visible()
    expect(page.get_by_text("looks by itself")).to_be_hidden()


def test_whoever_cannot_pay_for_a_prediction_is_shown_the_way(
    visitor: BrowserContext, served: Addresses
) -> None:
    page = visitor.new_page()
    register(page, "bustard")
    page.goto("/predict?model=credit-random-forest")
    spend = page.get_by_role("button", name="Predict for 50 credits")
    expect(spend).to_be_visible()
    with Client(served.api) as elsewhere:
        elsewhere.sign_in("bustard", PASSWORD)
        elsewhere.predict("credit-catboost", [APPLICANT] * 50)
    spend.click()
    expect(page.get_by_text("Nothing was charged")).to_be_visible()
    page.get_by_role("link", name="Top up the balance").click()
    expect(page.get_by_role("heading", name="Latest top-ups")).to_be_visible()


def test_a_month_is_taken_home_as_a_spreadsheet_and_on_paper(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    register(page, "dunlin")
    page.goto("/transactions")
    for form, begins in (("CSV", b"\xef\xbb\xbf"), ("PDF", b"%PDF-")):
        month = download(page, page.get_by_role("link", name=form))
        assert re.fullmatch(
            rf"augury-statement-\d{{4}}-\d{{2}}\.{form.lower()}", month.suggested_filename
        )
        assert month.path().read_bytes().startswith(begins)
    # The screen is still there.
    expect(page.get_by_text("+5,000 credits")).to_be_visible()
