"""The administrator's page of customers, in front of a real API."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from augury.client import ApiError, AuditFilter, Client
from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from support.days import await_whole_day
from support.houses import APPLICANT
from ui.pages import links, press, spoken, words
from ui.real import Cabinet

PATH = "admin-customers"


@pytest.fixture
def anna(cabinet: Cabinet) -> Client:
    """A customer; the administrator sits at the browser."""
    client = cabinet.customer()
    cabinet.admin()
    return client


def open_part(cabinet: Cabinet, user_id: str, part: str) -> AppTest:
    page = cabinet.open(PATH, id=user_id)
    page.button_group[0].set_value(part).run()
    assert not page.exception
    return page


def fill(page: AppTest, amount: int, reason: str) -> None:
    page.number_input[0].set_value(amount)
    page.text_area[0].set_value(reason).run()


def test_a_customer_is_found_by_a_part_of_the_name(cabinet: Cabinet, anna: Client) -> None:
    cabinet.shop.customer()
    me, page = anna.me(), cabinet.open(PATH)
    page.text_input[0].set_value(me.username[1:]).run()
    opened = [button.key for button in page.button if (button.key or "").startswith("open/")]
    assert opened == [f"open/{me.id}"]
    assert f"{me.email}" in words(page)
    assert "5,000 credits" in words(page)
    page.text_input[0].set_value("nobody has this name").run()
    assert "Nobody has been found." in words(page)


def test_others_are_not_shown_the_page(cabinet: Cabinet) -> None:
    me = cabinet.customer().me()
    page = cabinet.open(PATH, id=me.id)
    assert page.error
    assert me.email not in words(page)


def test_an_adjustment_is_previewed_confirmed_made_once_and_told(
    cabinet: Cabinet, anna: Client
) -> None:
    me, page = anna.me(), cabinet.open(PATH, id=anna.me().id)
    fill(page, 500, "goodwill")
    assert "+500: balance 5,000 → 5,500" in words(page)
    press(page, "Adjust")
    assert "The customer sees the reason: “goodwill”" in words(page)
    assert anna.me().balance.available == 5000
    press(page, "Yes, do it")
    assert f"Done for {me.username}: +500, balance 5,000 → 5,500." in spoken(page.success[0].value)
    assert page.metric[0].value == "5,500 credits"
    # The fields are empty again: nothing invites to do the same once more.
    assert page.number_input[0].value is None
    (made, *_) = anna.transactions().items
    assert (made.amount, made.reason) == (500, "goodwill")
    assert anna.me().balance.available == 5500


def test_what_is_not_confirmed_or_changed_meanwhile_is_not_done(
    cabinet: Cabinet, anna: Client
) -> None:
    page = cabinet.open(PATH, id=anna.me().id)
    fill(page, 500, "goodwill")
    press(page, "Adjust")
    press(page, "No")
    assert "Yes, do it" not in words(page)
    press(page, "Adjust")
    fill(page, 700, "goodwill")
    assert "Yes, do it" not in words(page)
    assert anna.me().balance.available == 5000


def test_taking_more_than_there_is_is_warned_of_refused_and_changes_nothing(
    cabinet: Cabinet, anna: Client
) -> None:
    page = cabinet.open(PATH, id=anna.me().id)
    fill(page, -9000, "a mistake")
    assert "does not have so many credits" in page.warning[0].value
    press(page, "Adjust")
    press(page, "Yes, do it")
    assert page.error
    assert page.number_input[0].value == -9000
    assert anna.me().balance.available == 5000


def test_blocking_says_what_it_does_and_letting_in_undoes_it(
    cabinet: Cabinet, anna: Client
) -> None:
    me = anna.me()
    page = cabinet.open(PATH, id=me.id)
    press(page, "Block")
    assert "signed out everywhere" in words(page)
    anna.me()
    press(page, "Yes, do it")
    assert f"{me.username} is blocked." in spoken(page.success[0].value)
    with pytest.raises(ApiError):
        anna.me()
    press(page, "Let in again")
    assert page.success == []
    press(page, "Yes, do it")
    assert anna.me().status == "active"
    assert "may come in again" in spoken(page.success[0].value)


def test_an_administrator_cannot_block_themselves(cabinet: Cabinet) -> None:
    me = cabinet.admin().me()
    page = cabinet.open(PATH, id=me.id)
    press(page, "Block")
    press(page, "Yes, do it")
    assert page.error
    assert cabinet.shop.admin().me().status == "active"


def test_every_part_of_an_account_is_shown_and_noted(cabinet: Cabinet) -> None:
    await_whole_day()  # and so in one month
    anna = cabinet.customer()
    cabinet.admin()
    me = anna.me()
    anna.predict("credit-logistic-regression", APPLICANT)
    anna.api_keys.create("nightly", credit_limit=100)
    for part, said in (
        ("transactions", "Prediction"),
        ("predictions", "credit-logistic-regression · 1"),
        ("usage", "1 row, 10 credits; predictions: 1"),
        ("api_keys", "0 of 100"),
        ("statements", "2 movements"),
    ):
        page = open_part(cabinet, me.id, part)
        assert said in words(page)
        assert "written into the audit log" in words(page)
    admin = cabinet.shop.admin()
    log = admin.admin.audit.page(AuditFilter(subject=f"user:{me.id}", action="account.read")).items
    seen = {one.details["part"] for one in log}
    assert seen == {"transactions", "predictions", "usage", "api_keys", "statements"}


def test_an_account_without_anything_says_so(cabinet: Cabinet, anna: Client) -> None:
    for part, said in (
        ("predictions", "No predictions yet."),
        ("usage", "Nothing was bought"),
        ("api_keys", "There are no API keys."),
    ):
        assert said in words(open_part(cabinet, anna.me().id, part))


@pytest.fixture
def browser(cabinet: Cabinet, anna: Client) -> Iterator[TestClient]:
    """The administrator's browser in front of the downloads."""
    with TestClient(Starlette(routes=DOWNLOADS), follow_redirects=False) as client:
        client.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
        yield client


def test_a_customers_month_is_downloaded_by_administrators_only(
    cabinet: Cabinet, anna: Client, browser: TestClient
) -> None:
    me = anna.me()
    way = links(open_part(cabinet, me.id, "statements"))
    own = anna.money.statement_file(way["CSV"].rpartition("/")[2].removesuffix(".csv"), "csv")
    answer = browser.get(way["CSV"])
    assert answer.content == own
    assert me.id in answer.headers["Content-Disposition"]
    assert browser.get(way["PDF"]).content.startswith(b"%PDF")
    cabinet.signed_in(me.username)
    browser.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
    refused = browser.get(way["CSV"])
    assert refused.headers["Location"] == f"/{PATH}?id={me.id}&download_refused=forbidden"
    odd = browser.get(f"/customers/{me.id}/statements/me.csv")
    assert odd.headers["Location"] == f"/{PATH}"
