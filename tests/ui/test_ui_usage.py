"""The page of usage, in front of a real API, and its files."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from augury.client import Usage, UsageItem, UsageTotals
from augury.client.money import MoneyCalls
from augury.ui.parts.periods import Period, period_of
from augury.ui.web.cookies import SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from support.days import await_whole_day
from support.houses import APPLICANT
from ui.pages import links, words
from ui.real import Cabinet


def test_usage_has_totals_tables_and_files(cabinet: Cabinet) -> None:
    await_whole_day()
    client = cabinet.customer()
    client.predict("credit-catboost", APPLICANT)
    client.predict("credit-logistic-regression", [APPLICANT, APPLICANT])
    page = cabinet.open("usage")
    assert not page.exception
    shown = {one.label: one.value for one in page.metric if one.label != "Balance"}
    assert shown == {"Credits": "120", "Predictions": "2", "Rows": "3"}
    said = words(page)
    for expected in ("By day", "By model", "Credit score: CatBoost", "Days are those of UTC"):
        assert expected in said
    page.segmented_control[1].set_value("rows").run()
    assert not page.exception
    today = client.money.usage().items[0].day
    path = links(page)["Days as CSV"]
    assert path.endswith(f"/{today}.csv")
    browser = TestClient(Starlette(routes=[*DOWNLOADS]), cookies=cabinet.cookies)
    by_day, by_model = (
        list(csv.reader(io.StringIO(browser.get(path.replace("/day/", f"/{group}/")).text)))
        for group in ("day", "model")
    )
    assert by_day == [["day", "predictions", "rows", "credits"], [str(today), "2", "3", "120"]]
    assert by_model[1:] == [
        ["credit-catboost", "1", "1", "100"],
        ["credit-logistic-regression", "1", "2", "20"],
    ]


def test_days_without_use_say_so_and_lead_on(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("usage")
    page.segmented_control[0].set_value("last_month").run()
    assert not page.exception
    assert "Nothing was bought in these days" in words(page)
    assert "Predict" in [one.label for one in page.button]


def test_own_days_are_checked(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    client.predict("credit-catboost", APPLICANT)
    page = cabinet.open("usage")
    page.segmented_control[0].set_value("own").run()
    assert not page.exception
    assert [one.label for one in page.date_input] == ["From", "To"]
    last = page.date_input[1].value
    assert isinstance(last, date)
    page.date_input[0].set_value(last + timedelta(days=1)).run()
    assert "must not come after" in page.error[0].value
    page.date_input[0].set_value(last - timedelta(days=900)).run()
    assert "From" in page.error[0].value
    page.date_input[0].set_value(last).run()
    assert not page.error
    page.date_input[1].set_value(date(9999, 12, 31)).run()
    assert not page.exception


@pytest.mark.parametrize(
    "path",
    [
        "/usage/hour/2026-01-01/2026-01-31.csv",
        "/usage/day/2026-01-01/2026-02-31.csv",
        "/usage/day/2026-01-01/9999-12-31.csv",
        "/usage/day/2026-02-01/2026-01-01.csv",
    ],
)
def test_a_file_of_days_that_are_none_leads_back_to_the_page(cabinet: Cabinet, path: str) -> None:
    cabinet.customer()
    app = Starlette(routes=[*DOWNLOADS])
    browser = TestClient(app, cookies=cabinet.cookies, follow_redirects=False)
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/usage")
    assert SESSION_COOKIE in cabinet.cookies


def test_a_year_of_days_is_not_read_at_sight(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    items = tuple(
        UsageItem(predictions=1, rows=1, credits=1, day=date(2026, 4, 30) - timedelta(days=n))
        for n in range(100)
    )
    year = Usage("day", start, start, UsageTotals(100, 100, 100), items)
    monkeypatch.setattr(MoneyCalls, "usage", lambda *_, **__: year)
    cabinet.customer()
    page = cabinet.open("usage")
    assert len(page.table[0].value) == 31
    page.toggle[0].set_value(True).run()
    assert not page.exception
    assert len(page.table[0].value) == 100


def test_usual_periods_are_whole_days() -> None:
    today = date(2026, 3, 31)
    assert period_of("this_month", today) == Period(date(2026, 3, 1), today)
    assert period_of("last_month", today) == Period(date(2026, 2, 1), date(2026, 2, 28))
    days = period_of("days_30", today).days()
    assert (len(days), days[0], days[-1]) == (30, date(2026, 3, 2), today)
