"""The four hedges: what they cost and what they do, against payoffs worked out one by one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio import measures

from augury.risk.distribution import Forecast
from augury.risk.hedges import TRADING_DAYS, Costs, Hedge, Positions, hedges
from augury.risk.options import NO_SKEW, black_scholes
from augury.risk.trouble import BadSeries

KINDS = ("index_short", "protective_put", "collar", "reduce_position")


def positions(n: int = 4, points: int = 200, seed: int = 1, **changes: Any) -> Positions:
    rng = np.random.default_rng(seed)
    volatility = rng.uniform(0.1, 0.8, n)
    days = rng.choice([5.0, 21.0, 63.0], n)
    horizon = volatility * np.sqrt(days / TRADING_DAYS)
    drawn = rng.standard_t(4, (n, points)) / np.sqrt(2) * horizon[:, None] + 0.002
    correlation = rng.uniform(0.1, 0.9, n)
    benchmark = 0.16 * np.sqrt(days / TRADING_DAYS)
    made = Positions(
        scenarios=np.maximum(drawn, -0.99),
        volatility=volatility,
        horizon_days=days,
        beta=correlation * horizon / benchmark,
        correlation=correlation,
        benchmark_volatility=benchmark,
        benchmark_price=np.full(n, 4000.0),
        value=rng.uniform(1e3, 1e6, n),
        price=rng.uniform(5, 500, n),
        loss_threshold=rng.uniform(0.01, 0.3, n),
        rate=np.full(n, 0.02),
    )
    return replace(made, **changes)


def assert_risk_of(hedge: Hedge, returns: np.ndarray, held: Positions) -> None:
    """Compare a hedge's risk after with skfolio's measures of these returns [n, points]."""
    annual = np.sqrt(TRADING_DAYS / held.horizon_days)
    assert hedge.after.volatility == pytest.approx(returns.std(axis=1) * annual)
    assert hedge.after.value_at_risk == pytest.approx(measures.value_at_risk(returns.T))
    assert hedge.after.expected_shortfall == pytest.approx(measures.cvar(returns.T))


def test_all_four_are_told_always_in_the_same_order_from_the_same_risk_before() -> None:
    held = positions()
    told = hedges(held)
    assert tuple(hedge.kind for hedge in told) == KINDS
    assert [hedge.assumption for hedge in told] == [f"hedge.{kind}" for kind in KINDS]
    for hedge in told:
        assert hedge.before.value_at_risk == pytest.approx(measures.value_at_risk(held.scenarios.T))
        assert hedge.before.expected_shortfall == pytest.approx(measures.cvar(held.scenarios.T))
        arrays = (
            hedge.size_units,
            hedge.size_money,
            hedge.cost,
            *hedge.after,
            *hedge.terms.values(),
        )
        assert all(array.shape == (4,) and np.isfinite(array).all() for array in arrays)


def test_210_middles_of_a_forecast_have_its_value_at_risk_exactly() -> None:
    levels = np.linspace(0, 1, 101)
    table = np.sinh(np.linspace(-3, 3, 101))[np.newaxis]
    month = np.full(3, 21)
    group = np.zeros(3, dtype=np.intp)
    forecast = Forecast(np.full(3, 0.01), np.full(3, 0.04), month, group, table, levels)
    told = hedges(positions(3, scenarios=forecast.scenarios(210)))[0].before
    assert told.value_at_risk == pytest.approx(forecast.value_at_risk())
    assert told.expected_shortfall == pytest.approx(forecast.expected_shortfall(), rel=0.01)


def test_a_short_of_the_least_variance_leaves_what_correlation_leaves() -> None:
    """Hull, section 3.4: a share of 1 - correlation² of the variance remains."""
    held = positions()
    deviation = held.scenarios.std(axis=1)
    exact = replace(held, beta=held.correlation * deviation / held.benchmark_volatility)
    short = hedges(exact, Costs(trading=0))[0]
    left = np.sqrt(1 - held.correlation**2)
    assert short.after.volatility == pytest.approx(short.before.volatility * left)
    mean = held.scenarios.mean(axis=1, keepdims=True)
    assert_risk_of(short, mean + (held.scenarios - mean) * left[:, None], exact)
    for changed in (0.9, 1.1):
        other = hedges(replace(exact, beta=exact.beta * changed), Costs(trading=0))[0]
        assert (other.after.volatility > short.after.volatility).all()


def test_what_a_short_leaves_is_what_simulated_pairs_leave() -> None:
    rng = np.random.default_rng(8)
    benchmark = rng.standard_normal(400_000) * 0.05
    asset = 1.3 * benchmark + rng.standard_normal(400_000) * 0.06
    held = positions(
        1,
        scenarios=asset[np.newaxis],
        beta=np.array([1.1]),
        correlation=np.array([np.corrcoef(asset, benchmark)[0, 1]]),
        benchmark_volatility=np.array([benchmark.std()]),
    )
    short = hedges(held, Costs(trading=0))[0]
    judge = asset - 1.1 * benchmark
    assert short.after.volatility * np.sqrt(held.horizon_days / TRADING_DAYS) == pytest.approx(
        judge.std(), rel=1e-6
    )
    assert short.after.value_at_risk == pytest.approx(measures.value_at_risk(judge), rel=0.02)


def test_sizes_are_told_in_units_and_in_money() -> None:
    held = positions()
    short, put, collar, less = hedges(held)
    assert short.size_money == pytest.approx(held.beta * held.value)
    assert short.size_units * held.benchmark_price == pytest.approx(short.size_money)
    for options in (put, collar):
        assert options.size_units * held.price == pytest.approx(held.value)
    assert less.size_units * held.price == pytest.approx(less.terms["fraction"] * held.value)


def test_a_put_pays_what_falls_below_its_strike_and_costs_what_the_formula_asks() -> None:
    held = positions()
    costs = Costs(option_spread=0.1)
    put = hedges(held, costs, NO_SKEW)[1]
    years = held.horizon_days / TRADING_DAYS
    price = black_scholes(
        held.price, put.terms["strike"], held.volatility, years, held.rate, NO_SKEW
    )
    assert put.terms["premium"] == pytest.approx(price.put * put.size_units)
    assert put.terms["delta"] == pytest.approx(price.put_delta)
    assert put.cost == pytest.approx(1.1 * put.terms["premium"])
    ends = held.price[:, None] * (1 + held.scenarios)
    payoff = np.maximum(put.terms["strike"][:, None] - ends, 0) * put.size_units[:, None]
    gain = held.value[:, None] * held.scenarios + payoff - put.cost[:, None]
    assert_risk_of(put, gain / held.value[:, None], held)


def test_a_collars_call_pays_for_its_put_and_caps_the_gain() -> None:
    held = positions(200)
    collar = hedges(held)[2]
    assert collar.terms["call_premium"] == pytest.approx(
        collar.terms["premium"], rel=1e-6, abs=1e-2
    )
    assert (collar.terms["call_strike"] > collar.terms["strike"]).all()
    ends = held.price[:, None] * (1 + held.scenarios)
    low, high = collar.terms["strike"][:, None], collar.terms["call_strike"][:, None]
    ends = ends + np.maximum(low - ends, 0) - np.maximum(ends - high, 0)
    gain = (ends / held.price[:, None] - 1) - (collar.cost / held.value)[:, None]
    assert_risk_of(collar, gain, held)


def test_a_position_is_reduced_until_its_value_at_risk_is_the_threshold() -> None:
    held = positions(50, loss_threshold=np.full(50, 0.04))
    less = hedges(held, Costs(trading=0))[3]
    over = less.before.value_at_risk > 0.04
    assert 0 < over.sum() < 50
    assert less.after.value_at_risk[over] == pytest.approx(0.04)
    assert (less.terms["fraction"][~over] == 0).all()


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.001, 0.6), st.floats(0, 0.2))
def test_no_loss_exceeds_the_strikes_distance_and_the_cost(
    seed: int, threshold: float, rate: float
) -> None:
    held = positions(20, seed=seed, loss_threshold=np.full(20, threshold), rate=np.full(20, rate))
    for hedge in hedges(held)[1:3]:
        floor = threshold + hedge.cost / held.value
        assert (hedge.after.expected_shortfall <= floor + 1e-12).all()
        assert (hedge.after.volatility <= hedge.before.volatility + 1e-12).all()


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_what_is_kept_of_a_reduced_position_keeps_that_share_of_the_risk(seed: int) -> None:
    less = hedges(positions(20, seed=seed), Costs(trading=0))[3]
    kept = 1 - less.terms["fraction"]
    for before, after in zip(less.before, less.after, strict=True):
        assert after == pytest.approx(before * kept)


def test_many_positions_at_once_are_what_each_is_alone() -> None:
    held = positions(1500)
    fields = list(Positions.__dataclass_fields__)
    together = hedges(held)
    for row in (0, 1023, 1024, 1499):
        alone = hedges(Positions(**{name: getattr(held, name)[row : row + 1] for name in fields}))
        for one, many in zip(alone, together, strict=True):
            assert one.cost == pytest.approx(many.cost[row], rel=1e-12)
            assert one.after.volatility == pytest.approx(many.after.volatility[row], rel=1e-12)
            assert one.after.value_at_risk == pytest.approx(
                many.after.value_at_risk[row], rel=1e-12
            )


@pytest.mark.parametrize("name", list(Positions.__dataclass_fields__))
def test_values_that_are_no_numbers_are_refused_by_name(name: str) -> None:
    values = getattr(positions(), name).copy()
    values.flat[-1] = np.nan
    with pytest.raises(BadSeries) as refused:
        hedges(positions(**{name: values}))
    assert (refused.value.key, refused.value.values["what"]) == ("not_finite", name)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"scenarios": np.zeros((4, 200))}, "constant"),
        ({"scenarios": np.full((4, 200), -1.2)}, "out_of_range"),
        ({"scenarios": np.zeros((4, 19))}, "too_short"),
        ({"volatility": np.zeros(4)}, "not_positive"),
        ({"correlation": np.full(4, 1.01)}, "out_of_range"),
        ({"loss_threshold": np.ones(4)}, "out_of_range"),
        ({"rate": np.full(4, -0.01)}, "out_of_range"),
        ({"value": np.full(4, -5.0)}, "not_positive"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(BadSeries) as refused:
        hedges(positions(**changes))
    assert refused.value.key == key
