"""Value at risk and expected shortfall, against skfolio, scipy and textbooks."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from skfolio import measures

from augury.risk import tails
from augury.risk.tails import Tail
from augury.risk.trouble import BadSeries


def draws(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, shape) * 0.01


def test_hulls_microsoft_and_att_positions_have_the_value_at_risk_of_the_book() -> None:
    """Hull, section 22.2: USD 10 million at 2 % a day, USD 5 million at 1 %, 99 %, ten days."""
    daily = tails.normal(np.zeros(2), np.array([200_000.0, 50_000.0]), 0.99)
    assert daily.value_at_risk == pytest.approx([465_300, 116_300], rel=2e-4)
    scaled = tails.over_horizon(daily, 10)
    assert scaled.value_at_risk == pytest.approx([1_471_300, 367_800], rel=2e-4)


def test_a_normal_shortfall_is_the_mean_of_the_losses_beyond() -> None:
    at = stats.norm(0.001, 0.02)
    tail = tails.normal(np.array([0.001]), np.array([0.02]), 0.95)
    quantile = at.ppf(0.05)
    beyond = at.expect(lambda x: -x, ub=quantile) / 0.05
    assert tail.value_at_risk == pytest.approx([-quantile])
    assert tail.expected_shortfall == pytest.approx([beyond], rel=1e-7)


@pytest.mark.parametrize("points", [20, 200, 201, 333, 1999])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.975, 0.99])
def test_historical_measures_are_those_of_skfolio(points: int, level: float) -> None:
    returns = draws(5, points)
    tail = tails.historical(returns, level)
    assert tail.value_at_risk == pytest.approx(measures.value_at_risk(returns.T, level), abs=1e-15)
    assert tail.expected_shortfall == pytest.approx(measures.cvar(returns.T, level), abs=1e-15)


def test_of_a_hundred_losses_the_sixth_is_the_value_at_risk_and_the_worst_five_the_shortfall() -> (
    None
):
    tail = tails.historical(-np.arange(1.0, 101.0))
    assert (float(tail.value_at_risk), float(tail.expected_shortfall)) == (95, 98)


@given(st.lists(st.floats(-0.9, 2), min_size=1, max_size=60), st.floats(0.5, 0.99))
def test_no_shortfall_is_below_its_value_at_risk_nor_beyond_the_worst(
    returns: list[float], level: float
) -> None:
    tail = tails.historical(np.array(returns), level)
    assert tail.value_at_risk <= tail.expected_shortfall + 1e-12
    assert tail.expected_shortfall <= -min(returns) + 1e-12


def test_filtered_returns_of_a_steady_volatility_are_the_historical_ones() -> None:
    returns = draws(3, 500)
    steady = np.full((3, 500), 0.01)
    filtered = tails.filtered_historical(returns, steady, np.full(3, 0.01))
    assert filtered.value_at_risk == pytest.approx(tails.historical(returns).value_at_risk)
    doubled = tails.filtered_historical(returns, steady, np.full(3, 0.02))
    assert doubled.expected_shortfall == pytest.approx(2 * filtered.expected_shortfall)


def test_filtering_takes_a_past_storm_down_to_a_present_calm() -> None:
    rng = np.random.default_rng(5)
    volatility = np.where(np.arange(4000) < 2000, 0.03, 0.01)[np.newaxis]
    returns = volatility * rng.standard_normal((1, 4000))
    known = 0.01 * stats.norm.ppf(0.95)
    assert tails.historical(returns).value_at_risk[0] > 1.8 * known
    filtered = tails.filtered_historical(returns, volatility, np.array([0.01]))
    assert filtered.value_at_risk[0] == pytest.approx(known, rel=0.06)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2, 0.4])
def test_the_pareto_fit_finds_the_shape_that_scipy_drew(shape: float) -> None:
    excesses = stats.genpareto(shape, scale=0.02).rvs((40, 4000), random_state=3)
    found, scale = tails.pareto(excesses)
    assert found.mean() == pytest.approx(shape, abs=0.02)
    assert scale.mean() == pytest.approx(0.02, rel=0.02)


def test_the_pareto_fit_is_close_to_the_likeliest_one_of_scipy() -> None:
    excesses = stats.genpareto(0.25, scale=0.01).rvs(5000, random_state=9)
    likeliest, _, scale = stats.genpareto.fit(excesses, floc=0)
    found = tails.pareto(excesses)
    assert found[0] == pytest.approx(likeliest, abs=0.03)
    assert found[1] == pytest.approx(scale, rel=0.03)


@pytest.mark.parametrize("level", [0.95, 0.99, 0.999])
def test_an_extreme_value_tail_meets_the_quantiles_of_a_students_t(level: float) -> None:
    at = stats.t(4)
    returns = at.rvs((30, 5000), random_state=11)
    tail = tails.extreme_value(returns, level)
    quantile = at.ppf(1 - level)
    shortfall = at.expect(lambda x: -x, ub=quantile) / (1 - level)
    assert tail.value_at_risk.mean() == pytest.approx(-quantile, rel=0.04)
    assert tail.expected_shortfall.mean() == pytest.approx(shortfall, rel=0.08)


def test_the_tail_of_a_known_pareto_law_is_the_formula_of_mcneil_frey_and_embrechts() -> None:
    """Points that stand at the law's own quantiles leave nothing to chance."""
    law = stats.genpareto(0.3, scale=0.01)
    points = 100_000
    returns = -law.ppf((np.arange(points) + 0.5) / points)
    tail = tails.extreme_value(returns, 0.99)
    assert tail.value_at_risk == pytest.approx(law.ppf(0.99), rel=2e-3)
    expected = law.ppf(0.99) / (1 - 0.3) + 0.01 / (1 - 0.3)
    assert tail.expected_shortfall == pytest.approx(expected, rel=5e-3)


def test_windows_compound_the_days_they_hold() -> None:
    returns = np.array([[0.1, -0.5, 0.2, 0.0]])
    assert tails.overlapping(returns, 3) == pytest.approx(
        np.array([[1.1 * 0.5 * 1.2 - 1, 0.5 * 1.2 - 1]])
    )
    assert tails.overlapping(returns, 1) is returns


def test_many_tails_at_once_are_what_each_is_alone() -> None:
    returns = draws(4, 400)
    for way in (tails.historical, tails.extreme_value):
        together = way(returns)
        alone = [way(row) for row in returns]
        assert together.value_at_risk == pytest.approx([one.value_at_risk for one in alone])
        assert together.expected_shortfall.shape == (4,)


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: tails.historical(np.array([0.1, np.nan])), "not_finite"),
        (lambda: tails.historical(np.array([0.1, 0.2]), 1.5), "out_of_range"),
        (lambda: tails.historical(np.empty((2, 0))), "too_short"),
        (lambda: tails.normal(np.zeros(1), np.zeros(1)), "not_positive"),
        (lambda: tails.filtered_historical(np.ones((1, 5)), np.zeros((1, 5)), np.ones(1)), "not_positive"),
        (lambda: tails.extreme_value(draws(99)), "too_short"),
        (lambda: tails.extreme_value(np.zeros(500)), "constant"),
        (lambda: tails.extreme_value(draws(500), 0.8), "level_below_threshold"),
        (lambda: tails.overlapping(draws(5), 5), "too_short"),
        (lambda: tails.overlapping(np.array([0.1, -1.0, 0.2]), 2), "out_of_range"),
        (lambda: tails.over_horizon(Tail(np.ones(1), np.ones(1)), 0), "not_positive"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_with_a_key(call: Callable[[], object], key: str) -> None:
    with pytest.raises(BadSeries) as refused:
        call()
    assert refused.value.key == key
    assert str(refused.value).startswith(key)
