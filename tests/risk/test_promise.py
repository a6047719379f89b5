"""Do hedges keep their promise? On real prices, from 2015 on, which nothing here was fitted to."""

import numpy as np
import pytest
from skfolio.datasets import load_sp500_dataset, load_sp500_index

from augury.risk.beta import beta, horizon_correlation
from augury.risk.hedges import TRADING_DAYS, Positions, hedges
from augury.risk.tails import overlapping
from augury.risk.volatility import ewma_variance

TWO_YEARS, WEEK = 504, 5


@pytest.fixture(scope="module")
def market() -> tuple[np.ndarray, np.ndarray, int]:
    """Daily returns of 20 shares [n, t] and of the index [t], and the first day of 2015."""
    shares = load_sp500_dataset().pct_change().dropna()
    index = load_sp500_index().pct_change().reindex(shares.index)
    first = int(shares.index.searchsorted("2015-01-01"))
    return shares.to_numpy().T.copy(), index.to_numpy()[:, 0].copy(), first


@pytest.mark.parametrize("horizon", [5, 21, 63])
def test_the_promised_cut_in_volatility_is_within_five_points_of_what_came(
    market: tuple[np.ndarray, np.ndarray, int], horizon: int
) -> None:
    shares, index, first = market
    assets = len(shares)
    daily = np.sqrt(np.stack([ewma_variance(share, 33) for share in shares]))
    daily_index = np.sqrt(ewma_variance(index, 33))
    ones, shape = np.ones(assets), np.random.default_rng(1).standard_t(5, 210)
    promised, alone, hedged = [], [], []
    for day in range(first, shares.shape[1] - horizon - 1, 5):
        known, ahead = slice(day - TWO_YEARS + 1, day + 1), slice(day + 1, day + 1 + horizon)
        found = beta(overlapping(shares[:, known], WEEK), overlapping(index[known], WEEK))
        volatility = daily[:, day] * np.sqrt(TRADING_DAYS)
        scenarios = daily[:, day, None] * np.sqrt(horizon) * shape / shape.std()
        held = Positions(
            scenarios=np.maximum(scenarios, -1),
            volatility=volatility,
            horizon_days=horizon * ones,
            beta=found.beta,
            correlation=horizon_correlation(found.correlation, horizon * ones),
            benchmark_volatility=daily_index[day] * np.sqrt(horizon) * ones,
            benchmark_price=ones,
            value=ones,
            price=ones,
            loss_threshold=0.05 * ones,
            rate=0.01 * ones,
        )
        short = hedges(held)[0]
        promised.append(1 - short.after.volatility / short.before.volatility)
        came = np.prod(1 + shares[:, ahead], axis=1) - 1
        alone.append(came)
        hedged.append(came - found.beta * (np.prod(1 + index[ahead]) - 1))
    realised = 1 - np.std(hedged, axis=0) / np.std(alone, axis=0)
    gap = np.median(realised - np.mean(promised, axis=0))
    assert abs(gap) < 0.05
    assert np.median(realised) > 0.05
