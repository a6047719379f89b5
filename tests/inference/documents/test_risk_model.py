"""What is told of an asset: bounded, fitting together, and blind to what comes later."""

import hashlib
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest

from augury.inference.asking import Asked
from augury.inference.documents import risk_assets
from augury.inference.documents.risk import RiskModel, days_now
from augury.inference.manifest import (
    Artifact,
    BadModel,
    Localised,
    Manifest,
    OutputNames,
    SelfTest,
)
from augury.kit.errors import InvalidInput
from augury.kit.texts import LANGUAGES
from augury.risk.series import NO_MARKETS, Indicator, Markets, Series
from support.documents import ask, codes, refused
from support.markets import FixedMarkets, markets, series, told, walk, weekdays

ARTIFACT = Path("models/investment-risk/forecast.json")
OWN = told(series(walk(7)))
DAY = "2019-06-28"


def manifest(path: Path = ARTIFACT, **changes: Any) -> Manifest:
    content = path.read_bytes()
    given: dict[str, Any] = {
        "manifest_version": 1,
        "name": "asked",
        "title": Localised("Asked", "Спросили"),
        "description": Localised("Asked", "Спросили"),
        "task": "investment-risk",
        "price": 100,
        "runtime": "risk",
        "artifact": Artifact(path.name, hashlib.sha256(content).hexdigest(), len(content)),
        "inputs": [],
        "outputs": OutputNames("probability_of_loss"),
        "self_test": SelfTest(0.01, [{"prices": OWN[:400]}], [0.2]),
    }
    return Manifest(**(given | changes))


def opened(of: Markets) -> RiskModel:
    """Return a model on these markets, whose self-test is passed whatever it says."""
    untested = RiskModel.__new__(RiskModel)
    untested.manifest = manifest()
    untested.open(ARTIFACT.read_bytes(), of)
    return untested


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return opened(markets())


@pytest.mark.parametrize("horizon", [5, 21, 63])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_fits_its_schema(model: RiskModel, horizon: int, language: str) -> None:
    (answer,) = ask(model, {"symbol": "AAPL", "horizon_days": horizon}, language=language)
    jsonschema.validate(answer, model.output_schema())
    assert msgspec.json.decode(msgspec.json.encode(answer)) == answer
    assert [hedge["kind"] for hedge in answer["hedges"]] == [
        "index_short",
        "protective_put",
        "collar",
        "reduce_position",
    ]
    assert answer["data"]["observations"] == len(weekdays())


def test_what_is_told_fits_together(model: RiskModel) -> None:
    (answer,) = ask(model, {"symbol": "JPM", "loss_threshold": 0.08, "position_value": 5000})
    quantiles = list(answer["return_quantiles"].values())
    assert quantiles == sorted(quantiles)
    assert answer["value_at_risk_95"] == pytest.approx(-quantiles[0], abs=2e-6)
    assert answer["expected_shortfall_95"] > answer["value_at_risk_95"]
    assert answer["probability_of_decline"] > answer["probability_of_loss"] > 0
    for hedge in answer["hedges"]:
        assert hedge["volatility_before"] == answer["volatility"]
        assert hedge["value_at_risk_before"] == answer["value_at_risk_95"]
        assert hedge["value_at_risk_after"] < hedge["value_at_risk_before"]
        assert hedge["assumption"]
    put = answer["hedges"][1]
    # Nothing below the strike, and what the put costs.
    assert put["expected_shortfall_after"] <= 0.08 + put["cost"] / 5000 + 1e-6


def test_a_higher_threshold_is_passed_less_often(model: RiskModel) -> None:
    rows = [{"symbol": "JPM", "loss_threshold": at / 100} for at in range(1, 60, 4)]
    told_of = [one["probability_of_loss"] for one in ask(model, *rows)]
    assert told_of == sorted(told_of, reverse=True)
    assert told_of[0] > told_of[-1]


def test_drivers_add_up_from_the_average_to_the_probability(model: RiskModel) -> None:
    calm, wild = ask(model, {"symbol": "XOM"}, {"symbol": "JPM"})
    for answer in (calm, wild):
        assert all(one["text"] for one in answer["drivers"])
        sizes = [abs(one["contribution"]) for one in answer["drivers"]]
        assert sizes == sorted(sizes, reverse=True)
    total = {
        at: sum(one["contribution"] for one in answer["drivers"])
        for at, answer in enumerate((calm, wild))
    }
    assert total[0] < total[1]
    assert wild["probability_of_loss"] - calm["probability_of_loss"] == pytest.approx(
        total[1] - total[0], abs=1e-3
    )


def test_the_answer_to_a_question_does_not_depend_on_its_company(model: RiskModel) -> None:
    rows = [
        {"symbol": "AAPL", "as_of": DAY},
        {"prices": OWN[:80]},
        {"symbol": "SP500", "horizon_days": 63},
        {"prices": OWN, "benchmark": "JPM", "horizon_days": 5},
    ]
    together = ask(model, *rows, *rows[::-1])
    alone = [ask(model, row)[0] for row in rows]
    assert together == [*alone, *alone[::-1]]


def test_nothing_after_the_day_asked_about_is_looked_at() -> None:
    """Everything behind the day is scrambled, and every byte of the answer stays."""
    honest, day = markets(), (np.datetime64(DAY) - np.datetime64("1970-01-01")).astype(int)
    chance = np.random.default_rng(5)

    def scrambled(one: Series) -> Series:
        later = one.days > day
        closes = np.where(later, one.closes * chance.uniform(0.2, 5, len(one)), one.closes)
        return Series(one.days, closes)

    def blurred(one: Indicator) -> Indicator:
        later = one.known > day
        return Indicator(one.known, np.where(later, chance.uniform(1, 9, len(later)), one.values))

    other = FixedMarkets(
        {name: scrambled(one) for name, one in honest.of.items()},
        {name: blurred(one) for name, one in honest.indicators.items()},
    )
    rows = [{"symbol": name, "as_of": DAY, "horizon_days": 63} for name in honest.symbols()]
    rows.append({"prices": OWN, "as_of": DAY})
    given, again = ask(opened(honest), *rows), ask(opened(other), *rows)
    assert msgspec.json.encode(given) == msgspec.json.encode(again)
    # And it is no test that could not fail: on the last day the two worlds differ.
    last = [{"symbol": name} for name in honest.symbols()]
    assert ask(opened(honest), *last) != ask(opened(other), *last)


def test_own_prices_are_answered_as_the_same_prices_by_symbol(model: RiskModel) -> None:
    own = told(markets().of["AAPL"])
    mine, theirs = ask(model, {"prices": own, "as_of": DAY}, {"symbol": "AAPL", "as_of": DAY})
    for name in ("probability_of_loss", "return_quantiles", "beta", "hedges", "drivers"):
        assert mine[name] == theirs[name]


def test_what_if_moves_the_answer_as_the_indicator_would(model: RiskModel) -> None:
    calm, strained = ask(
        model,
        {"symbol": "AAPL", "as_of": DAY},
        {"symbol": "AAPL", "as_of": DAY, "macro": {"aaa": 4.0, "baa": 9.0}},
    )
    assert strained["probability_of_loss"] != calm["probability_of_loss"]
    assert {one["feature"] for one in strained["drivers"]} >= {"credit_spread_change"}


def test_hedges_are_put_in_the_order_of_the_customers_aim(model: RiskModel) -> None:
    (answer,) = ask(model, {"symbol": "AAPL", "objective": "lowest_cost"})
    costs = [hedge["cost"] for hedge in answer["hedges"]]
    assert costs == sorted(costs)
    assert len(costs) == 4


def points(changes: dict[int, dict[str, object]], count: int = 100) -> list[dict[str, object]]:
    return [OWN[at] | changes.get(at, {}) for at in range(count)]


@pytest.mark.parametrize(
    ("changes", "pointer", "key"),
    [
        ({50: {"close": 0.0}}, "/prices/50/close", "fault.close"),
        ({50: {"close": -1.0}}, "/prices/50/close", "fault.close"),
        ({50: {"close": 1e13}}, "/prices/50/close", "fault.close"),
        ({50: {"close": 5000.0}}, "/prices/50/close", "fault.close_jump"),
        ({50: {"date": OWN[49]["date"]}}, "/prices/50/date", "fault.date_twice"),
        ({50: {"date": OWN[40]["date"]}}, "/prices/50/date", "fault.date_order"),
        ({99: {"date": "2999-01-01"}}, "/prices/99/date", "fault.date_future"),
        ({at: {"close": 7.0} for at in range(100)}, "/prices", "fault.closes_constant"),
    ],
)
def test_a_bad_history_is_refused_with_the_place(
    model: RiskModel, changes: dict[int, dict[str, object]], pointer: str, key: str
) -> None:
    found = refused(model, {"symbol": "AAPL"}, {"prices": points(changes)})
    assert found[0] == (f"/inputs/1{pointer}", key)


@pytest.mark.parametrize(
    ("row", "pointer", "key"),
    [
        ({"symbol": "AAPPL"}, "/symbol", "fault.symbol_unknown"),
        ({"symbol": "AAPL", "benchmark": "SP501"}, "/benchmark", "fault.benchmark_unknown"),
        ({"symbol": "AAPL", "as_of": "2012-02-01"}, "/as_of", "fault.as_of_early"),
        ({"symbol": "AAPL", "as_of": "1990-01-01"}, "/as_of", "fault.as_of_early"),
        ({"symbol": "AAPL", "as_of": "2999-01-01"}, "/as_of", "fault.as_of_future"),
        ({"symbol": "AAPL", "macro": {"GDP": 1.0}}, "/macro", "fault.indicator_unknown"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    model: RiskModel, row: dict[str, Any], pointer: str, key: str
) -> None:
    assert refused(model, row) == [(f"/inputs/0{pointer}", key)]


def test_the_earliest_day_that_is_told_can_be_asked_about(model: RiskModel) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(model, {"symbol": "AAPL", "as_of": "2012-02-01"})
    first = str(caught.value.faults[0].values["first"])
    (answer,) = ask(model, {"symbol": "AAPL", "as_of": first})
    assert answer["data"]["observations"] == 60


def test_what_makes_an_answer_weaker_is_said(model: RiskModel) -> None:
    fresh = days_now() - 120
    recent = told(series(walk(9), weekdays(fresh, fresh + 118)))
    halved = [
        point | {"close": float(str(point["close"])) / (2 if at >= 40 else 1)}
        for at, point in enumerate(recent)
    ]
    with_gap = recent[:30] + recent[45:]
    short, split, gap, stale = ask(
        model,
        {"prices": recent},
        {"prices": halved},
        {"prices": with_gap},
        {"symbol": "AAPL"},
    )
    assert codes(short) >= {"short_history", "no_benchmark", "assumed_rate", "missing_macro"}
    assert "stale_data" not in codes(short)
    assert "suspected_split" in codes(split) - codes(short)
    assert "gaps" in codes(gap) - codes(short)
    assert "stale_data" in codes(stale)
    assert short["beta"] is None
    assert next(one["kind"] for one in short["hedges"]) == "protective_put"


def test_a_market_that_nobody_has_seen_is_said_to_be_one(model: RiskModel) -> None:
    wild = told(series(walk(11, daily=0.2)))
    (answer,) = ask(model, {"prices": wild})
    assert "unlike_training" in codes(answer)


def test_a_house_without_prices_answers_about_those_of_the_customer() -> None:
    model = opened(NO_MARKETS)
    (answer,) = ask(model, {"prices": OWN})
    assert answer["beta"] is None
    assert refused(model, {"symbol": "AAPL"}) == [("/inputs/0/symbol", "fault.symbol_unknown")]


def test_a_model_proves_itself_when_it_is_opened(tmp_path: Path) -> None:
    given = RiskModel.asked(manifest(), ARTIFACT, msgspec.json.encode([{"prices": OWN[:400]}]))
    right = manifest(self_test=SelfTest(1e-6, [{"prices": OWN[:400]}], given))
    # Whatever the prices of the house are.
    assert RiskModel(right, ARTIFACT, markets()).self_test_error <= 1e-6
    wrong = manifest(self_test=SelfTest(1e-6, [{"prices": OWN[:400]}], [given[0] + 0.01]))
    with pytest.raises(BadModel) as off:
        RiskModel(wrong, ARTIFACT, NO_MARKETS)
    assert off.value.key == "self_test_off"
    path = tmp_path / "forecast.json"
    path.write_bytes(b'{"format": "another"}')
    with pytest.raises(BadModel) as strange:
        RiskModel(manifest(path), path, NO_MARKETS)
    assert strange.value.key == "forecast_unreadable"


def test_symbols_are_found_however_they_are_spelled(model: RiskModel) -> None:
    lower, upper = ask(model, {"symbol": "aapl"}, {"symbol": "AAPL"})
    assert lower == upper


def nearly_still(count: int = 60) -> list[dict[str, object]]:
    """Closes that move once, by next to nothing."""
    return [
        {"date": point["date"], "close": 100.0 if at < count - 1 else 100.01}
        for at, point in enumerate(OWN[:count])
    ]


def test_a_history_that_hardly_moves_costs_its_neighbours_nothing(model: RiskModel) -> None:
    """It was sent by somebody else at the same moment, and has hardly a beta: that is all."""
    good = [{"symbol": "AAPL"}, {"prices": OWN[:100]}]
    raws = [msgspec.json.encode([row]) for row in (*good, {"prices": nearly_still()})]
    callers = [Asked(model.read(raw), raw, False, "en") for raw in raws]
    first, second, still = model.answer_many(callers)
    assert [first, second] == [ask(model, row) for row in good]
    assert isinstance(still, list)
    assert abs(still[0]["beta"] or 0) < 0.01


def test_whoever_asks_about_nothing_spoils_nobody_elses_answer(model: RiskModel) -> None:
    raws = [msgspec.json.encode([{"symbol": name}]) for name in ("AAPL", "NOBODY", "JPM")]
    callers = [Asked(model.read(raw), raw, False, "ru") for raw in raws]
    first, nobody, last = model.answer_many(callers)
    assert isinstance(first, list)
    assert isinstance(last, list)
    assert isinstance(nobody, InvalidInput)


def test_a_supposed_bill_rate_prices_the_options(model: RiskModel) -> None:
    usual, dear = ask(model, {"symbol": "AAPL"}, {"symbol": "AAPL", "macro": {"tbill": 15.0}})
    assert dear["data"]["risk_free_rate"] == 0.15
    assert dear["hedges"][1]["cost"] < usual["hedges"][1]["cost"]
    assert refused(model, {"symbol": "AAPL", "macro": {"TBILL": 1e6}}) == [
        ("/inputs/0/macro/TBILL", "fault.range")
    ]


def test_a_history_that_is_noise_is_refused(model: RiskModel) -> None:
    chance = np.random.default_rng(1)
    closes = 100 * np.exp(np.cumsum(chance.uniform(-2.2, 2.2, 100)))
    noise = [point | {"close": float(close)} for point, close in zip(OWN, closes, strict=False)]
    assert refused(model, {"prices": noise}) == [("/inputs/0/prices", "fault.closes_wild")]


def test_prices_that_stand_still_until_the_day_are_refused_and_moved_later_are_not(
    model: RiskModel,
) -> None:
    flat = [point | {"close": 50.0} for point in OWN[:80]] + OWN[80:200]
    day = str(OWN[79]["date"])
    assert refused(model, {"prices": flat, "as_of": day}) == [
        ("/inputs/0/as_of", "fault.as_of_constant")
    ]
    assert ask(model, {"prices": flat})


def test_what_is_kept_of_a_market_stays_within_its_bytes() -> None:
    kept: Any = risk_assets._Kept(100, lambda size: size)
    for number in range(50):
        kept.get((str(number),), (), lambda: 30)
    assert kept._weight <= 100
    assert len(kept._found) == 3
