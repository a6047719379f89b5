"""Predicting and what-if, in front of a real API."""

import json
import shlex
from typing import Any

import pyarrow as pa
import pytest

from augury.client import Client, Unreachable
from augury.ui.parts import address
from augury.ui.parts.samples import in_curl
from augury.ui.web.hub import open_hub
from support.houses import APPLICANT
from ui.pages import press, spoken, words
from ui.real import Cabinet

DEAR = "credit-catboost"
CHEAP = "credit-logistic-regression"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every answer that is waited for takes too long; the keys of those that are not."""
    keys: list[str] = []
    predict = Client.predict

    def slow(self: Client, *order: Any, wait: bool = True, **rest: Any) -> Any:
        if wait:
            message = "too slow"
            raise Unreachable(message)
        keys.append(rest["idempotency_key"])
        return predict(self, *order, wait=False, **rest)

    monkeypatch.setattr(Client, "predict", slow)
    return keys


def charts(page: Any) -> list[dict[str, Any]]:
    """Return the specifications of the page's charts."""
    return [json.loads(one.proto.spec) for one in page.get("vega_lite_chart")]


def rows(page: Any) -> list[dict[str, Any]]:
    """Return what the page's only chart shows; Streamlit sends it apart from the chart."""
    (chart,) = (one for one in page.get("vega_lite_chart") if one.proto.data.data)
    return list(pa.ipc.open_stream(chart.proto.data.data).read_all().to_pylist())


def test_an_answer_is_a_gauge_with_bands_and_signed_reasons(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("predict", model=DEAR)
    assert "Price per row: 100 credits." in words(page)
    page.checkbox[0].check().run()
    assert "That is 100 for the row and 40 for the reasons." in words(page)
    press(page, "Predict for 140 credits")
    assert not page.exception
    gauge, _ = charts(page)
    bands = gauge["layer"][0]["data"]["values"]
    assert [(one["from"], one["to"]) for one in bands] == [(0.0, 0.15), (0.15, 0.4), (0.4, 1.0)]
    reasons = rows(page)
    assert reasons[0]["label"] == "Purpose: −1.47"
    values = [one["value"] for one in reasons]
    assert min(values) < 0 < max(values)
    said = words(page)
    assert "lowers the risk (\N{MINUS SIGN}1.47)" in said
    assert "Charged: 140 credits. Balance: 4,860 credits." in said


def test_an_answer_survives_a_reload(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("predict", model=CHEAP)
    press(page, "Predict for 10 credits")
    (bought,) = client.predictions().items
    assert page.query_params["answer"] == bought.id
    again = cabinet.open("predict", model=CHEAP, answer=bought.id)
    assert [one.value for one in again.header] == ["Answer"]
    assert client.me().balance.available == 4990


def test_somebody_elses_answer_is_not_shown(cabinet: Cabinet) -> None:
    bought = cabinet.customer().predict(CHEAP, APPLICANT)
    cabinet.customer()
    page = cabinet.open("predict", model=CHEAP, answer=bought.id)
    assert not page.header
    assert not page.exception


def test_the_example_is_filled_in_again(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("predict", model=DEAR)
    page.number_input[0].set_value(77)
    page.selectbox[1].set_value("OWN")
    press(page, "Predict for 100 credits")
    assert (page.number_input[0].value, page.selectbox[1].value) == (77, "OWN")
    press(page, "Fill in an example")
    assert (page.number_input[0].value, page.selectbox[1].value) == (30, "RENT")


def test_missing_credits_are_counted_and_what_was_typed_stays(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    client.predict(DEAR, [APPLICANT] * 49)
    client.predict(CHEAP, [APPLICANT] * 4)
    page = cabinet.open("predict", model=DEAR)
    page.number_input[0].set_value(44)
    press(page, "Predict for 100 credits")
    assert "Missing: 40 credits." in spoken(page.warning[0].value)
    assert "Top up the balance" in [link.label for link in page.page_link]
    assert page.number_input[0].value == 44
    assert client.me().balance.available == 60


def test_what_takes_long_is_waited_for_and_bought_once(cabinet: Cabinet, later: list[str]) -> None:
    client = cabinet.customer()
    page = cabinet.open("predict", model=CHEAP)
    press(page, "Predict for 10 credits")
    assert not page.exception
    (bought,) = client.predictions().items
    assert client.await_prediction(bought.id).status == "succeeded"
    again = cabinet.open("predict", model=CHEAP, answer=bought.id)
    assert "Default probability" in words(again)
    assert len(later) == 1
    assert client.me().balance.available == 4990


def test_an_unfinished_answer_says_how_it_is(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cabinet.customer()
    queued = client.predict(CHEAP, APPLICANT, wait=False)
    monkeypatch.setattr(Client, "prediction", lambda *_: queued)
    page = cabinet.open("predict", model=CHEAP, answer=queued.id)
    assert "Queued" in page.info[0].value
    assert "goes on in the background" in words(page)
    monkeypatch.undo()


def test_the_samples_have_exactly_the_row_that_was_sent(cabinet: Cabinet) -> None:
    cabinet.customer()
    hub = open_hub(cabinet.hub.api, "a secret for tests", "http://augury.test/")
    hub.sessions._live.update(cabinet.hub.sessions._live)
    page = cabinet.open("predict", model=CHEAP)
    page.number_input[0].set_value(41)
    press(page, "Predict for 10 credits")
    curl, python = (one.value for one in page.code)
    words_of_it = shlex.split(curl.replace("\\\n", " "))
    sent = json.loads(words_of_it[words_of_it.index("-d") + 1])
    assert words_of_it[2] == "http://augury.test/v1/predictions"
    assert sent == {"model": CHEAP, "inputs": [APPLICANT | {"person_age": 41}]}
    assert "'person_age': 41" in python
    compile(python, "sample", "exec")


def test_a_shell_takes_every_value_letter_by_letter() -> None:
    row = {"name": 'O\'Neill $HOME `id` "x" \\ ёж\n'}
    command = in_curl("http://a.test", "m", row, explain=True)
    sent = shlex.split(command.replace("\\\n", " "))[-1]
    assert json.loads(sent) == {"model": "m", "inputs": [row], "explain": True}


def choose(page: Any, label: str, value: Any) -> None:
    """Choose in the list of this label."""
    next(one for one in page.selectbox if one.label == label).set_value(value).run()


def test_one_moved_input_is_quoted_bought_once_and_drawn(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("what-if", model=CHEAP)
    choose(page, "Move", "person_income")
    press(page, "Work out the price")
    assert client.me().balance.available == 5000
    assert "21 calls, 10 credits each: 210 credits in all" in spoken(page.info[0].value)
    press(page, "Make 21 calls for 210 credits")
    assert not page.exception
    (curve,) = charts(page)
    points = curve["layer"][-1]["data"]["values"]
    assert len(points) == 21
    (base,) = (one for one in points if one["base"])
    assert base["at"] == 50000
    sold = client.prediction(client.predictions().items[0].id)
    assert sold.outputs is not None
    assert base["probability"] == sold.outputs[0]["default_probability"]
    assert client.me().balance.available == 4790
    assert not [one for one in page.button if one.label.startswith("Make")]
    assert "Charged: 210 credits." in words(page)


@pytest.mark.parametrize(("seconds", "charts_shown"), [(3600.0, 1), (0.0, 0)])
def test_a_second_click_does_not_lead_back(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, seconds: float, charts_shown: int
) -> None:
    """It has the address of before, and what was bought stays in sight; later one may go back."""
    monkeypatch.setattr(address, "_LATE_CLICK_SECONDS", seconds)
    cabinet.customer()
    page = cabinet.open("what-if", model=CHEAP)
    press(page, "Work out the price")
    before = dict(page.query_params)
    press(page, "Make 21 calls")
    assert len(charts(page)) == 1
    page.query_params.clear()
    page.query_params.update(before)
    page.run()
    assert len(charts(page)) == charts_shown
    assert ("result" in page.query_params) is bool(charts_shown)


def test_an_experiment_is_opened_again_from_the_history(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    grades = [APPLICANT | {"loan_grade": grade} for grade in "ABC"]
    bought = client.predict(CHEAP, grades)
    history = cabinet.open("predictions", id=bought.id)
    assert "Show as a chart" in words(history)
    page = cabinet.open("what-if", result=bought.id)
    labels = [one["label"] for one in rows(page)]
    assert len(labels) == 3
    assert [label.endswith("(base)") for label in labels] == [True, False, False]


def test_two_moved_inputs_are_a_heat_map(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("what-if", model=CHEAP)
    choose(page, "Move", "loan_int_rate")
    choose(page, "And with it", "loan_grade")
    press(page, "Work out the price")
    assert "49 calls" in spoken(page.info[0].value)
    press(page, "Make 49 calls")
    cells = rows(page)
    assert (len(cells), sum(one["base"] for one in cells)) == (49, 1)
    assert client.predictions().items[0].rows == 49


def test_a_prediction_leads_to_what_if_with_its_own_row(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    bought = client.predict(CHEAP, APPLICANT | {"person_age": 52})
    assert "What if?" in words(cabinet.open("predictions", id=bought.id))
    page = cabinet.open("what-if", prediction=bought.id)
    assert page.number_input[0].value == 52
    assert page.selectbox[0].value == CHEAP


def test_an_offer_is_gone_when_the_rows_change(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("what-if", model=CHEAP)
    press(page, "Work out the price")
    assert [one for one in page.button if one.label.startswith("Make")]
    page.number_input[0].set_value(61).run()
    assert not [one for one in page.button if one.label.startswith("Make")]


def test_a_range_that_is_none_is_refused_on_the_spot(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("what-if", model=CHEAP)
    steps = next(one for one in page.number_input if one.label.startswith("Places"))
    steps.set_value(42).run()
    assert "from 2 to 41 places" in page.error[0].value


def test_an_order_that_is_too_dear_says_what_is_missing(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    client.predict(DEAR, [APPLICANT] * 45)
    page = cabinet.open("what-if", model=DEAR)
    press(page, "Work out the price")
    assert "Missing: " in spoken(page.warning[0].value)
    assert client.me().balance.available == 500
