"""The front page, for guests and for those who have signed in, in front of a real API."""

from datetime import date

import pytest

from augury.client import ApiError, Client, UsageItem
from augury.ui.parts.spending import spending
from support.days import await_whole_day
from support.houses import APPLICANT
from ui.pages import words
from ui.real import Cabinet


def test_guests_see_who_it_is_for_how_it_works_a_sample_and_prices(cabinet: Cabinet) -> None:
    page = cabinet.open()
    assert not page.exception
    said = words(page)
    for expected in ("For lenders", "1. Open an account", "Models on sale", "10 credits per row"):
        assert expected in said
    assert [one.label for one in page.button[:2]] == ["Register", "Sign in"]


def test_the_live_sample_is_what_the_api_says(cabinet: Cabinet) -> None:
    sample = cabinet.shop.guest().sample("credit-catboost")
    page = cabinet.open()
    said = words(page)
    assert "Credit score: CatBoost" in said
    assert f"version {sample.version}" in said
    (shown,) = [one.value for one in page.metric]
    assert shown == f"{sample.output['default_probability']:.1%}"
    assert "Try your own data for 100 credits" in said


def test_a_model_of_documents_is_passed_over_for_one_with_a_sample(cabinet: Cabinet) -> None:
    guest = cabinet.shop.guest()
    with pytest.raises(ApiError, match="no_sample"):
        guest.sample("investment-risk")
    first, *_ = (model for model in guest.models() if model.task == "credit-scoring")
    sample = guest.sample(first.name)
    assert sample.input == first.input_schema["examples"][0]
    assert first.title["en"] in words(cabinet.open())


def test_without_a_sample_the_card_is_absent_and_the_rest_stands(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Client, name: str) -> None:
        raise ApiError("model_unavailable", 503, name)

    monkeypatch.setattr(Client, "sample", refuse)
    page = cabinet.open()
    assert not page.exception
    assert not page.error
    said = words(page)
    assert "Live sample" not in said
    assert "Credit score: CatBoost" in said


def test_somebody_new_is_shown_the_first_steps(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open()
    assert not page.exception
    said = words(page)
    assert "Hello, u" in said
    assert "You have 5,000 credits to begin with" in said
    assert "Try a prediction" in said
    assert "Predictions by day" not in said


def test_the_dashboard_has_balance_spending_days_and_results(cabinet: Cabinet) -> None:
    await_whole_day()  # and so in one month
    client = cabinet.customer()
    client.predict("credit-catboost", APPLICANT)
    client.predict("credit-logistic-regression", [APPLICANT, APPLICANT])
    page = cabinet.open()
    assert not page.exception
    shown = {one.label: one.value for one in page.metric}
    assert shown == {
        "Balance": "4,880 credits",
        "Spent this month": "120 credits",
        "Last month by this day": "0 credits",
    }
    said = words(page)
    assert "2 predictions in the last 30 days" in said
    assert "Latest predictions" in said
    assert "First steps" not in said


def _day(day: str, credits_: int) -> UsageItem:
    return UsageItem(predictions=1, rows=1, credits=credits_, day=date.fromisoformat(day))


def test_months_are_compared_to_the_same_day() -> None:
    items = [_day("2026-03-05", 7), _day("2026-02-06", 100), _day("2026-02-05", 20)]
    found = spending([*items, _day("2026-02-01", 3)], date(2026, 3, 5))
    assert (found.this_month, found.last_month_so_far) == (7, 23)
    assert next(iter(found.predictions)) == date(2026, 2, 4)
    assert list(found.predictions.values()) == [0, 1, 1, *[0] * 26, 1]


def test_a_long_month_is_compared_to_all_of_a_short_one() -> None:
    items = [_day("2026-02-28", 5), _day("2026-03-31", 9), _day("2026-01-31", 1000)]
    found = spending(items, date(2026, 3, 31))
    assert (found.this_month, found.last_month_so_far) == (9, 5)
