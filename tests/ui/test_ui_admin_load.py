"""The page of load, in front of a real API."""

from datetime import UTC, datetime

import pytest

from augury.client import Timeline
from augury.predictions.workers import Presence
from augury.ui.screens.admin import load
from support.houses import APPLICANT
from support.waiting import eventually
from ui.pages import words
from ui.real import Cabinet


def test_the_page_tells_what_is_going_on_and_what_went_on(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers are there because this house works in the background itself."""
    monkeypatch.setattr(load, "_SHORTEST_SECONDS", 0.0)
    buyer = cabinet.customer()
    buyer.predict("credit-logistic-regression", APPLICANT)
    admin = cabinet.admin()
    eventually(lambda: admin.admin.load_now().workers != ())
    page = cabinet.open("admin-load")
    assert not page.exception
    said = words(page)
    for expected in ("Requests per second", "Workers 1", "Inside the API", "Parts of batches"):
        assert expected in said
    assert "1 prediction" in said
    page.run()
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Requests per second"] != "…"
    assert shown["Memory"].endswith("MiB")


def test_a_customer_is_refused_and_sees_no_figures(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("admin-load")
    assert not page.exception
    assert page.error
    assert "Inside the API" not in words(page)


def test_nobody_who_works_is_said_aloud(cabinet: Cabinet) -> None:
    """A house whose only worker is gone."""
    admin = cabinet.admin()

    def kinds() -> set[str]:
        return {one.kind for one in admin.admin.load_now().workers}

    # It has begun a moment ago, and says by and by that it is still there.
    eventually(lambda: kinds() == {"embedded"})
    presence = Presence(cabinet.shop.house.db, "apart")
    presence.say()
    assert kinds() == {"embedded", "apart"}
    presence.leave()
    assert kinds() == {"embedded"}


def test_steps_without_sales_are_drawn_as_nothing() -> None:
    """Hours are counted from the first to the last of a timeline; days begin at midnight."""
    first, last = (datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((1, 22), (3, 1)))
    hours = load._every_step(Timeline(since=first, until=last, step="hour", items=()))
    assert (len(hours), hours[0], hours[-1]) == (27, first, datetime(2026, 3, 3, 0, tzinfo=UTC))
    days = load._every_step(Timeline(since=first, until=last, step="day", items=()))
    assert [one.day for one in days] == [1, 2, 3]
