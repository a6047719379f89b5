"""What anybody can say without a model: the yardsticks that it has to beat."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtr, ndtri

from augury.risk.returns import log_returns, logarithmic, simple
from augury.risk.series import Floats, Series
from augury.risk.volatility import ewma_variance

# RiskMetrics' decay of 0.94 a day.
_HALF_LIFE_DAYS = float(np.log(0.5) / np.log(0.94))
_TWO_YEARS = 504


def ewma_scale(asset: Series) -> Floats:
    """Return RiskMetrics' volatility a day at the end of each day, [n]."""
    return np.concatenate(
        [[np.nan], np.sqrt(ewma_variance(log_returns(asset.closes), _HALF_LIFE_DAYS))]
    )


def normal(scale: Floats, limits: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Return chances [n, limits] and quantiles [n, levels] of normal log returns with no mean."""
    chances = ndtr(logarithmic(limits) / scale[:, None])
    return chances, simple(scale[:, None] * ndtri(levels))


def historical(
    asset: Series, days: int, at: Floats, limits: Floats, levels: Floats
) -> tuple[Floats, Floats]:
    """Return chances and quantiles from the returns over `days` of the asset's last two years.

    `at` [n] are places in the series. Chances are [n, limits], quantiles [n, levels]; NaN where
    there are not two years.
    """
    returns = asset.closes[days:] / asset.closes[:-days] - 1
    # The window that ends at a close holds the returns that were over by then.
    windows = np.sort(sliding_window_view(returns, _TWO_YEARS - days), axis=1)
    place = at.astype(np.int64) - (_TWO_YEARS - 1)
    chances = np.full((len(at), len(limits)), np.nan)
    quantiles = np.full((len(at), len(levels)), np.nan)
    there = place >= 0
    past = windows[place[there]]
    chances[there] = (past[:, :, None] < limits).mean(axis=1)
    quantiles[there] = np.quantile(past, levels, axis=1).T
    return chances, quantiles


def climatology(past: Floats, limits: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Return the shares [limits] and the quantiles [levels] of all returns known so far."""
    return (past[:, None] < limits).mean(axis=0), np.quantile(past, levels)
