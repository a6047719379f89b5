"""A newcomer's walk in a real browser: the landing page, the dashboard, a key, a webhook, usage."""

import re
from collections.abc import Callable

import httpx2
from playwright.sync_api import BrowserContext, Page, expect

from support.houses import APPLICANT
from ui.walks import IN_RUSSIAN, Addresses, balance, download, fits, register

MODEL = "credit-logistic-regression"


def test_a_newcomer_looks_around_makes_a_key_and_sees_what_it_spent(
    visitor: BrowserContext, served: Addresses
) -> None:
    page = visitor.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("risk predictions"))
    sample = page.locator(".st-key-sample")
    expect(sample.get_by_text("Default probability")).to_be_visible()
    expect(sample.get_by_test_id("stMetricValue")).to_have_text(re.compile(r"^\d+\.\d%$"))
    expect(
        sample.get_by_test_id("stVegaLiteChart").locator("canvas, svg.marks").first
    ).to_be_visible()

    register(page, "teal")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()

    key = make_a_key(page)
    spend_with(key, served)
    page.goto("/")
    expect(page.get_by_role("heading", name="Predictions by day")).to_be_visible()
    expect(page.get_by_text("1 prediction in the last 30 days")).to_be_visible()
    expect(balance(page)).to_have_text(re.compile("4,990 credits"))
    revoke_the_key(page, key, served)
    add_an_endpoint(page)

    page.goto("/usage")
    expect(page.get_by_role("cell", name="Credit score: logistic regression")).to_be_visible()
    days = download(page, page.get_by_role("link", name="Days as CSV"))
    written = days.path().read_text("utf-8").splitlines()
    assert written[0] == "day,predictions,rows,credits"
    assert written[1].endswith(",1,1,10")


def make_a_key(page: Page) -> str:
    """Make a key, look away and back, switch the language, and only then say it is saved."""
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name", exact=True).fill("walker")
    page.get_by_role("button", name="Create key").click()
    shown = page.locator(".st-key-secret-keys")
    expect(shown.get_by_text("Copy it now")).to_be_visible()
    code = shown.get_by_test_id("stCode").first
    expect(code).to_have_text(re.compile(r"^\s*aug_\w{40}\s*$"))
    text = code.inner_text().strip()
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_text("Nothing was bought in these days.")).to_be_visible()
    page.get_by_role("link", name="API keys").click()
    # What is clicked before a page has begun is a click on the page before it.
    expect(shown.get_by_text("Copy it now")).to_be_visible()
    with page.expect_response("**/session/language"):  # the choice is remembered
        page.get_by_text("Русский", exact=True).click()
    expect(shown.get_by_text("Скопируйте")).to_be_visible()
    with page.expect_response("**/session/language"):
        page.get_by_text("English", exact=True).click()
    expect(shown.get_by_text("Copy it now")).to_be_visible()
    expect(shown.get_by_text(text, exact=True).first).to_be_visible()
    expect(shown).to_contain_text("Authorization: Bearer $AUGURY_TOKEN")
    page.get_by_role("button", name="I have saved it").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")
    assert text not in page.content()
    return text


def spend_with(key: str, served: Addresses) -> None:
    """Buy a prediction as a program."""
    answer = httpx2.post(
        f"{served.api}/v1/predictions",
        json={"model": MODEL, "inputs": [APPLICANT]},
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 201, answer.text


def revoke_the_key(page: Page, key: str, served: Addresses) -> None:
    """Revoke it, and see that it opens nothing any more."""
    page.goto("/keys")
    expect(page.get_by_text("spent with it: 10 credits")).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()
    # The button that asked is still there for a moment, and is called the same.
    question = page.locator("[class*=st-key-deed-keys-revoke][class*=-question]")
    question.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("You have no keys yet.")).to_be_visible()
    refused = httpx2.get(
        f"{served.api}/v1/balance",
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=60,
    )
    assert refused.status_code == 401


def add_an_endpoint(page: Page) -> None:
    """Add an endpoint after one that is refused, test it, and look at the delivery."""
    page.goto("/webhooks")
    address = page.get_by_label("Address", exact=True)
    address.fill("http://localhost:1/augury")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_text("is not an address on the public internet")).to_be_visible()
    expect(address).to_have_value("http://localhost:1/augury")
    address.fill("https://hooks.invalid/augury")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.locator(".st-key-secret-webhooks").get_by_text("whsec_")).to_be_visible()
    page.get_by_role("button", name="I have saved it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test is on its way.")).to_be_visible()
    page.get_by_role("button", name="Details").click()
    expect(page.get_by_role("heading", name="Answer of the server")).to_be_visible()
    expect(page.get_by_text('"type": "ping"')).to_be_visible()


def test_a_guest_with_a_phone_sees_the_ways_in_at_once(
    visitors: Callable[[str], BrowserContext],
) -> None:
    """The menu is folded away on a narrow screen: so the page itself must lead in."""
    page = visitors("ru-RU").new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/")
    for name in ("Регистрация", "Вход"):
        button = page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)
        expect(button).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Живой пример")).to_be_visible()
    fits(page)
    page.get_by_test_id("stMain").get_by_role("button", name="Вход", exact=True).click()
    expect(page.get_by_label("Пароль", exact=True)).to_be_visible()
    register(page, "snipe", IN_RUSSIAN)
    for path in ("/", "/usage", "/keys", "/webhooks"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
