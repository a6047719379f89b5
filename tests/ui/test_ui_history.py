"""History of predictions and of money, in front of a real API."""

import csv
import io
import threading
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from augury.predictions import job_leases
from augury.ui.parts.filters import Span
from augury.ui.web.cookies import LANGUAGE_COOKIE, SESSION_COOKIE
from augury.ui.web.downloads import DOWNLOADS
from augury.ui.web.prediction_files import cell, path_of_predictions, path_of_rows, read_wanted
from support.days import await_whole_day
from support.houses import APPLICANT
from ui.pages import links, spoken, words
from ui.real import Cabinet

FOREST, LOGISTIC = "credit-random-forest", "credit-logistic-regression"


def downloaded(cabinet: Cabinet, path: str) -> Any:
    """Return what the browser gets at one of our own routes."""
    browser = TestClient(Starlette(routes=DOWNLOADS), follow_redirects=False)
    browser.cookies.set(SESSION_COOKIE, cabinet.cookies[SESSION_COOKIE])
    return browser.get(path)


def lines(content: bytes) -> list[list[str]]:
    """Return the cells of a CSV file."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def test_an_empty_history_says_so(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("predictions")
    assert "No predictions yet." in words(page)
    assert not links(page)
    page = cabinet.open("predictions", status="failed")
    assert "No predictions match these filters." in words(page)


def test_filters_stand_in_the_address_and_go_with_the_details(cabinet: Cabinet) -> None:
    await_whole_day()
    client = cabinet.customer()
    for model in (FOREST, LOGISTIC, LOGISTIC):
        client.predict(model, APPLICANT)
    page = cabinet.open("predictions")
    assert len([one for one in page.button if one.label == "Open"]) == 3
    page.selectbox(key="filter/model").set_value(FOREST).run()
    assert page.query_params["model"] == FOREST
    assert len([one for one in page.button if one.label == "Open"]) == 1
    page.selectbox(key="filter/status").set_value("failed").run()
    assert "No predictions match these filters." in words(page)
    # A link and the back button change the address only.
    page = cabinet.open("predictions", model=LOGISTIC, period="today")
    assert page.selectbox(key="filter/model").value == LOGISTIC
    assert page.selectbox(key="filter/period").value == "today"
    assert len([one for one in page.button if one.label == "Open"]) == 2
    (path,) = [url for label, url in links(page).items() if "CSV" in label]
    assert f"model={LOGISTIC}" in path
    assert "from=" in path


def test_days_are_typed_as_people_of_each_language_write_them(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    today = client.predict(LOGISTIC, APPLICANT).created_at.date()
    page = cabinet.open("predictions", period="own")
    page.text_input(key="filter/from").set_value(f"{today:%d.%m.%Y}").run()
    assert page.query_params["from"] == today.isoformat()
    assert page.text_input(key="filter/from").value == today.isoformat()
    assert any(one.label == "Open" for one in page.button)
    page.text_input(key="filter/from").set_value("tomorrow").run()
    assert "Type the date as" in page.error[0].value
    assert page.text_input(key="filter/from").value == "tomorrow"
    before = (today - timedelta(days=2)).isoformat()
    page = cabinet.open("predictions", period="own", to=before)
    assert "No predictions match these filters." in words(page)
    page = cabinet.open("predictions", period="own", to=before, **{"from": today.isoformat()})
    assert "ends before it begins" in page.error[0].value
    cabinet.cookies[LANGUAGE_COOKIE] = "ru"
    page = cabinet.open("predictions", period="own", to=before)
    assert page.text_input(key="filter/to").value == f"{today - timedelta(days=2):%d.%m.%Y}"


def test_rows_of_a_large_prediction_come_a_screenful_at_a_time(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    sold = client.predict(LOGISTIC, [APPLICANT | {"person_age": 20 + n} for n in range(60)])
    page = cabinet.open("predictions", id=sold.id)
    assert "Rows 1–25 of 60" in words(page)
    assert page.table[0].value.iloc[0, 0] == "1"
    page.button(key="rows/outputs/next").click().run()
    page.button(key="rows/outputs/next").click().run()
    assert "Rows 51–60 of 60" in words(page)
    assert page.table[0].value.iloc[0, 0] == "51"
    assert page.button(key="rows/outputs/next").disabled
    content = downloaded(cabinet, path_of_rows(sold.id)).content
    head, *rows = lines(content)
    assert head[0] == "row"
    assert {"person_age", "default_probability", "decision"} <= set(head)
    assert len(rows) == 60
    assert rows[59][head.index("person_age")] == "79"


def test_a_prediction_leads_to_its_movement_and_back(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    sold = client.predict(LOGISTIC, APPLICANT)
    page = cabinet.open("predictions", id=sold.id)
    assert sold.id in [one.value for one in page.code]
    assert sold.charge is not None
    movement = cabinet.open("transactions", reference=sold.id, id=sold.charge.transfer_id)
    said = words(movement)
    assert "The price of a prediction that succeeded." in said
    assert "−10 credits" in said
    assert any(one.label == "To the prediction" for one in movement.button)


def test_what_waits_can_be_cancelled_and_says_what_became_of_its_price(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cabinet.customer()
    looked = threading.Event()

    def nothing(_tx: object) -> bool:
        looked.set()
        return False

    # Nobody takes it up, also who was about to look for something when this test began.
    monkeypatch.setattr(job_leases, "_is_any_due", nothing)
    assert looked.wait(90)
    queued = client.predict(LOGISTIC, APPLICANT, wait=False)
    page = cabinet.open("predictions", id=queued.id)
    assert "On hold until it is finished: 10 credits." in words(page)
    page.button(key="waiting/cancel").click().run()
    said = words(page)
    assert "Cancelled" in said
    assert "Nothing was charged for it." in said
    movement = words(cabinet.open("transactions", reference=queued.id))
    assert "what was held came back" in movement
    assert "Everything that was moved for it" in movement
    for amount in ("−10 credits", "+10 credits"):
        assert amount in movement


def test_movements_are_filtered_by_type_and_time_and_explained(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    client.predict(LOGISTIC, APPLICANT)
    page = cabinet.open("transactions", type="promotion")
    said = words(page)
    assert "+5,000 credits" in said
    assert "−10 credits" not in said
    page.selectbox(key="filter/type").set_value("charge").run()
    assert "−10 credits" in words(page)
    assert "No transactions match" in words(
        cabinet.open("transactions", period="own", to="2020-01-01")
    )
    assert "gift" in words(cabinet.open("transactions", reference="welcome"))
    assert "no such transaction" in words(cabinet.open("transactions", reference="nothing"))


def test_a_list_is_downloaded_as_it_is_filtered(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    for model in (FOREST, LOGISTIC):
        client.predict(model, APPLICANT)
    found = downloaded(cabinet, path_of_predictions(FOREST, None, Span()))
    assert "attachment" in found.headers["content-disposition"]
    head, row = lines(found.content)
    about = dict(zip(head, row, strict=True))
    assert (about["model"], about["credits"], about["status"]) == (FOREST, "50", "succeeded")
    assert 0 <= float(about["probability"]) <= 1
    assert len(lines(downloaded(cabinet, "/predictions.csv").content)) == 3
    for bad in ("?model=%3D1", "?from=yesterday", "?status=a-b"):
        assert downloaded(cabinet, f"/predictions.csv{bad}").headers["location"] == "/predictions"
    gone = downloaded(cabinet, path_of_rows("018f0000-0000-7000-8000-000000000000"))
    assert gone.headers["location"] == "/predictions?download_refused=not_found"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  +7", "'  +7"),
        ("\t=1", "'\t=1"),
        ("-x", "'-x"),
        (-5, -5),
        (0.25, 0.25),
        (True, "true"),
        (None, ""),
        ("plain", "plain"),
        ([1, "a"], '[1,"a"]'),
    ],
)
def test_no_cell_is_taken_for_a_formula(value: object, written: object) -> None:
    assert cell(value) == written


def test_an_address_means_what_it_says_or_nothing() -> None:
    assert read_wanted({"model": "a", "from": "2026-01-01T00:00:00+03:00"}) is not None
    assert read_wanted({"model": "A B"}) is None
    assert spoken("a  b") == "a b"
