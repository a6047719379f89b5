"""Weights of less risk: the same optimum as skfolio and as a plain statement of the problem."""

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio import RiskMeasure, measures
from skfolio.optimization import MeanRisk
from skfolio.prior import EmpiricalPrior

from augury.risk.lighter import Limits, least_shortfall, least_variance
from augury.risk.trouble import BadSeries

# Its types hide the names that it is used by.
cp: Any = importlib.import_module("cvxpy")


def returns(
    days: int = 400, assets: int = 30, seed: int = 1, *, together: bool = True
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    market = rng.standard_t(4, (days, 1)) * 0.01 * together
    own = rng.standard_t(4, (days, assets)) * rng.uniform(0.005, 0.02, assets)
    return market * rng.uniform(0.5, 1.5, assets) + own


def shortfall(days: np.ndarray, weights: np.ndarray) -> float:
    return float(measures.cvar(days @ weights))


def even(assets: int) -> np.ndarray:
    return np.full(assets, 1 / assets)


@pytest.mark.parametrize("cap", [1.0, 0.2, 0.05])
def test_least_variance_and_least_shortfall_are_those_of_skfolio(cap: float) -> None:
    days = returns()
    covariance = np.cov(days.T)
    judges = {
        measure: MeanRisk(risk_measure=measure, max_weights=cap, prior_estimator=EmpiricalPrior())
        .fit(days)
        .weights_
        for measure in (RiskMeasure.VARIANCE, RiskMeasure.CVAR)
    }
    found = least_variance(even(30), covariance, Limits(cap))
    judge = judges[RiskMeasure.VARIANCE]
    assert found.optimal
    assert found.weights @ covariance @ found.weights == pytest.approx(
        judge @ covariance @ judge, rel=1e-6
    )
    assert found.weights == pytest.approx(judge, abs=1e-3)
    tail = least_shortfall(even(30), days, Limits(cap))
    assert tail.optimal
    judged = shortfall(days, judges[RiskMeasure.CVAR])
    assert shortfall(days, tail.weights) == pytest.approx(judged, rel=1e-6)


def plainly(days: np.ndarray, held: np.ndarray, limits: Limits) -> tuple[float, float]:
    """Return the least variance and shortfall by a statement of the whole problem, in percent."""
    percent = 100 * days
    weights, at_risk = cp.Variable(len(held)), cp.Variable()
    kept = [cp.sum(weights) == held.sum(), weights >= 0, weights <= limits.cap]
    if limits.turnover is not None:
        kept.append(cp.norm1(weights - held) <= limits.turnover)
    variance = cp.quad_form(weights, cp.psd_wrap(np.cov(percent.T)))
    beyond = cp.sum(cp.pos(-percent @ weights - at_risk)) / (0.05 * len(days))
    aims = (variance, at_risk + beyond)
    least = [cp.Problem(cp.Minimize(aim), kept).solve(solver=cp.CLARABEL) for aim in aims]
    return float(least[0]) / 1e4, float(least[1]) / 100


@pytest.mark.parametrize("turnover", [0.05, 0.3, 1.5, None])
def test_leaving_assets_and_days_out_at_first_loses_nothing(turnover: float | None) -> None:
    """More assets than the solver begins with: its prices find the ones that were missed."""
    days = returns(assets=180, days=600)
    held = np.random.default_rng(4).dirichlet(np.ones(180))
    covariance = np.cov(days.T)
    limits = Limits(0.06, turnover)
    variance, tail = plainly(days, held, limits)
    lighter = least_variance(held, covariance, limits)
    assert lighter.optimal
    found = lighter.weights
    assert found @ covariance @ found == pytest.approx(variance, rel=1e-6)
    lighter = least_shortfall(held, days, limits)
    assert lighter.optimal
    assert shortfall(days, lighter.weights) == pytest.approx(tail, rel=1e-6)
    if turnover is not None:
        assert np.abs(lighter.weights - held).sum() <= turnover + 1e-6
        assert np.abs(found - held).sum() <= turnover + 1e-6


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.1, 1), st.floats(0, 2), st.floats(0.5, 1e6))
def test_limits_hold_and_the_risk_never_rises(
    seed: int, cap: float, turnover: float, total: float
) -> None:
    days = returns(120, 15, seed)
    held = np.random.default_rng(seed).dirichlet(np.ones(15))
    held = np.minimum(held, cap) / np.minimum(held, cap).sum()
    held = np.minimum(held, cap)
    covariance = np.cov(days.T)
    limits = Limits(cap * total, turnover * total)
    for found, risk in (
        (least_variance(held * total, covariance, limits), lambda w: w @ covariance @ w),
        (least_shortfall(held * total, days, limits), lambda w: shortfall(days, w)),
    ):
        new = found.weights / total
        assert new.sum() == pytest.approx(held.sum(), abs=1e-9)
        assert new.min() >= 0
        assert new.max() <= cap + 1e-5
        assert np.abs(new - held).sum() <= turnover + 1e-4
        assert risk(new) <= risk(held) * (1 + 1e-4)


def test_assets_over_the_cap_and_shorts_are_brought_within_the_limits() -> None:
    days = returns(assets=5)
    held = np.array([0.7, 0.2, 0.1, 0.1, -0.1])
    found = least_variance(held, np.cov(days.T), Limits(0.4, 0.6)).weights
    assert found.max() <= 0.4 + 1e-6
    assert found.min() >= 0
    assert np.abs(found - held).sum() <= 0.6 + 1e-6


def test_assets_that_share_nothing_stop_before_the_optimum_and_never_with_more_shortfall() -> None:
    days = returns(2000, 400, together=False)
    found = least_shortfall(even(400), days, Limits(0.1))
    assert not found.optimal
    assert shortfall(days, found.weights) <= shortfall(days, even(400)) + 1e-12


@pytest.mark.parametrize(
    ("held", "limits"),
    [
        ([0.5, 0.5], Limits(0.4)),
        ([0.9, 0.1], Limits(0.5, 0.1)),
        ([1.2, -0.2], Limits(1.0, 0.3)),
        ([0.5, -0.5], Limits(1.0)),
    ],
)
def test_limits_that_nothing_keeps_are_refused(held: list[float], limits: Limits) -> None:
    for way, of in ((least_variance, np.eye(2)), (least_shortfall, returns(assets=2))):
        with pytest.raises(BadSeries, match="limits_infeasible"):
            way(np.array(held), of, limits)


def test_what_is_given_stays_as_it_was() -> None:
    days = returns(assets=8)
    covariance = np.cov(days.T)
    copies = days.copy(), covariance.copy()
    least_variance(even(8), covariance, Limits())
    least_shortfall(even(8), days, Limits())
    assert (days == copies[0]).all()
    assert (covariance == copies[1]).all()
