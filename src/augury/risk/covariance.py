"""Covariances of many assets from few days: correlations shrunk, volatilities as forecast."""

from typing import NamedTuple

import numpy as np

from augury.risk.series import Floats
from augury.risk.trouble import BadSeries, finite, long_enough, positive

_FLAT = 1e-12


class Correlation(NamedTuple):
    """Correlations, float64 [n, n], and what share of them is the common one, 0 to 1."""

    matrix: Floats
    shrinkage: float


def standardised(returns: Floats) -> Floats:
    """Return returns [t, n] with mean zero and deviation one in each column.

    Raises `BadSeries` for values that are not finite and columns that do not move.
    """
    returns = finite("returns", returns)
    long_enough("returns", len(returns), 2)
    centred = returns - returns.mean(axis=0)
    deviation = np.sqrt(np.einsum("tn,tn->n", centred, centred) / len(centred))
    flat = deviation <= _FLAT
    if flat.any():
        raise BadSeries("constant", what="returns", place=(int(np.argmax(flat)),))
    standard: Floats = centred / deviation
    return standard


def shrunk_correlation(standard: Floats) -> Correlation:
    """Return correlations of standardised returns [t, n], shrunk to their common mean.

    Ledoit and Wolf, Honey, I shrunk the sample covariance matrix (2004), appendices A and B. The
    target is the mean correlation and not zero: shrinking to zero would tell holders of many
    shares that they are better spread than they are. The result has no negative eigenvalue.
    """
    days, assets = standard.shape
    sample = standard.T @ standard / days
    np.fill_diagonal(sample, 1.0)
    if assets == 1:
        return Correlation(sample, 0.0)
    mean = (sample.sum() - assets) / (assets * (assets - 1))
    target = np.full_like(sample, mean)
    np.fill_diagonal(target, 1.0)
    distance = ((target - sample) ** 2).sum()
    if distance <= _FLAT:
        return Correlation(sample, 0.0)
    squares = standard * standard
    noise = squares.T @ squares / days - sample * sample
    # How the noise of an asset's variance goes with that of its covariances.
    shared = (squares * standard).T @ standard / days - sample
    own = float(np.trace(noise))
    together = own + mean * float(shared.sum() - np.trace(shared))
    share = float(np.clip((noise.sum() - together) / distance / days, 0, 1))
    return Correlation(share * target + (1 - share) * sample, share)


def covariance(correlation: Floats, volatility: Floats) -> Floats:
    """Return covariances [n, n] of correlations and volatilities [n], in the unit of these."""
    volatility = positive("volatility", volatility)
    return correlation * np.outer(volatility, volatility)
