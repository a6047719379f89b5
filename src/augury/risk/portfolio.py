"""The risk of a whole: what it is, where it comes from, and how an index takes some of it away."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from augury.risk.beta import beta
from augury.risk.covariance import Correlation, covariance, shrunk_correlation, standardised
from augury.risk.hedges import TRADING_DAYS, Risk
from augury.risk.series import Floats
from augury.risk.tails import LEVEL, historical
from augury.risk.trouble import BadSeries, finite, positive

_LEAST_VOLATILITY = 1e-9


@dataclass(frozen=True, slots=True)
class Assets:
    """What is known of n assets and a benchmark, all float64.

    `covariance` is annualised, [n, n]; `scenarios` are daily returns of past days, equally likely,
    without their mean and with the volatility that is forecast, [t, n]; `benchmark` are those of
    the benchmark, [t]; `betas` are shrunk, [n]; `shrinkage` is the share of correlations that is
    their common mean.
    """

    covariance: Floats
    scenarios: Floats
    benchmark: Floats
    betas: Floats
    shrinkage: float


def assets(
    returns: Floats, volatility: Floats, benchmark: Floats, benchmark_volatility: float
) -> Assets:
    """Return what is known from common daily returns [t, n] and [t], and annualised forecasts [n].

    The past gives shape and correlation, the forecast gives size: Hull and White, Incorporating
    volatility updating into the historical simulation method for value at risk (1998), with one
    past volatility for the whole window. Raises `BadSeries` for values that are not finite, and
    for series that do not move.
    """
    volatility = positive("volatility", volatility)
    market = float(positive("benchmark_volatility", benchmark_volatility))
    standard = standardised(returns)
    correlation: Correlation = shrunk_correlation(standard)
    daily = 1 / np.sqrt(TRADING_DAYS)
    return Assets(
        covariance(correlation.matrix, volatility),
        standard * (volatility * daily),
        standardised(benchmark[:, np.newaxis])[:, 0] * (market * daily),
        beta(returns.T, benchmark).beta,
        correlation.shrinkage,
    )


class Whole(NamedTuple):
    """The risk of a portfolio, as fractions of what the weights are fractions of.

    Value at risk and shortfall are at 95 % over the horizon; contributions, float64 [n], add up to
    the volatility and to the shortfall; `diversification` is the mean volatility of the parts over
    that of the whole.
    """

    risk: Risk
    volatility_contributions: Floats
    shortfall_contributions: Floats
    diversification: float
    beta: float


def whole(weights: Floats, known: Assets, horizon_days: float) -> Whole:
    """Return the risk of weights [n], which may be negative and need not add up to one.

    Contributions are Euler's: how much of the whole's risk a little more of each asset adds, times
    what is held of it; McNeil, Frey and Embrechts (2015), section 8.5. For the shortfall it is the
    asset's mean loss on the days that are the whole's worst. The diversification ratio is that of
    Choueifaty and Coignard (2008). Days are scaled to the horizon by the root of time. Raises
    `BadSeries` if nothing is held.
    """
    weights = _held(weights)
    marginal = known.covariance @ weights
    # What cancels out leaves a variance that rounding may put below zero.
    volatility = max(float(np.sqrt(max(float(weights @ marginal), 0.0))), _LEAST_VOLATILITY)
    days = known.scenarios @ weights
    tail = historical(days)
    root = float(np.sqrt(positive("horizon_days", horizon_days)))
    parts = np.abs(weights) @ np.sqrt(np.diag(known.covariance))
    return Whole(
        Risk(
            np.asarray(volatility),
            np.asarray(tail.value_at_risk * root),
            np.asarray(tail.expected_shortfall * root),
        ),
        weights * marginal / volatility,
        _tail_losses(days, known.scenarios) * weights * root,
        float(parts / volatility),
        float(weights @ known.betas),
    )


def _held(weights: Floats) -> Floats:
    weights = finite("weights", weights)
    if not weights.any():
        raise BadSeries("nothing_held")
    return weights


def _tail_losses(days: Floats, scenarios: Floats) -> Floats:
    """Return each asset's mean loss [n] on the whole's worst days, as the shortfall weighs them."""
    count = (1 - LEVEL) * len(days)
    order = np.argsort(days, kind="stable")[: int(np.ceil(count))]
    shares = np.clip(count - np.arange(len(order)), 0, 1) / count
    losses: Floats = -(shares @ scenarios[order])
    return losses
