"""One distribution for everything: what is asked of it fits together, and its drivers add up."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import norm

from augury.risk.features import CLOSES, FEATURES
from augury.risk.forecast import BadForecastModel, Document, ForecastModel, read

SHIPPED = Path(__file__).parents[2] / "models" / "investment-risk" / "forecast.json"


def document() -> dict[str, Any]:
    """Return the shipped artefact as plain values."""
    found: dict[str, Any] = msgspec.json.decode(SHIPPED.read_bytes())
    return found


def questions(rows: int = 300) -> np.ndarray:
    """Return features of many kinds, some of them partly unknown."""
    random = np.random.default_rng(1)
    features = np.column_stack(
        [
            random.normal(-4, 0.6, rows),
            random.normal(0, 0.5, rows),
            random.normal(0, 1, rows),
            random.normal(0, 0.4, rows),
            random.normal(-0.5, 0.5, rows),
            random.normal(0, 0.3, rows),
            random.choice([60, 200, 5000], rows),
        ]
    )
    features[::3, 5] = np.nan
    features[::5, 3:6] = np.nan
    return features


MODEL = read(SHIPPED.read_bytes())
FEATURES_OF = questions()
DAYS = np.resize(MODEL.horizons, len(FEATURES_OF))
FORECAST = MODEL.forecast(FEATURES_OF, DAYS)


def test_a_quantile_has_the_chance_that_it_is_the_quantile_of() -> None:
    levels = np.array([0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999])
    quantiles = FORECAST.quantiles(levels)
    assert (np.diff(quantiles, axis=1) > 0).all()
    for column, level in enumerate(levels):
        np.testing.assert_allclose(FORECAST.probability_below(quantiles[:, column]), level)


def test_measures_are_those_of_the_scenarios() -> None:
    outcomes = FORECAST.scenarios(20_000)
    np.testing.assert_allclose(FORECAST.mean(), outcomes.mean(axis=1), rtol=0.03, atol=2e-4)
    year = np.sqrt(252 / DAYS)
    np.testing.assert_allclose(FORECAST.volatility(), outcomes.std(axis=1) * year, rtol=0.05)
    worst = np.sort(outcomes, axis=1)[:, :1000]
    np.testing.assert_allclose(FORECAST.expected_shortfall(), -worst.mean(axis=1), rtol=0.01)
    np.testing.assert_allclose(FORECAST.value_at_risk(), -worst[:, -1], rtol=0.01)
    assert (FORECAST.expected_shortfall() > FORECAST.value_at_risk()).all()
    np.testing.assert_array_equal(FORECAST.moments(), (FORECAST.mean(), FORECAST.volatility()))


def test_a_normal_table_gives_the_normal_distribution() -> None:
    """Chances against scipy, for a model of which only the table is replaced."""
    changed = document()
    levels = np.array(changed["levels"])
    table = norm.ppf(np.clip(levels, 1e-6, 1 - 1e-6)).tolist()
    for horizon in changed["horizons"]:
        for variant in horizon["variants"]:
            variant["quantiles"] = table
    found = ForecastModel(msgspec.convert(changed, Document)).forecast(FEATURES_OF, DAYS)
    judge = norm.cdf((np.log(0.95) - found.location) / found.scale)
    np.testing.assert_allclose(found.probability_below(-0.05), judge, atol=5e-4)


@pytest.mark.parametrize("threshold", [-0.05, -0.3, 0.0, 0.02])
def test_drivers_add_up_to_the_chance(threshold: float) -> None:
    found = MODEL.drivers(FEATURES_OF, FORECAST, threshold)
    chance = FORECAST.probability_below(threshold)
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), chance, atol=1e-12)
    assert (found.contributions[np.isnan(FEATURES_OF)] == 0).all()
    assert (found.contributions[:, CLOSES] == 0).all()


def test_an_average_question_is_moved_by_nothing() -> None:
    average = np.array([document()["centres"]])
    average[:, CLOSES] = 5000
    forecast = MODEL.forecast(average, 21)
    found = MODEL.drivers(average, forecast, -0.05)
    assert found.contributions == pytest.approx(np.zeros((1, len(FEATURES))))
    assert found.base == pytest.approx(forecast.probability_below(-0.05))


def test_wilder_weeks_make_losses_likelier() -> None:
    calm, wild = np.repeat(questions(1)[:1], 2, axis=0)
    calm[1], wild[1], calm[CLOSES], wild[CLOSES] = -0.5, 0.5, 5000, 5000
    for days in MODEL.horizons:
        chances = MODEL.forecast(np.array([calm, wild]), days).probability_below(-0.05)
        assert chances[0] < chances[1]


def test_twice_the_moves_are_twice_the_scale() -> None:
    twice = FEATURES_OF + np.eye(len(FEATURES))[0] * np.log(2)
    np.testing.assert_allclose(MODEL.forecast(twice, DAYS).scale, 2 * FORECAST.scale)


def test_one_question_is_answered_as_in_a_crowd() -> None:
    alone = MODEL.forecast(FEATURES_OF[7:8], int(DAYS[7]))
    assert alone.probability_below(-0.1)[0] == FORECAST.probability_below(-0.1)[7]
    assert alone.quantiles(np.array([0.05]))[0] == FORECAST.quantiles(np.array([0.05]))[7]


def test_what_is_not_known_is_not_asked_for() -> None:
    """A question without yields is answered as if there were no such feature, at any value."""
    known, unknown = FEATURES_OF[1:2].copy(), FEATURES_OF[1:2].copy()
    unknown[:, 5] = np.nan
    assert MODEL.forecast(known, 21).group != MODEL.forecast(unknown, 21).group
    unknown[:, 0] = np.nan
    with pytest.raises(ValueError, match="no variant"):
        MODEL.forecast(unknown, 21)
    with pytest.raises(ValueError, match="no variant"):
        MODEL.forecast(known, 20)


def test_the_whole_can_be_lost_and_no_more() -> None:
    assert (FORECAST.probability_below(-1.0) == 0).all()
    assert (FORECAST.scenarios(1000) > -1).all()


def test_what_training_never_saw_is_told() -> None:
    usual = np.array([document()["centres"]])
    usual[:, CLOSES] = 5000
    odd = usual.copy()
    odd[0, 1] = 3.0
    assert not MODEL.unlike_training(usual).any()
    assert MODEL.unlike_training(odd)[0].tolist() == [n == 1 for n in range(len(FEATURES))]
    unknown = np.full((1, len(FEATURES)), np.nan)
    assert not MODEL.unlike_training(unknown).any()


def broken(**changes: Any) -> bytes:
    return msgspec.json.encode(document() | changes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 10_000,
        broken(format="augury-risk-forecast-2"),
        broken(features=list(reversed(FEATURES))),
        broken(centres=[0.0]),
        broken(extra=1),
        broken(levels=[0.0] * len(document()["levels"])),
        broken(highest=document()["lowest"]),
        broken(horizons=[]),
        broken(horizons=document()["horizons"] * 2),
        SHIPPED.read_bytes().replace(b'"drift":0.', b'"drift":1e999,"x":0.', 1),
        SHIPPED.read_bytes().replace(b'"drift":0.', b'"drift":NaN,"x":0.', 1),
    ],
)
def test_anything_wrong_is_refused(content: bytes) -> None:
    with pytest.raises(BadForecastModel):
        read(content)


@pytest.mark.parametrize(
    ("name", "value"),
    [("intercept", 1e308 * 10), ("weights", [0.1]), ("quantiles", [0.0, 1.0])],
)
def test_a_wrong_variant_is_refused(name: str, value: Any) -> None:
    changed = document()
    changed["horizons"][0]["variants"][0][name] = value
    with pytest.raises(BadForecastModel):
        read(msgspec.json.encode(changed))
