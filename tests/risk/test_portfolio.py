"""A whole and its parts: against Hull, skfolio, and sums that must come out."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from skfolio import Portfolio, measures
from sklearn.covariance import LedoitWolf

from augury.risk import portfolio
from augury.risk.beta import beta
from augury.risk.covariance import covariance, shrunk_correlation, standardised
from augury.risk.portfolio import Assets
from augury.risk.tails import normal, over_horizon
from augury.risk.trouble import BadSeries


def returns(days: int = 500, assets: int = 12, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    market = rng.standard_t(5, days) * 0.008
    own = rng.standard_t(5, (days, assets)) * rng.uniform(0.005, 0.02, assets)
    return market[:, None] * rng.uniform(0.5, 1.5, assets) + own, market


def known(days: int = 500, n: int = 12, seed: int = 1) -> Assets:
    each, market = returns(days, n, seed)
    return portfolio.assets(each, np.linspace(0.15, 0.6, n), market, 0.18)


def shrunk_as_printed(x: np.ndarray) -> tuple[np.ndarray, float]:
    """Ledoit and Wolf's appendix B word for word, one sum after the other."""
    days, n = x.shape
    s = x.T @ x / days
    rbar = sum(s[i, j] / np.sqrt(s[i, i] * s[j, j]) for i in range(n) for j in range(n) if i < j)
    rbar *= 2 / (n * (n - 1))
    f = rbar * np.sqrt(np.outer(np.diag(s), np.diag(s)))
    np.fill_diagonal(f, np.diag(s))
    pi, rho = 0.0, 0.0
    for i in range(n):
        for j in range(n):
            noise = ((x[:, i] * x[:, j] - s[i, j]) ** 2).mean()
            pi += noise
            if i == j:
                rho += noise
                continue
            theta_i = ((x[:, i] ** 2 - s[i, i]) * (x[:, i] * x[:, j] - s[i, j])).mean()
            theta_j = ((x[:, j] ** 2 - s[j, j]) * (x[:, i] * x[:, j] - s[i, j])).mean()
            both = np.sqrt(s[j, j] / s[i, i]) * theta_i + np.sqrt(s[i, i] / s[j, j]) * theta_j
            rho += rbar / 2 * both
    share = max(0.0, min((pi - rho) / ((f - s) ** 2).sum() / days, 1.0))
    return share * f + (1 - share) * s, share


@pytest.mark.parametrize("days", [60, 500])
def test_correlations_are_shrunk_as_ledoit_and_wolf_print_it(days: int) -> None:
    standard = standardised(returns(days)[0])
    matrix, share = shrunk_as_printed(standard)
    found = shrunk_correlation(standard)
    assert found.shrinkage == pytest.approx(share)
    assert found.matrix == pytest.approx(matrix)
    assert 0 < share < 1


def test_where_shares_move_together_the_common_mean_is_nearer_than_scikit_learns_target() -> None:
    """The judge shrinks to zero correlation, and tells holders that they are better spread."""
    truth = np.full((40, 40), 0.4) + 0.6 * np.eye(40)
    ours, judges, told = [], [], []
    for seed in range(10):
        draws = np.random.default_rng(seed).multivariate_normal(np.zeros(40), truth, 60)
        standard = standardised(draws)
        matrix = shrunk_correlation(standard).matrix
        judge = LedoitWolf(assume_centered=True).fit(standard).covariance_
        ours.append(((matrix - truth) ** 2).sum())
        judges.append(((judge - truth) ** 2).sum())
        told.append((matrix.sum(), judge.sum(), np.corrcoef(draws.T).sum()))
    assert np.mean(ours) < 0.6 * np.mean(judges)
    mean = np.mean(told, axis=0)
    assert mean[0] == pytest.approx(mean[2])
    assert mean[1] < 0.97 * mean[2]


@settings(max_examples=30)
@given(st.integers(2, 30), st.integers(3, 80), st.integers(0, 10_000))
def test_no_portfolio_has_a_variance_below_zero(n: int, days: int, seed: int) -> None:
    draws = np.random.default_rng(seed).standard_normal((days, n))
    matrix = shrunk_correlation(standardised(draws)).matrix
    assert np.diag(matrix) == pytest.approx(1)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_hulls_two_shares_have_the_value_at_risk_of_the_book() -> None:
    """Hull, section 22.2: 200,000 and 50,000 a day, correlation 0.3: 220,200; 1,620,100."""
    matrix = covariance(np.array([[1, 0.3], [0.3, 1]]), np.array([0.02, 0.01]))
    money = np.array([10e6, 5e6])
    deviation = np.sqrt(money @ matrix @ money)
    assert deviation == pytest.approx(220_200, rel=3e-4)
    daily = normal(np.zeros(1), np.array([deviation]), 0.99)
    assert over_horizon(daily, 10).value_at_risk == pytest.approx(1_620_100, rel=3e-4)


def test_a_whole_is_what_skfolio_says_of_the_same_days() -> None:
    each = known()
    weights = np.random.default_rng(2).dirichlet(np.ones(12))
    found = portfolio.whole(weights, each, 1)
    days = each.scenarios @ weights
    assert found.risk.value_at_risk == pytest.approx(measures.value_at_risk(days))
    assert found.risk.expected_shortfall == pytest.approx(measures.cvar(days))
    judge = Portfolio(X=each.scenarios, weights=weights)
    parts = judge.contribution(measure=measures.RiskMeasure.CVAR)
    assert found.shortfall_contributions == pytest.approx(parts, rel=1e-3, abs=1e-5)
    assert found.risk.volatility == pytest.approx(np.sqrt(weights @ each.covariance @ weights))
    spread = weights @ np.linspace(0.15, 0.6, 12) / found.risk.volatility
    assert found.diversification == pytest.approx(spread)


@settings(max_examples=50)
@given(st.lists(st.floats(-2, 2), min_size=12, max_size=12), st.sampled_from([5, 21, 63]))
def test_contributions_add_up_to_the_whole(weights: list[float], horizon_days: int) -> None:
    held = np.array(weights) + 0.01
    assume(np.abs(held).max() > 1e-6)
    found = portfolio.whole(held, known(seed=3), horizon_days)
    scale = np.abs(held).sum()
    assert found.volatility_contributions.sum() == pytest.approx(
        float(found.risk.volatility), abs=1e-9 * scale
    )
    assert found.shortfall_contributions.sum() == pytest.approx(
        float(found.risk.expected_shortfall), abs=1e-9 * scale
    )


def test_a_contribution_is_the_slope_of_the_whole_in_what_is_held() -> None:
    each, held, step = known(), np.full(12, 1 / 12), 1e-6
    before = portfolio.whole(held, each, 21)
    for place in (0, 5, 11):
        more = held.copy()
        more[place] += step
        after = portfolio.whole(more, each, 21)
        for measure, parts in (
            (0, before.volatility_contributions),
            (2, before.shortfall_contributions),
        ):
            slope = (float(after.risk[measure]) - float(before.risk[measure])) / step
            assert parts[place] == pytest.approx(held[place] * slope, rel=1e-3)


def test_scenarios_have_the_volatility_that_is_forecast_and_betas_are_shrunk() -> None:
    each, market = returns()
    made = portfolio.assets(each, np.linspace(0.15, 0.6, 12), market, 0.18)
    annual = made.scenarios.std(axis=0) * np.sqrt(252)
    assert annual == pytest.approx(np.linspace(0.15, 0.6, 12))
    assert made.benchmark.std() * np.sqrt(252) == pytest.approx(0.18)
    assert made.betas == pytest.approx(beta(each.T, market).beta)


def test_nothing_held_and_series_that_stand_still_are_refused() -> None:
    with pytest.raises(BadSeries, match="nothing_held"):
        portfolio.whole(np.zeros(12), known(), 21)
    with pytest.raises(BadSeries, match="not_finite"):
        portfolio.whole(np.full(12, np.nan), known(), 21)
    each, market = returns()
    each[:, 4] = 0.001
    with pytest.raises(BadSeries) as refused:
        portfolio.assets(each, np.full(12, 0.2), market, 0.18)
    assert (refused.value.key, refused.value.values["place"]) == ("constant", (4,))
