"""The page of the audit log, in front of a real API."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import augury
from augury.client import AuditFilter
from augury.ui.parts.audit_words import ACTIONS, told_details
from augury.ui.reader import Reader
from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from ui.pages import links, press, spoken, words
from ui.real import Cabinet

DOCS = Path(augury.__file__).parents[2] / "docs/audit-log.md"


@pytest.fixture
def routes(cabinet: Cabinet) -> Iterator[TestClient]:
    """A browser in front of the routes, with an administrator signed in."""
    cabinet.admin()
    with TestClient(Starlette(routes=DOWNLOADS), follow_redirects=False) as client:
        client.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
        yield client


def test_what_was_done_is_found_by_what_by_whom_and_by_which_request(cabinet: Cabinet) -> None:
    """Before and after are told as a change."""
    buyer = cabinet.customer().me()
    admin = cabinet.admin()
    admin.admin.set_status(buyer.id, "blocked")
    (event,) = admin.admin.audit.page(AuditFilter(subject=f"user:{buyer.id}"), limit=1).items
    page = cabinet.open("admin-audit-log")
    assert not page.exception
    page.selectbox(key="admin-audit-log/action").set_value("user.status").run()
    said = words(page)
    assert "**User blocked or let in** · admin" in said
    assert "Change: active → **blocked**" in said
    page.text_input(key="admin-audit-log/subject").set_value(str(event.request_id)).run()
    assert f"user:{buyer.id}" in words(page)
    page.text_input(key="admin-audit-log/actor").set_value(buyer.username).run()
    assert "There are no such events." in words(page)
    page.text_input(key="admin-audit-log/actor").set_value("nobody at all").run()
    assert "Nobody is called nobody at all." in words(page)


def test_the_log_is_verified_at_a_button(cabinet: Cabinet) -> None:
    """The end that it shows can be typed in later; one that never was is missed."""
    cabinet.admin()
    page = cabinet.open("admin-audit-log")
    press(page, "Check now")
    assert not page.exception
    assert "The log is whole" in page.success[0].value
    head = page.code[0].value
    page.text_input(key="admin-audit-log/known").set_value(head).run()
    press(page, "Check now")
    assert page.success
    page.text_input(key="admin-audit-log/known").set_value(f"1:{'0' * 64}").run()
    press(page, "Check now")
    assert "1 thing does not add up" in page.error[0].value
    assert "does not lead through an end" in words(page)


def test_the_file_has_what_the_filters_leave_and_is_an_event_itself(
    cabinet: Cabinet, routes: TestClient
) -> None:
    admin = cabinet.admin()
    page = cabinet.open("admin-audit-log")
    page.selectbox(key="admin-audit-log/action").set_value("user.registered").run()
    (path,) = links(page).values()
    answer = routes.get(path)
    lines = list(csv.DictReader(answer.text.removeprefix("\ufeff").splitlines()))
    assert {one["action"] for one in lines} == {"user.registered"}
    (event,) = admin.admin.audit.page(AuditFilter(action="audit_log.exported"), limit=1).items
    assert event.details == {"action": "user.registered"}
    assert routes.get("/audit-log.csv?from=soon").headers["Location"] == "/admin-audit-log"


def test_every_action_has_words() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", DOCS.read_text(), re.MULTILINE))
    assert documented - set(ACTIONS) == set()
    assert len(documented) > 30


def test_details_of_any_shape_are_readable() -> None:
    """Lists are cut, moments are dates, a change inside of another is a change."""
    reader = Reader("en")
    details = {
        "title": {"from": "old", "to": "*new*"},
        "scopes": ["read"] * 30,
        "begins": 1_700_000_000_000_000,
        "currency": None,
    }
    said = spoken("\n".join(told_details(reader, details)))
    assert "Title: old → ***new***" in said
    assert said.count("read") == 20
    assert "Nov 14, 2023" in said
    assert "Currency" not in said
    assert told_details(reader, {"from": 2})[0] == "Change: ~~2~~"
