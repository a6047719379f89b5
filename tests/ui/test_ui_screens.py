"""Every screen, run by Streamlit's own test harness against an API in memory."""

from typing import Any

import pytest

from augury.ui.parts import intents
from augury.ui.screens import (
    models,
    overview,
    predict,
    predictions,
    register,
    sign_in,
    top_up,
    transactions,
)
from augury.ui.web.cookies import LANGUAGE_COOKIE
from ui.pages import Open, words
from ui.stub_api import StubApi, model

SCREENS = (overview, models, predict, predictions, transactions, top_up, sign_in, register)


def test_guests_see_the_catalogue_with_prices_and_the_way_in(open_page: Open) -> None:
    said = words(open_page())
    for expected in ("Credit: cheap", "10 credits per row", "100 credits per row", "Register"):
        assert expected in said


def test_an_announced_price_and_examples_are_shown(open_page: Open, api: StubApi) -> None:
    change = {"price": 120, "begins_at": "2027-01-31T12:00:00Z"}
    examples = {"curl": "curl somewhere", "python": "print('bought')"}
    api.models = [{**model("dear", 100), "price_change": change, "examples": examples}]
    page = open_page("models", model="dear")
    said = words(page)
    assert "100 credits per row" in said
    assert "120 credits per row" in said
    assert "2027" in said
    assert [one.value for one in page.code] == ["curl somewhere", "print('bought')"]


def test_russian_speakers_are_spoken_to_in_russian(
    open_page: Open, cookies: dict[str, str]
) -> None:
    cookies[LANGUAGE_COOKIE] = "ru"
    said = words(open_page())
    assert "Кредит: dear" in said
    assert "100 кредитов за строку" in said


@pytest.mark.parametrize(
    "path", ["predict", "predictions", "transactions", "top-up", "usage", "keys", "webhooks"]
)
def test_a_private_page_asks_guests_to_sign_in_on_the_spot(open_page: Open, path: str) -> None:
    page = open_page(path)
    assert page.title[0].value == "Sign in"
    assert [field.label for field in page.text_input] == ["Username", "Password"]


def test_a_wrong_password_is_answered_with_a_sentence(open_page: Open) -> None:
    page = open_page("sign-in")
    page.text_input[0].set_value("ann")
    page.text_input[1].set_value("wrong")
    page.button[0].click().run()
    assert page.error[0].value == "Wrong username or password."


def test_an_empty_form_is_not_sent(open_page: Open, api: StubApi) -> None:
    page = open_page("register")
    page.button[0].click().run()
    assert "Fill in" in page.error[0].value
    assert ("POST", "/v1/auth/register") not in api.calls


@pytest.mark.usefixtures("signed_in")
def test_the_front_page_shows_the_balance(open_page: Open) -> None:
    page = open_page()
    assert {metric.value for metric in page.metric} == {"5,000 credits"}
    assert not page.error
    assert "Signed in as **ann**" in words(page)


@pytest.mark.usefixtures("signed_in")
def test_a_model_shows_its_metrics_inputs_and_card(open_page: Open) -> None:
    page = open_page("models", model="dear")
    said = words(page)
    for expected in ("0.9346", "ROC AUC", "Rented, Owned", "18–120", "loans from $500"):
        assert expected in said


@pytest.mark.usefixtures("signed_in")
def test_a_prediction_is_bought_by_the_generated_form(open_page: Open, api: StubApi) -> None:
    page = open_page("predict", model="dear")
    assert [field.label for field in page.number_input] == [
        "Age, years",
        "Annual income, USD",
        "Years in the job",
    ]
    buy = next(button for button in page.button if button.label == "Predict for 100 credits")
    page.number_input[0].set_value(33)
    buy.click().run()
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Default probability"] == "8.1%"
    assert metrics["Approval probability"] == "91.9%"
    assert metrics["Balance"] == "4,900 credits"
    assert "Charged: 100 credits. Balance: 4,900 credits." in words(page)
    assert "Rarely seen." in page.warning[0].value
    (sale,) = api.sold.values()
    assert sale["inputs"] == [
        {
            "person_age": 33,
            "person_income": 50000,
            "person_home_ownership": "RENT",
            "person_emp_length": None,
        }
    ]


@pytest.mark.usefixtures("signed_in")
def test_reasons_are_bought_by_a_tick_and_shown(open_page: Open, api: StubApi) -> None:
    page = open_page("predict", model="dear")
    (tick,) = page.checkbox
    assert tick.label == "With reasons, for 40 credits more"
    tick.check().run()
    next(one for one in page.button if one.label == "Predict for 140 credits").click().run()
    said = words(page)
    assert "Charged: 140 credits." in said
    assert "lowers the risk (-1.23)" in said.replace("−", "-")
    (sale,) = api.sold.values()
    assert sale["price"] == 140
    assert not open_page("predict", model="cheap").checkbox


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(("double_click_seconds", "sales"), [(3600.0, 1), (0.0, 2)])
def test_a_double_click_is_one_sale_and_a_later_click_another(
    open_page: Open,
    api: StubApi,
    monkeypatch: pytest.MonkeyPatch,
    double_click_seconds: float,
    sales: int,
) -> None:
    monkeypatch.setattr(intents, "_DOUBLE_CLICK_SECONDS", double_click_seconds)
    page = open_page("predict", model="cheap")
    for _ in range(2):
        next(one for one in page.button if "Predict for" in one.label).click().run()
    assert len(api.sold) == sales


@pytest.mark.usefixtures("signed_in")
def test_an_emptied_field_is_unknown_and_not_the_example(open_page: Open, api: StubApi) -> None:
    age = {"type": ["integer", "null"], "title": "Age", "examples": [30]}
    home = {"enum": ["RENT", "OWN", None], "title": "Home", "examples": ["RENT"]}
    api.models[0]["input_schema"] = {"type": "object", "properties": {"age": age, "home": home}}
    page = open_page("predict", model="cheap")
    assert (page.number_input[0].value, page.selectbox[1].value) == (30, "RENT")
    page.number_input[0].set_value(None)
    page.selectbox[1].set_value(None)
    next(one for one in page.button if "Predict for" in one.label).click().run()
    (sale,) = api.sold.values()
    assert sale["inputs"] == [{"age": None, "home": None}]


@pytest.mark.usefixtures("signed_in")
def test_a_field_left_empty_is_named_and_nothing_is_sent(open_page: Open, api: StubApi) -> None:
    income = {"type": "number", "title": "Annual income"}
    schema = {"type": "object", "required": ["income"], "properties": {"income": income}}
    api.models[0]["input_schema"] = schema
    page = open_page("predict", model="cheap")
    next(one for one in page.button if "Predict for" in one.label).click().run()
    assert page.error[0].value == "Please fill in: Annual income."
    assert api.sold == {}


@pytest.mark.usefixtures("signed_in")
def test_a_refusal_is_shown_in_its_own_words(open_page: Open, api: StubApi) -> None:
    api.balance = 5
    page = open_page("predict", model="dear")
    next(one for one in page.button if "Predict for" in one.label).click().run()
    assert page.error[0].value == "Not enough credits."
    assert [link.label for link in page.page_link] == ["Top up the balance", "Top up"]
    api.balance = 500
    next(one for one in page.button if "Predict for" in one.label).click().run()
    assert [link.label for link in page.page_link] == ["Top up"]


@pytest.mark.usefixtures("signed_in")
def test_what_was_bought_is_in_the_history(open_page: Open) -> None:
    page = open_page("predict", model="dear")
    next(one for one in page.button if "Predict for" in one.label).click().run()
    said = words(open_page("predictions"))
    assert "Approve · 8.1%" in said
    said = words(open_page("predictions", id="p1"))
    for expected in ("Approve", "8.1%", "Rented", "not known", "50,000"):
        assert expected in said
    movements = words(open_page("transactions"))
    for expected in ("−100", "+5,000", "4,900", "Prediction", "Promotion"):
        assert expected in movements


@pytest.mark.usefixtures("signed_in")
def test_a_prediction_that_failed_says_why_and_that_it_was_free(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("predict", model="dear")
    next(one for one in page.button if "Predict for" in one.label).click().run()
    (sale,) = api.sold.values()
    why = {"code": "model_failed", "message": "Nothing was charged, sorry."}
    sale |= {"status": "failed", "outputs": None, "charge": None, "error": why}
    said = words(open_page("predictions"))
    assert "Failed" in said
    assert "0 credits" in said
    assert open_page("predictions", id="p1").error[0].value == "Nothing was charged, sorry."


@pytest.mark.usefixtures("signed_in")
def test_a_prediction_that_has_expired_says_so_and_what_it_cost(
    open_page: Open, api: StubApi
) -> None:
    page = open_page("predict", model="dear")
    next(one for one in page.button if "Predict for" in one.label).click().run()
    (sale,) = api.sold.values()
    gone: dict[str, Any] = {"inputs": None, "outputs": None, "warnings": []}
    sale |= gone | {"expired_at": "2026-12-24T08:30:00.000000Z"}
    assert "Succeeded" in words(open_page("predictions"))
    page = open_page("predictions", id="p1")
    assert "were removed on" in page.info[0].value
    assert "Charged" in words(page)


@pytest.mark.usefixtures("signed_in")
def test_signing_out_elsewhere_leads_to_the_form(open_page: Open, api: StubApi) -> None:
    page = open_page("transactions")
    api.access_tokens.clear()
    api.refresh_tokens.clear()
    page.run()
    assert "session has ended" in page.info[0].value
    assert page.title[0].value == "Sign in"


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "models",
        "predict",
        "risk",
        "portfolio",
        "predictions",
        "transactions",
        "top-up",
        "usage",
        "keys",
        "webhooks",
        "sign-in",
        "register",
    ],
)
def test_an_api_that_is_down_is_a_sentence_and_not_a_trace(
    open_page: Open, api: StubApi, path: str
) -> None:
    page = open_page(path)
    api.is_down = True
    page.run()
    if path not in {"sign-in", "register"}:
        assert "not available right now" in page.warning[0].value
    assert not page.exception
    api.is_down = False
    page.run()
    assert not page.warning


def test_every_screen_has_one_door() -> None:
    for screen in SCREENS:
        assert callable(screen.show)
        assert screen.__doc__
