"""Beside a top-up: codes, the low-balance notice, saved methods and automatic top-ups."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from augury.ui.parts import intents
from ui.answers import problem
from ui.pages import Open, press, spoken, words
from ui.stub_api import StubApi
from ui.stub_money import method

pytestmark = pytest.mark.usefixtures("signed_in")


def field(page: AppTest, label: str) -> Any:
    """Return the number field with a label."""
    return next(one for one in page.number_input if one.label == label)


def test_a_code_gives_credits_once(
    open_page: Open, api: StubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "_DOUBLE_CLICK_SECONDS", 3600.0)
    page = open_page("top-up")
    code = next(one for one in page.text_input if one.label == "Code")
    code.set_value(" 7Q2M-K4TZ-9WDX-03RF ")
    press(page, "Redeem")
    assert spoken(page.success[0].value) == "500 credits added. Balance: 5,500 credits."
    # A second click so close is the same intention.
    press(page, "Redeem")
    assert spoken(page.success[0].value) == "500 credits added. Balance: 5,500 credits."
    assert len(api.money.redeemed) == 1


def test_a_wrong_code_and_no_code_are_answered_with_a_sentence(open_page: Open) -> None:
    page = open_page("top-up")
    press(page, "Redeem")
    assert page.error[0].value == "Enter the code."
    next(one for one in page.text_input if one.label == "Code").set_value("nonsense")
    press(page, "Redeem")
    assert page.error[0].value == r"There is no \*such\* code."


def alert(page: AppTest) -> Any:
    """Return the field of the low-balance notice."""
    return next(one for one in page.number_input if str(one.key).startswith("alert/"))


def save_alert(page: AppTest) -> None:
    """Click its button."""
    next(one for one in page.button if one.label == "Save").click().run()


def test_the_threshold_is_set_and_emptied(open_page: Open, api: StubApi) -> None:
    page = open_page("top-up")
    assert alert(page).value is None
    alert(page).set_value(200)
    save_alert(page)
    assert api.money.alert == 200
    assert "fewer than 200 credits" in page.success[0].value
    page.run()
    assert alert(page).value == 200
    alert(page).set_value(None)
    save_alert(page)
    assert api.money.alert is None
    assert "we do not write" in page.success[0].value


def test_a_threshold_that_is_none_is_refused_by_name(open_page: Open) -> None:
    page = open_page("top-up")
    alert(page).set_value(-1)
    save_alert(page)
    assert "**Threshold, credits**: Must be at least 1." in spoken(page.error[0].value)


def test_a_saved_method_can_be_forgotten(open_page: Open, api: StubApi) -> None:
    api.money.methods = [method("1"), method("2")]
    page = open_page("top-up")
    next(one for one in page.button if one.key == "forget/2").click().run()
    assert [one["id"] for one in api.money.methods] == ["1"]
    assert "forgotten" in page.success[0].value
    assert "Card •••• 2" not in words(page)


def test_an_automatic_top_up_is_turned_on_changed_and_off(open_page: Open, api: StubApi) -> None:
    api.money.methods = [method("1")]
    page = open_page("top-up")
    assert field(page, "At most in a month, RUB").value == 14250
    press(page, "Turn on")
    assert api.money.automatic == {
        "payment_method_id": "1",
        "below": 500,
        "credits": 5000,
        "currency": "RUB",
        "monthly_cap_minor": 1_425_000,
        "declines": 0,
        "resting": False,
    }
    field(page, "Credits to buy").set_value(1000).run()
    next(one for one in page.button if one.key == "automatic/set").click().run()
    assert api.money.automatic["credits"] == 1000
    press(page, "Turn off")
    assert api.money.automatic is None
    assert "is off" in page.success[0].value


def test_a_limit_below_one_top_up_is_refused_in_money(open_page: Open, api: StubApi) -> None:
    api.money.methods = [method("1")]
    page = open_page("top-up")
    field(page, "At most in a month, RUB").set_value(10).run()
    press(page, "Turn on")
    assert "costs RUB 4,750.00" in spoken(page.error[0].value)
    assert api.money.automatic is None


def test_an_automatic_top_up_that_rests_says_so(open_page: Open, api: StubApi) -> None:
    api.money.methods = [method("1")]
    api.money.automatic = {
        "payment_method_id": "1",
        "below": 700,
        "credits": 2000,
        "currency": "USD",
        "monthly_cap_minor": 9950,
        "declines": 4,
        "resting": True,
    }
    page = open_page("top-up")
    assert "It has stopped" in page.warning[0].value
    assert field(page, "At most in a month, USD").value == 100


def test_a_method_of_a_provider_that_is_off_can_only_be_forgotten(
    open_page: Open, api: StubApi
) -> None:
    api.money.methods = [method("1") | {"provider": "gone"}]
    page = open_page("top-up")
    assert "Forget" in words(page)
    assert "Turn on" not in words(page)


def test_a_refusal_beside_the_methods_is_shown(open_page: Open, api: StubApi) -> None:
    api.money.methods = [method("1")]
    page = open_page("top-up")
    api.refusals["DELETE /v1/payment-methods/1"] = problem(404, "not_found", "It is gone.")
    press(page, "Forget")
    assert page.error[0].value == "It is gone."


def test_an_api_that_cannot_tell_of_the_automatic_top_up_is_a_refusal(
    open_page: Open, api: StubApi
) -> None:
    api.money.methods = [method("1")]
    api.refusals["GET /v1/top-ups/automatic"] = problem(500, "internal_error", "Our fault.")
    assert "Our fault." in words(open_page("top-up"))
