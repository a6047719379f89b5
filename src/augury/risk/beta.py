"""How an asset moves with a benchmark: beta with shrinkage, correlation, hedge ratio."""

from typing import NamedTuple

import numpy as np

from augury.risk.series import Days, Floats, Series
from augury.risk.trouble import BadSeries, between, finite, long_enough, positive

LEAST_OBSERVATIONS = 20
# Of 20 large US shares, in every year from 1990 to 2022: the mean over the years of the mean of
# their betas against the S&P 500 is 0.98, and of the deviation between them 0.38.
PRIOR_MEAN = 1.0
PRIOR_DEVIATION = 0.38
WEEK_DAYS = 5
# Of the same shares before 2015, what a hedge promised was the more too good the longer the
# horizon; with this it is kept, in the median, over 5, 21 and 63 days alike.
OWN_BY_LOG_WEEK = 0.04
# A variance this small beside the square of the largest value is rounding, and no movement.
_FLAT = 1e-24


class Aligned(NamedTuple):
    """Simple returns of two series over the same spans, float64 [n], and the day each ends."""

    days: Days
    asset: Floats
    benchmark: Floats


class Beta(NamedTuple):
    """What a regression on a benchmark tells, float64 [n] each.

    `beta` is shrunk, `raw` is not and has a `standard_error`; `correlation` is of the returns.
    """

    beta: Floats
    raw: Floats
    standard_error: Floats
    correlation: Floats


def aligned(asset: Series, benchmark: Series, observations: int) -> Aligned:
    """Return the newest simple returns between days on which both have a close, at most so many.

    A day that only one of them has is skipped, and the next return of both spans it, so that
    markets with other holidays are compared over the same time. Raises `BadSeries("too_short")`
    below 20 common returns.
    """
    days, ours, theirs = np.intersect1d(
        asset.days, benchmark.days, assume_unique=True, return_indices=True
    )
    long_enough("common_days", len(days), LEAST_OBSERVATIONS + 1)
    kept = slice(-(observations + 1), None)
    return Aligned(
        days[kept][1:],
        _simple_returns(asset.closes[ours[kept]]),
        _simple_returns(benchmark.closes[theirs[kept]]),
    )


def beta(
    asset: Floats,
    benchmark: Floats,
    prior_mean: float = PRIOR_MEAN,
    prior_deviation: float = PRIOR_DEVIATION,
) -> Beta:
    """Return betas of returns [n, days] against [n, days] or [days], shrunk as Vasicek does.

    The shrunk beta is the mean of the regression's and the prior's, each weighted by how certain
    it is: Vasicek, A note on using cross-sectional information in Bayesian estimation of
    security betas (1973). A longer history and a closer fit move less. Raises `BadSeries` for
    fewer than 20 days, values that are not finite, and series that do not move.
    """
    asset, benchmark = finite("asset", asset), finite("benchmark", benchmark)
    count = asset.shape[-1]
    long_enough("returns", count, LEAST_OBSERVATIONS)
    x = benchmark - benchmark.mean(axis=-1, keepdims=True)
    y = asset - asset.mean(axis=-1, keepdims=True)
    xx, yy = (x * x).sum(axis=-1), (y * y).sum(axis=-1)
    _moving("benchmark", xx, benchmark)
    _moving("asset", yy, asset)
    xy = (x * y).sum(axis=-1)
    raw = xy / xx
    residual = np.maximum(yy - raw * xy, 0) / (count - 2)
    error = np.sqrt(residual / xx)
    trust = prior_deviation**2 / (prior_deviation**2 + error**2)
    correlation = np.clip(xy / np.sqrt(xx * yy), -1, 1)
    return Beta(trust * raw + (1 - trust) * prior_mean, raw, error, correlation)


def horizon_correlation(weekly: Floats, days: Floats) -> Floats:
    """Return what of a correlation of weekly returns is left over horizons of so many days, [n].

    What an asset does alone goes on for weeks, and betas drift: over a quarter, an asset goes
    further from its benchmark than its weeks would tell. The share of its variance that is its own
    grows by `OWN_BY_LOG_WEEK` for every factor of e in weeks, measured and not derived; what has
    nothing of its own keeps its correlation.
    """
    weekly = between("weekly", weekly, -1, 1)
    weeks = np.maximum(positive("days", days) / WEEK_DAYS, 1.0)
    own = (1 - weekly**2) * (1 + OWN_BY_LOG_WEEK * np.log(weeks))
    found: Floats = np.sign(weekly) * np.sqrt(np.maximum(1 - own, 0.0))
    return found


def _simple_returns(closes: Floats) -> Floats:
    return closes[1:] / closes[:-1] - 1


def _moving(what: str, squares: Floats, values: Floats) -> None:
    if (squares <= _FLAT * (values * values).max(axis=-1) * values.shape[-1]).any():
        raise BadSeries("constant", what=what)
