"""Statements and receipts: chosen on a screen, downloaded through a route."""

from collections.abc import Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from augury.ui.web.cookies import LANGUAGE_COOKIE, SESSION_COOKIE, session_cookie, session_of
from augury.ui.web.downloads import DOWNLOADS
from augury.ui.web.hub import Hub
from augury.ui.web.routes import ROUTES
from augury.ui.web.sessions import Caller
from ui.answers import problem
from ui.pages import Open, links, words
from ui.stub_api import StubApi

NOVEMBER = "/statements/2026-11"


@pytest.mark.usefixtures("signed_in")
def test_the_newest_month_is_offered_and_others_can_be_chosen(open_page: Open) -> None:
    page = open_page("transactions")
    assert links(page) == {"CSV": f"{NOVEMBER}.csv", "PDF": f"{NOVEMBER}.pdf"}
    said = words(page)
    for expected in ("At the end: 4,900 credits", "2 movements", "the month is not over"):
        assert expected in said
    months = page.selectbox(key="statements/month")
    assert months.options == ["November 2026", "October 2026"]
    months.set_value("2026-10").run()
    assert links(page)["CSV"] == "/statements/2026-10.csv"
    assert "not over" not in words(page)


@pytest.mark.usefixtures("signed_in")
def test_without_movements_there_are_no_statements(open_page: Open, api: StubApi) -> None:
    api.money.months = []
    assert links(open_page("transactions")) == {}


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("code", "said"),
    [("paper_too_long", "Take the CSV file"), ("<b>", "could not be made"), ("x.y", "Try again")],
)
def test_a_statement_that_could_not_be_made_is_explained_until_another_month_is_chosen(
    open_page: Open, code: str, said: str
) -> None:
    page = open_page("transactions", download_refused=code)
    assert said in page.error[0].value
    assert code not in page.error[0].value
    page.selectbox(key="statements/month").set_value("2026-10").run()
    assert not page.error


@pytest.fixture
def browser(hub: Hub) -> Iterator[TestClient]:
    """A browser in front of the routes, with somebody signed in."""
    session = hub.sessions.start(hub.api.acting_as(None).sign_in("ann", "correct horse"))
    app = Starlette(routes=[*ROUTES, *DOWNLOADS])
    with TestClient(app, follow_redirects=False) as client:
        client.cookies.set(SESSION_COOKIE, session_cookie(hub, session))
        yield client


@pytest.mark.parametrize(
    ("form", "media_type"), [("csv", "text/csv; charset=utf-8"), ("pdf", "application/pdf")]
)
def test_a_month_is_given_as_a_file(browser: TestClient, form: str, media_type: str) -> None:
    answer = browser.get(f"{NOVEMBER}.{form}", headers={"Accept-Language": "ru"})
    assert answer.text == f"2026-11 {media_type.partition(';')[0]} ru"
    assert answer.headers["Content-Type"] == media_type
    disposition = f'attachment; filename="augury-statement-2026-11.{form}"'
    assert answer.headers["Content-Disposition"] == disposition
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_language_that_was_chosen_by_hand_counts(browser: TestClient) -> None:
    browser.cookies.set(LANGUAGE_COOKIE, "ru")
    answer = browser.get(f"{NOVEMBER}.csv", headers={"Accept-Language": "en"})
    assert answer.text.endswith(" ru")


def test_a_receipt_is_given_as_a_file(browser: TestClient) -> None:
    answer = browser.get("/receipts/t1.pdf")
    assert (answer.text, answer.headers["Content-Type"]) == ("receipt of t1", "application/pdf")
    disposition = 'attachment; filename="augury-receipt-t1.pdf"'
    assert answer.headers["Content-Disposition"] == disposition


def test_a_receipt_that_there_is_not_leads_back_to_the_top_ups(
    browser: TestClient, api: StubApi
) -> None:
    api.refusals["GET /v1/top-ups/t1/receipt"] = problem(409, "top_up_not_paid", "Not paid.")
    answer = browser.get("/receipts/t1.pdf")
    assert answer.headers["Location"] == "/top-up?download_refused=top_up_not_paid"


@pytest.mark.usefixtures("signed_in")
def test_the_top_ups_say_why_a_receipt_was_refused(open_page: Open) -> None:
    assert "could not be made" in open_page("top-up", download_refused="x").error[0].value


@pytest.mark.parametrize(
    ("path", "screen"),
    [
        ("/statements/2026-11.exe", "/transactions"),
        ("/statements/me.csv", "/transactions"),
        ("/statements/2026-1.csv", "/transactions"),
        ("/receipts/a%22b.pdf", "/top-up"),
        ("/receipts/a.b.pdf", "/top-up"),
    ],
)
def test_what_is_no_file_leads_back_to_its_screen(
    browser: TestClient, path: str, screen: str
) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, screen)


def test_guests_are_led_to_the_screen_which_asks_them_to_sign_in(browser: TestClient) -> None:
    browser.cookies.clear()
    answer = browser.get(f"{NOVEMBER}.csv")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/transactions")


def test_a_session_that_is_over_gives_no_file(browser: TestClient, api: StubApi) -> None:
    api.access_tokens.clear()
    api.refresh_tokens.clear()
    assert browser.get(f"{NOVEMBER}.csv").headers["Location"] == "/transactions"


def test_an_api_that_is_down_leads_to_the_screen_which_waits_for_it(
    browser: TestClient, api: StubApi
) -> None:
    api.is_down = True
    assert browser.get(f"{NOVEMBER}.csv").headers["Location"] == "/transactions"


@pytest.mark.parametrize(
    ("code", "told"), [("paper_too_long", "paper_too_long"), ("x&y=1", ""), ("", "http_422")]
)
def test_a_refusal_is_carried_to_the_screen_by_its_code_alone(
    browser: TestClient, api: StubApi, code: str, told: str
) -> None:
    api.refusals["GET /v1/statements/2026-11"] = problem(422, code, "Too long.")
    answer = browser.get(f"{NOVEMBER}.pdf")
    assert answer.headers["Location"] == f"/transactions?download_refused={told}"


def test_a_token_that_was_renewed_on_the_way_goes_into_the_cookie(
    browser: TestClient, api: StubApi, hub: Hub
) -> None:
    api.access_tokens.clear()
    answer = browser.get(f"{NOVEMBER}.csv")
    assert answer.status_code == 200
    cookie = answer.cookies[SESSION_COOKIE]
    # As after a restart: only the cookie knows the session.
    hub.sessions._live.clear()
    assert session_of(hub, cookie, Caller("en")) is not None


def test_a_file_is_passed_on_while_it_comes(browser: TestClient, api: StubApi) -> None:
    closed = []

    class Pieces(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"first,", b"second")

        def close(self) -> None:
            closed.append(True)

    api.refusals["GET /v1/statements/2026-11"] = httpx2.Response(200, stream=Pieces())
    with browser.stream("GET", f"{NOVEMBER}.csv") as answer:
        assert "Content-Length" not in answer.headers
        assert answer.read() == b"first,second"
    assert closed
