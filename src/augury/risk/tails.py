"""Value at risk and expected shortfall, four ways, and how they grow with the horizon.

Losses are positive and in the unit of the returns: 0.05 is a loss of 5 %. A negative value at
risk says that even the bad case is a gain.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from augury.risk.series import Floats
from augury.risk.trouble import BadSeries, between, finite, long_enough, positive

LEVEL = 0.95
# A share of a count that misses a whole number by rounding is that number.
_ROUNDING = 1e-9
_LEAST_EXCESSES = 10
# Excesses that differ less than this, relative to themselves, have no shape to fit.
_FLAT = 1e-9


class Tail(NamedTuple):
    """Value at risk and expected shortfall at one level, float64 [n], losses positive."""

    value_at_risk: Floats
    expected_shortfall: Floats


def normal(mean: Floats, volatility: Floats, level: float = LEVEL) -> Tail:
    """Return both for normal returns of this mean and standard deviation, [n] each.

    McNeil, Frey and Embrechts, Quantitative Risk Management (2015), examples 2.11 and 2.14.
    """
    mean, volatility = finite("mean", mean), positive("volatility", volatility)
    z = float(ndtri(_level(level)))
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return Tail(z * volatility - mean, density / (1 - level) * volatility - mean)


def historical(returns: Floats, level: float = LEVEL) -> Tail:
    """Return both for equally likely returns [..., points]; results are [...].

    The value at risk is the lower quantile of the losses, and the shortfall is the mean of the
    worst `1 - level` of the probability, a point that straddles it counted in part: Rockafellar
    and Uryasev (2002), proposition 8. Raises `BadSeries` for values that are not finite.
    """
    return tail_of(worst(finite("returns", returns), level), returns.shape[-1], level)


def worst(returns: Floats, level: float = LEVEL) -> Floats:
    """Return the returns that both measures depend on, [..., k + 1], the mildest one last."""
    whole = _tail_count(returns.shape[-1], level)[0]
    return np.partition(returns, whole, axis=-1)[..., : whole + 1]


def tail_of(worst_returns: Floats, points: int, level: float = LEVEL) -> Tail:
    """Return both from the worst of so many equally likely returns, as `worst` returns them."""
    whole, count = _tail_count(points, level)
    mildest = worst_returns[..., -1]
    beyond = worst_returns[..., :-1].sum(axis=-1) + (count - whole) * mildest
    return Tail(-mildest, -beyond / count)


def filtered_historical(
    returns: Floats, volatility: Floats, now: Floats, horizon_days: int = 1, level: float = LEVEL
) -> Tail:
    """Return both from past daily returns, each rescaled to the volatility of now.

    `returns` and `volatility` are [n, days], the volatility of a day as forecast the day before,
    `now` is [n], the forecast of today; all are daily. Hull and White (1998); horizons above one
    day compound overlapping windows of rescaled days.
    """
    ratio = positive("now", now)[..., np.newaxis] / positive("volatility", volatility)
    return historical(overlapping(finite("returns", returns) * ratio, horizon_days), level)


def extreme_value(returns: Floats, level: float = LEVEL, beyond: float = 0.1) -> Tail:
    """Return both by a generalised Pareto tail over a threshold; returns are [..., points].

    The threshold is the loss that a share `beyond` of the points exceeds (at least 10 of them);
    McNeil, Frey and Embrechts (2015), equations 5.18 and 5.19. The tail is fitted by
    probability-weighted moments (Hosking and Wallis 1987): they have a closed form, so that any
    number of tails is fitted at once, and their shape stays below one, so that the shortfall is
    finite. Raises `BadSeries` if the points are too few, or all excesses the same.
    """
    losses = -finite("returns", returns)
    points = losses.shape[-1]
    count = int(points * beyond + _ROUNDING)
    long_enough("excesses", count, _LEAST_EXCESSES)
    share = (1 - _level(level)) * points / count
    if share > 1:
        raise BadSeries("level_below_threshold", level=level, beyond=beyond)
    largest = np.partition(losses, points - count - 1, axis=-1)[..., points - count - 1 :]
    threshold = largest[..., 0]
    shape, scale = pareto(largest[..., 1:] - threshold[..., np.newaxis])
    # As the shape nears zero, (s ** -shape - 1) / shape nears -log(s).
    safe = np.where(np.abs(shape) < _ROUNDING, 1.0, shape)
    grown = np.where(safe == shape, np.expm1(-safe * math.log(share)) / safe, -math.log(share))
    value = threshold + scale * grown
    return Tail(value, (value + scale - shape * threshold) / (1 - shape))


def pareto(excesses: Floats) -> tuple[Floats, Floats]:
    """Return shape and scale [...] of generalised Pareto excesses [..., points], all above zero.

    Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto
    distribution (1987), with the sign of the shape as McNeil, Frey and Embrechts have it.
    """
    rising = np.sort(excesses, axis=-1)
    points = rising.shape[-1]
    mean = rising.mean(axis=-1)
    if (rising[..., -1] - rising[..., 0] <= _FLAT * np.abs(rising[..., -1])).any():
        raise BadSeries("constant", what="excesses")
    survivors = np.arange(points - 1, -1, -1) / (points - 1)
    moment = (rising * survivors).mean(axis=-1)
    spread = mean - 2 * moment
    return 2 - mean / spread, 2 * mean * moment / spread


def over_horizon(daily: Tail, days: Floats | float) -> Tail:
    """Return a one-day tail scaled by the square root of time.

    Exact only for independent days without drift: J.P. Morgan, RiskMetrics (1996), section 5.2.
    """
    root = np.sqrt(positive("days", days))
    return Tail(daily.value_at_risk * root, daily.expected_shortfall * root)


def overlapping(returns: Floats, days: int) -> Floats:
    """Return simple returns of all windows of so many days, [..., points - days + 1].

    Windows share days: they are no more independent facts than the windows that do not.
    """
    if days == 1:
        return returns
    long_enough("returns", returns.shape[-1], days + 1)
    if returns.min() <= -1:
        raise BadSeries("out_of_range", what="returns", low=-1)
    grown = np.cumsum(np.log1p(returns), axis=-1)
    first = np.zeros((*grown.shape[:-1], 1))
    path = np.concatenate([first, grown], axis=-1)
    windows: Floats = np.expm1(path[..., days:] - path[..., :-days])
    return windows


def _level(level: float) -> float:
    return float(between("level", level, 0.5, 0.9999))


def _tail_count(points: int, level: float) -> tuple[int, float]:
    """Return how many of the points are the tail: whole ones, and with the part of one."""
    count = (1 - _level(level)) * points
    if points < 1 or count <= 0:
        raise BadSeries("too_short", what="returns", length=points, least=1)
    if abs(count - round(count)) < _ROUNDING * points:
        count = float(round(count))
    return min(math.floor(count), points - 1), count
