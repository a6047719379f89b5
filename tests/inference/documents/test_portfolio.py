"""What is told of a portfolio: parts that add up, bad times, weights within limits, and refusals."""

import hashlib
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest

from augury.inference.documents import portfolio_question
from augury.inference.documents.portfolio import PortfolioModel
from augury.inference.documents.risk import days_now
from augury.inference.manifest import read_manifest
from augury.kit.errors import InvalidInput
from augury.kit.texts import LANGUAGES
from augury.risk.series import Indicator, Markets, Series
from support.documents import ask, codes, refused
from support.markets import FixedMarkets, markets, series, told, walk, weekdays

FOLDER = Path("models/investment-portfolio")
HELD = [
    {"symbol": "AAPL", "weight": 0.5},
    {"symbol": "JPM", "weight": 0.3},
    {"symbol": "XOM", "weight": 0.2},
]
DAY = "2019-06-28"


def opened(of: Markets) -> PortfolioModel:
    manifest = read_manifest((FOLDER / "manifest.json").read_bytes())
    return PortfolioModel(manifest, FOLDER / "forecast.json", of)


@pytest.fixture(scope="module")
def model() -> PortfolioModel:
    return opened(markets())


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_fits_its_schema(model: PortfolioModel, language: str) -> None:
    (answer,) = ask(model, {"positions": HELD, "shocks": {"SP500": -0.2}}, language=language)
    jsonschema.validate(answer, model.output_schema())
    names = [one["name"] for one in answer["scenarios"]]
    assert names == ["crash_2020", "rates_up", "oil_down", "own"]
    assert "scenario_unavailable" in codes(answer)  # these prices begin in 2012


def test_parts_add_up_to_the_whole(model: PortfolioModel) -> None:
    (answer,) = ask(model, {"positions": HELD, "position_value": 50_000})
    parts = answer["positions"]
    assert sum(one["risk_share"] for one in parts) == pytest.approx(1, abs=1e-5)
    assert sum(one["value"] for one in parts) == pytest.approx(50_000)
    contributions = sum(one["volatility_contribution"] for one in parts)
    assert contributions == pytest.approx(answer["volatility"], abs=1e-5)
    assert answer["diversification_ratio"] > 1


def test_weights_and_the_values_they_stand_for_are_answered_alike(model: PortfolioModel) -> None:
    values = [
        {"symbol": one["symbol"], "value": float(str(one["weight"])) * 50_000} for one in HELD
    ]
    by_weight, by_value = ask(
        model, {"positions": HELD, "position_value": 50_000}, {"positions": values}
    )
    assert by_weight == by_value


def test_lighter_weights_keep_to_the_limits_and_lower_the_risk(model: PortfolioModel) -> None:
    limits = {"max_weight": 0.6, "max_turnover": 0.4}
    (answer,) = ask(model, {"positions": HELD, "constraints": limits})
    assert [one["aim"] for one in answer["lower_risk"]] == ["minimum_variance", "minimum_shortfall"]
    for way in answer["lower_risk"]:
        weights = np.array(list(way["weights"].values()))
        assert weights.sum() == pytest.approx(1, abs=1e-4)
        assert weights.max() <= 0.6 + 1e-5
        assert weights.min() >= 0
        assert way["turnover"] <= 0.4 + 1e-4
    variance, shortfall = answer["lower_risk"]
    assert variance["volatility_after"] < variance["volatility_before"]
    assert shortfall["expected_shortfall_after"] < shortfall["expected_shortfall_before"]


def test_own_shocks_move_what_is_named_and_the_rest_by_beta(model: PortfolioModel) -> None:
    named, through = ask(
        model,
        {"positions": HELD, "shocks": {"aapl": -0.5}},
        {"positions": HELD, "shocks": {"SP500": -0.2}},
    )
    assert named["scenarios"][-1]["loss"] == pytest.approx(0.25)
    betas = sum(one["weight"] * one["beta"] for one in through["positions"])
    assert through["scenarios"][-1]["loss"] == pytest.approx(0.2 * betas, abs=1e-5)


def test_nothing_after_the_day_asked_about_is_looked_at() -> None:
    honest, day = markets(), (np.datetime64(DAY) - np.datetime64("1970-01-01")).astype(int)
    chance = np.random.default_rng(3)

    def later(days: Any, values: Any) -> Any:
        return np.where(days > day, values * chance.uniform(0.5, 2, len(values)), values)

    other = FixedMarkets(
        {name: Series(one.days, later(one.days, one.closes)) for name, one in honest.of.items()},
        {
            n: Indicator(one.known, later(one.known, one.values))
            for n, one in honest.indicators.items()
        },
    )
    row = {"positions": HELD, "as_of": DAY, "shocks": {"SP500": -0.1}, "horizon_days": 63}
    given, again = ask(opened(honest), row), ask(opened(other), row)
    assert msgspec.json.encode(given) == msgspec.json.encode(again)
    assert ask(opened(honest), {"positions": HELD}) != ask(opened(other), {"positions": HELD})


def test_young_prices_of_ones_own_are_not_cut_to_the_days_of_an_old_benchmark() -> None:
    """The house's index ends in 2022; histories that go on are judged by their own last days."""
    today = days_now()
    calm, wild = (
        series(walk(seed, daily=daily), weekdays(today - 900, today - 1))
        for seed, daily in ((21, 0.004), (22, 0.02))
    )
    held = [
        {"symbol": "CALM", "weight": 0.5, "prices": told(calm)},
        {"symbol": "WILD", "weight": 0.5, "prices": told(wild)},
    ]
    (answer,) = ask(opened(markets()), {"positions": held})
    assert answer["data"]["to"] == told(calm)[-1]["date"]
    assert answer["beta"] is None
    assert "no_benchmark" in codes(answer)
    assert "stale_data" not in codes(answer)


def test_a_benchmark_of_the_same_days_is_used(model: PortfolioModel) -> None:
    (answer,) = ask(model, {"positions": HELD})
    assert answer["data"]["benchmark"] == "SP500"
    assert answer["beta"] == pytest.approx(1, abs=0.4)
    assert answer["hedges"][0]["kind"] == "index_short"


@pytest.mark.parametrize(
    ("row", "pointer", "key"),
    [
        ({"positions": HELD[:2]}, "/positions", "fault.weights_sum"),
        ({"positions": []}, "/positions", "fault.positions"),
        ({"positions": [HELD[0]] * 501}, "/positions", "fault.positions"),
        ({"positions": [HELD[0], HELD[0]]}, "/positions/1/symbol", "fault.symbol_twice"),
        (
            {"positions": [HELD[0], {"symbol": "aapl", "weight": 0.5}]},
            "/positions/1/symbol",
            "fault.symbol_twice",
        ),
        (
            {"positions": [HELD[0], {"symbol": "JPM", "value": 5}]},
            "/positions/1",
            "fault.weight_or_value",
        ),
        ({"positions": [{"symbol": "JPM"}]}, "/positions/0", "fault.weight_or_value"),
        (
            {"positions": [{"symbol": "NOPE", "weight": 1}]},
            "/positions/0/symbol",
            "fault.symbol_unknown",
        ),
        ({"positions": HELD, "shocks": {"MSFT": -0.1}}, "/shocks", "fault.shock_unknown"),
        ({"positions": HELD, "benchmark": "XYZ"}, "/benchmark", "fault.benchmark_unknown"),
        ({"positions": HELD, "as_of": "2012-02-01"}, "/as_of", "fault.position_early"),
        ({"positions": HELD, "as_of": "2999-02-01"}, "/as_of", "fault.as_of_future"),
        (
            {"positions": HELD, "constraints": {"max_weight": 0.2}},
            "/constraints/max_weight",
            "fault.max_weight",
        ),
        (
            {"positions": HELD, "constraints": {"max_weight": 0.4, "max_turnover": 0.0}},
            "/positions",
            "fault.portfolio_limits_infeasible",
        ),
        ({"positions": [{"symbol": "JPM", "weight": -1}]}, "/positions/0/weight", "fault.range"),
        ({"shocks": {}}, "/positions", "fault.missing"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    model: PortfolioModel, row: dict[str, Any], pointer: str, key: str
) -> None:
    assert (f"/inputs/0{pointer}", key) in refused(model, row)


def test_the_least_weight_that_is_told_is_taken(model: PortfolioModel) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(model, {"positions": HELD, "constraints": {"max_weight": 0.2}})
    least = float(str(caught.value.faults[0].values["least"]))
    (answer,) = ask(model, {"positions": HELD, "constraints": {"max_weight": least}})
    assert answer["lower_risk"]


def test_one_request_cannot_ask_for_the_work_of_many() -> None:
    rows = [{"positions": [{"symbol": f"S{n}", "weight": 1 / 500} for n in range(500)]}] * 3
    with pytest.raises(InvalidInput) as caught:
        portfolio_question.read(msgspec.json.encode(rows))
    assert [fault.key for fault in caught.value.faults] == ["fault.positions_together"]


def test_however_many_faults_there_are_a_hundred_are_told() -> None:
    row = {"positions": [{"symbol": "AAPL", "weight": 1 / 500}] * 500}
    with pytest.raises(InvalidInput) as caught:
        portfolio_question.read(msgspec.json.encode([row, row]))
    assert len(caught.value.faults) == 100


def test_a_negative_price_of_oil_leaves_out_its_scenario_and_nothing_else() -> None:
    of = markets()
    oil = of.indicators["WTI"]
    values = oil.values.copy()
    values[len(values) // 2] = -37.63
    of.indicators["WTI"] = Indicator(oil.known, values)
    (answer,) = ask(opened(of), {"positions": HELD})
    assert [one["name"] for one in answer["scenarios"]] == ["crash_2020", "rates_up"]
    assert any("WTI" in one["message"] for one in answer["warnings"])


def test_the_shipped_artefact_is_that_of_single_assets() -> None:
    digests = {
        hashlib.sha256((FOLDER.parent / name / "forecast.json").read_bytes()).hexdigest()
        for name in ("investment-risk", "investment-portfolio")
    }
    assert len(digests) == 1
