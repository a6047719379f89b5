"""The pages of one's own account, in front of a real API."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from augury.client import ApiError
from augury.kit.db import Database
from augury.ui.web.cookies import LANGUAGE_COOKIE, RESET_COOKIE
from augury.ui.web.headers import MIDDLEWARE
from augury.users import recovery
from support.houses import PASSWORD
from ui.pages import press, words
from ui.real import Cabinet

NEW = "an otter under the bridge"


def fill(page: AppTest, label: str, text: str, place: int = 0) -> None:
    """Type into the field of this label; of several, the one at a place."""
    [one for one in page.text_input if one.label.startswith(label)][place].set_value(text)


def secret_for(db: Database, name: str) -> str:
    """Return the token of a link that an operator made."""
    return recovery.make_link(db, name, "").partition("token=")[2]


def test_the_profile_says_who_one_is_and_where_one_is_signed_in(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    me = client.me()
    page = cabinet.open("profile")
    assert not page.exception
    said = words(page)
    for expected in (me.username, me.email, "python-httpx2", "from testclient"):
        assert expected in said
    assert [one.label for one in page.button if one.label == "End"] == ["End"]


def test_a_new_password_keeps_this_browser_signed_in(cabinet: Cabinet) -> None:
    """The cookie goes on, also in a process that has to restore it; the other session ends."""
    client = cabinet.customer()
    name = client.me().username
    page = cabinet.open("profile")
    fill(page, "Current password", "wrong", 1)
    fill(page, "New password", NEW)
    press(page, "Change the password")
    assert "The current password is not right" in page.error[0].value
    fill(page, "Current password", PASSWORD, 1)
    press(page, "Change the password")
    assert not page.exception
    assert "Your password is changed" in page.success[0].value
    assert [one.value for one in page.text_input if one.label == "New password"] == [""]
    assert "You are signed in nowhere else." in words(page)
    assert f"Signed in as **{name}**" in words(cabinet.open("profile"))
    cabinet.hub.sessions._live.clear()
    assert f"Signed in as **{name}**" in words(cabinet.open("profile"))
    cabinet.shop.guest().sign_in(name, NEW)


def test_an_address_is_changed_and_what_was_typed_stays_after_a_refusal(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    other = cabinet.shop.customer().me().email
    page = cabinet.open("profile")
    fill(page, "New e-mail address", other)
    fill(page, "Current password", PASSWORD)
    press(page, "Change the address")
    assert other in page.error[0].value.replace("\\", "")
    email = next(one for one in page.text_input if one.label == "New e-mail address")
    assert email.value == other
    fresh = f"new.{other}"
    fill(page, "New e-mail address", fresh)
    press(page, "Change the address")
    assert not page.exception
    assert "A message about it goes to the previous one." in page.success[0].value
    assert client.me().email == fresh
    assert fresh in words(page)


def test_the_language_of_mails_is_chosen(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("profile")
    page.button_group[0].set_value("ru").run()
    assert not page.exception
    assert client.me().language == "ru"
    assert "in this language" in page.success[0].value


def test_sessions_are_ended_by_their_buttons(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    third = cabinet.shop.guest()
    third.sign_in(client.me().username, PASSWORD)
    page = cabinet.open("profile")
    assert words(page).count("Since") == 3
    press(page, "End")
    assert words(page).count("Since") == 2
    press(page, "End all other sessions")
    assert not page.exception
    with pytest.raises(ApiError):
        client.me()
    assert "You are signed in nowhere else." in words(page)


def test_leaving_takes_the_name_the_password_and_the_tick(cabinet: Cabinet) -> None:
    """Until then nothing happens; afterwards nobody is signed in."""
    client = cabinet.customer()
    name = client.me().username
    page = cabinet.open("profile")
    assert "your username and e-mail address are forgotten" in words(page)
    fill(page, "Current password", PASSWORD, 2)
    press(page, "Close the account")
    assert "This is not your username." in page.error[0].value
    fill(page, "To confirm", name)
    press(page, "Close the account")
    assert "tick that you give them up" in page.error[0].value
    (tick,) = [one for one in page.checkbox if one.label.startswith("I give up")]
    assert "5,000 credits" in tick.label
    tick.check()
    press(page, "Close the account")
    assert not page.exception
    assert not page.error
    assert cabinet.open("profile").title[0].value == "Sign in"


def test_who_forgot_the_password_is_told_the_truth_where_no_mail_is_sent(cabinet: Cabinet) -> None:
    """What was typed stays."""
    page = cabinet.open("sign-in")
    assert "Forgotten password?" in [link.label for link in page.page_link]
    page = cabinet.open("forgot")
    press(page, "Send the link")
    assert "Enter your e-mail address." in page.error[0].value
    fill(page, "E-mail", "anna@example.com")
    press(page, "Send the link")
    assert "ask its administrator" in page.error[0].value
    assert page.text_input[0].value == "anna@example.com"


def test_a_link_sets_a_new_password_once(cabinet: Cabinet) -> None:
    name = cabinet.shop.customer().me().username
    cabinet.cookies[RESET_COOKIE] = secret_for(cabinet.shop.house.db, name)
    page = cabinet.open("reset")
    fill(page, "New password", "short")
    press(page, "Set the password")
    assert "10" in page.error[0].value
    fill(page, "New password", NEW)
    press(page, "Set the password")
    assert not page.exception
    assert "Sign in with it." in page.success[0].value
    cabinet.shop.guest().sign_in(name, NEW)
    again = cabinet.open("reset")
    fill(again, "New password", NEW)
    press(again, "Set the password")
    assert "does not work any more" in again.error[0].value
    assert "Ask for a new link" in words(again)


def test_without_a_link_the_page_says_how_to_get_one(cabinet: Cabinet) -> None:
    said = words(cabinet.open("reset"))
    assert "opened by the link of an e-mail" in said
    assert "Ask for a new link" in said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("profile", "Где выполнен вход"),
        ("forgot", "Мы пришлём ссылку"),
        ("reset", "открывается по ссылке"),
        ("goodbye", "Спасибо"),
    ],
)
def test_every_page_speaks_russian(cabinet: Cabinet, path: str, said: str) -> None:
    cabinet.customer()
    cabinet.cookies[LANGUAGE_COOKIE] = "ru"
    page = cabinet.open(path)
    assert not page.exception
    assert said in words(page)


def shown_address(request: Request) -> PlainTextResponse:
    """Answer with the query that the page itself is asked with."""
    return PlainTextResponse(f"{request.url.path}?{request.url.query}")


@pytest.fixture
def front() -> TestClient:
    """What stands before the pages."""
    pages = [Route(f"/{name}", shown_address) for name in ("reset", "sign-in")]
    return TestClient(Starlette(routes=pages, middleware=MIDDLEWARE), follow_redirects=False)


def test_the_token_of_a_link_stays_in_no_address(front: TestClient) -> None:
    """It becomes a cookie that no script reads, before any page is sent."""
    answer = front.get("/reset?token=abc-DEF_123&utm=mail")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reset")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{RESET_COOKIE}=abc-DEF_123;")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == ""


@pytest.mark.parametrize("token", ["a b", "%0d%0aSet-Cookie:x", "", "ы", "x" * 201])
def test_what_is_no_token_becomes_no_cookie(front: TestClient, token: str) -> None:
    answer = front.get(f"/reset?token={token}")
    assert "set-cookie" not in answer.headers
    assert answer.headers["location"] == "/reset"


def test_other_pages_keep_their_addresses(front: TestClient) -> None:
    assert front.get("/reset").text == "/reset?"
    assert front.get("/sign-in?token=abc").text == "/sign-in?token=abc"
