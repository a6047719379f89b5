"""The routes that set cookies do so for our own pages only."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from augury.ui.web.cookies import LANGUAGE_COOKIE, SESSION_COOKIE, session_of
from augury.ui.web.hub import Hub
from augury.ui.web.routes import ROUTES, safe_path
from augury.ui.web.sessions import Caller
from ui.stub_api import StubApi

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(hub: Hub) -> TestClient:
    """A browser in front of the routes; `hub` is open behind them."""
    assert hub
    return TestClient(Starlette(routes=ROUTES), follow_redirects=False)


def ticket(hub: Hub) -> str:
    """Return a ticket for somebody who has just signed in."""
    session = hub.sessions.start(hub.api.acting_as(None).sign_in("ann", "correct horse"))
    return hub.tickets.issue(session.id)


def test_a_ticket_buys_a_cookie_that_scripts_cannot_read(hub: Hub, browser: TestClient) -> None:
    form = {"ticket": ticket(hub), "next": "/predict?model=credit-catboost"}
    answer = browser.post("/session/accept", data=form, headers=OURS)
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/predict?model=credit-catboost",
    )
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert session_of(hub, browser.cookies[SESSION_COOKIE], Caller("en")) is not None
    again = browser.post("/session/accept", data=form, headers=OURS)
    assert "Set-Cookie" not in again.headers


def test_over_https_the_cookie_is_secure(hub: Hub) -> None:
    browser = TestClient(Starlette(routes=ROUTES), "https://x.test", follow_redirects=False)
    answer = browser.post("/session/accept", data={"ticket": ticket(hub)}, headers=OURS)
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/session/accept", "/session/end", "/session/renew"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {},
    ],
)
def test_other_sites_are_turned_away(
    hub: Hub, browser: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = browser.post(path, data={"ticket": ticket(hub)}, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_an_older_browser_is_known_by_its_origin(hub: Hub, browser: TestClient) -> None:
    headers = {"Origin": "http://testserver"}
    answer = browser.post("/session/accept", data={"ticket": ticket(hub)}, headers=headers)
    assert answer.status_code == 204
    assert SESSION_COOKIE in browser.cookies


def test_a_browser_is_one_persons_at_a_time(api: StubApi, hub: Hub, browser: TestClient) -> None:
    """Another person's session ends; the same person's other tabs stay signed in."""
    for user_id in ("u1", "u1", "u2"):
        one = ticket(hub)
        session = hub.sessions.find(hub.tickets.redeem(one) or "")
        assert session is not None
        session.user_id = user_id
        form = {"ticket": hub.tickets.issue(session.id)}
        browser.post("/session/accept", data=form, headers=OURS)
    # The first one's cookie was replaced by the second's, which the third's ended.
    assert api.refresh_tokens == {"refresh-1", "refresh-3"}


def test_links_cannot_sign_anybody_in_or_out(browser: TestClient) -> None:
    for path in ("/session/accept", "/session/end", "/session/renew"):
        assert browser.get(path, headers=OURS).status_code == 405


def test_signing_out_revokes_and_takes_the_cookie_back(
    api: StubApi, hub: Hub, browser: TestClient
) -> None:
    browser.post("/session/accept", data={"ticket": ticket(hub)}, headers=OURS)
    cookie = browser.cookies[SESSION_COOKIE]
    answer = browser.post("/session/end", headers=OURS)
    assert answer.headers["Location"] == "/"
    assert SESSION_COOKIE not in browser.cookies
    assert api.refresh_tokens == set()
    assert session_of(hub, cookie, Caller("en")) is None


def test_signing_out_twice_is_harmless(browser: TestClient) -> None:
    for _ in range(2):
        assert browser.post("/session/end", headers=OURS).status_code == 303


def test_renewing_needs_a_session_that_lives(hub: Hub, browser: TestClient) -> None:
    assert "Set-Cookie" not in browser.post("/session/renew", headers=OURS).headers
    browser.post("/session/accept", data={"ticket": ticket(hub)}, headers=OURS)
    assert SESSION_COOKIE in browser.post("/session/renew", headers=OURS).headers["Set-Cookie"]


def test_only_languages_that_we_have_are_remembered(browser: TestClient) -> None:
    browser.post("/session/language", data={"language": "ru"}, headers=OURS)
    assert browser.cookies[LANGUAGE_COOKIE] == "ru"
    answer = browser.post("/session/language", data={"language": "xx"}, headers=OURS)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/predictions?id=1", "/predictions?id=1"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("", "/"),
    ],
)
def test_the_way_on_stays_on_this_site(target: str, safe: str) -> None:
    assert safe_path(target) == safe
