"""The pages of investment risk, run by Streamlit's own test harness against an API in memory."""

from typing import Any

import jsonschema
import pytest
from streamlit.testing.v1 import AppTest

from augury.kit.texts import LANGUAGES
from augury.ui.screens import portfolio, risk
from augury.ui.web.cookies import LANGUAGE_COOKIE
from ui.answers import problem
from ui.pages import Open, press, words
from ui.stub_api import StubApi, model
from ui.stub_investing import ANSWERS, RISK, models

pytestmark = pytest.mark.usefixtures("signed_in")
BUY = {"en": "Predict for 150", "ru": "Предсказать за 150"}


@pytest.fixture(autouse=True)
def _on_sale(api: StubApi) -> None:
    api.models = [model("cheap", 10), *models(model("like", 150))]


def buy(page: AppTest, language: str = "en") -> None:
    press(page, BUY[language])
    assert not page.exception


def charts(page: AppTest) -> list[Any]:
    return list(page.get("vega_lite_chart"))


def test_what_the_tests_answer_is_what_the_models_would(api: StubApi) -> None:
    for one in api.models[1:]:
        jsonschema.validate(ANSWERS[one["name"]], one["output_schema"])


def test_a_question_about_a_symbol_is_one_sale(open_page: Open, api: StubApi) -> None:
    page = open_page("risk")
    buy(page)
    (sale,) = api.sold.values()
    assert sale["inputs"] == [
        {
            "symbol": "AAPL",
            "horizon_days": 21,
            "loss_threshold": 0.05,
            "position_value": 10000,
            "benchmark": "SP500",
        }
    ]
    said = words(page)
    for expected in (
        "Probability of a loss 24.9%",
        "Probability of a decline 43.1%",
        "Beta 1.3",
        "13,024.10",
        "9.0%",
        "Gains are given away.",
        "strike of the call 131.84",
        "A $market.",
        "The newest close is old.",
        "From Jan 2, 1990 to Dec 28, 2022: 8,313 closes",
        "Measured on 48,210 forecasts",
        "11.1%",
        "12.3%",
        "not investment advice",
        "Charged: 150 credits",
    ):
        assert expected in said
    assert len(charts(page)) == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["risk", "portfolio"])
def test_pages_and_history_speak_both_languages(
    open_page: Open, cookies: dict[str, str], path: str, language: str
) -> None:
    cookies[LANGUAGE_COOKIE] = language
    page = open_page(path)
    buy(page, language)
    loss = {"en": "Loss: 24.9%", "ru": "Потери: 24,9 %"}[language]
    assert loss in words(open_page("predictions"))
    said = words(open_page("predictions", id="p1"))
    for expected in {
        "en": ("Probability of a loss 24.9%", "not investment advice"),
        "ru": ("Вероятность потерь 24,9 %", "не инвестиционная рекомендация"),
    }[language]:
        assert expected in words(page)
        assert expected in said


def test_an_unknown_symbol_costs_nothing_and_is_told_with_its_place(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("portfolio")
    fault = {"pointer": "/inputs/0/positions/1/symbol", "message": "no prices of JPMM here"}
    refusal = problem(422, "invalid_input", "There are faults.", errors=[fault])
    api.refusals["POST /v1/predictions"] = refusal
    buy(page)
    assert "**Positions, 2, Symbol**: no prices of JPMM here" in page.error[0].value
    assert api.sold == {}
    assert "Charged" not in words(page)


def test_own_prices_become_the_question_and_faults_are_shown_at_once(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("risk")
    page.segmented_control[0].set_value("prices").run()
    page.file_uploader[0].set_value(("a.csv", b"date,close\nx,1\n", "text/csv")).run()
    assert "**Line 2**: “x” is not a day" in page.error[0].value
    buy(page)
    assert "Please fill in: Prices" in page.error[1].value
    content = b"date;close\n05.01.2026;2,5\n02.01.2026;2\n"
    page.file_uploader[0].set_value(("b.csv", content, "text/csv")).run()
    assert "Read from Jan 2, 2026 to Jan 5, 2026: 2 closes" in words(page)
    buy(page)
    (sale,) = api.sold.values()
    days = [{"date": "2026-01-02", "close": 2.0}, {"date": "2026-01-05", "close": 2.5}]
    assert sale["inputs"][0]["prices"] == days
    assert "symbol" not in sale["inputs"][0]
    assert "'Prices', 'Value': '2 rows'" in words(open_page("predictions", id="p1"))


def test_a_portfolio_is_asked_about_with_limits_and_its_parts_are_shown(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("portfolio")
    limits = {one.label: one for one in page.number_input}
    limits["Largest weight, %"].set_value(40.0)
    buy(page)
    (sale,) = api.sold.values()
    asked = sale["inputs"][0]
    assert asked["positions"][0] == {"symbol": "AAPL", "weight": 0.5}
    assert asked["constraints"] == {"max_weight": 0.4}
    said = words(page)
    for expected in ("Diversification ratio 1.28", "The crisis again", "70.0%", "stopped early"):
        assert expected in said
    assert "The last year, and what is likely" not in said
    assert len(charts(page)) == 3


def test_a_file_of_positions_takes_the_place_of_the_table(open_page: Open, api: StubApi) -> None:
    page = open_page("portfolio")
    content = b"symbol,value\nXOM,700\nSP500,300\n"
    page.file_uploader[0].set_value(("p.csv", content, "text/csv")).run()
    assert "Together: 1,000.00" in words(page)
    buy(page)
    (sale,) = api.sold.values()
    positions = [{"symbol": "XOM", "value": 700.0}, {"symbol": "SP500", "value": 300.0}]
    assert sale["inputs"][0]["positions"] == positions
    assert "position_value" not in sale["inputs"][0]


def test_an_asset_that_was_removed_since_is_told_without_a_picture(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {**RISK, "data": {**RISK["data"], "symbol": "GONE"}}
    monkeypatch.setitem(ANSWERS, "invest", gone)
    page = open_page("risk")
    buy(page)
    assert "Quantiles of the return" in words(page)
    assert len(charts(page)) == 1


def test_the_page_of_all_models_sends_on_to_theirs(open_page: Open) -> None:
    page = open_page("predict", model="whole")
    assert "a page of their own" in words(page)
    assert [one.label for one in page.button if one.label.startswith("Predict for")] == []
    assert any(one.label == "Go to the page" for one in page.button)


def test_pages_without_a_model_on_sale_say_so(open_page: Open, api: StubApi) -> None:
    api.models = [model("cheap", 10)]
    for path in ("risk", "portfolio"):
        assert "No model of this kind is on sale" in words(open_page(path))


def test_both_screens_have_one_door() -> None:
    for screen in (risk, portfolio):
        assert callable(screen.show)
