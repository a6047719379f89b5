"""What is known of an asset on a day, in numbers that do not depend on its price.

Five facts beside the level of volatility, each of which may be unknown, and how many closes that
level is known from. Everything is made of
what was known at the end of the day, and comes to the same bytes whatever happens later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.risk.returns import log_returns
from augury.risk.series import Days, Floats, Indicator, Series
from augury.risk.volatility import ewma, ewma_variance

LEAST_CLOSES = 60

FEATURES = (
    "volatility_level",  # log of the volatility a day, over years
    "recent_volatility",  # log of the volatility of weeks over that of years
    "recent_return",  # mean return of weeks, in standard deviations of such a mean
    "market_volatility",  # the benchmark's `recent_volatility`
    "market_level",  # log of the benchmark's volatility over years over the asset's
    "credit_spread_change",  # log of the spread of BAA over AAA over the one half a year ago
    "closes",  # how many there are; moves nothing by itself, but short histories mislead
)
OWN, MARKET, MACRO = slice(0, 3), slice(3, 5), slice(5, 6)
CLOSES = 6

_YEARS_HALF_LIFE, _WEEKS_HALF_LIFE = 504.0, 21.0
# A price that never moves has no volatility; the log of this one is finite.
_LEAST_VARIANCE = 1e-10
_HALF_A_YEAR_DAYS = 182
# What each return counts, the newest last, and what the newest so many count together.
_YEARS, _WEEKS = (
    np.power(0.5, np.arange(10_000)[::-1] / half) for half in (_YEARS_HALF_LIFE, _WEEKS_HALF_LIFE)
)
_YEARS_SUM, _WEEKS_SUM = (
    np.concatenate([[0.0], np.cumsum(one[::-1])]).tolist() for one in (_YEARS, _WEEKS)
)
# Older than this, what was known of the market or of a monthly figure tells nothing of today.
_MARKET_STALE_DAYS = 7
_MONTHLY_STALE_DAYS = 75


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the asset: its benchmark's features, by day, and yields in percent.

    `surroundings` makes one, once for as many assets as there are.
    """

    market_days: Days | None = None
    market: Floats | None = None  # `own` of the benchmark, [n, 3]
    aaa: Indicator | None = None
    baa: Indicator | None = None


def surroundings(
    benchmark: Series | None = None, aaa: Indicator | None = None, baa: Indicator | None = None
) -> Surroundings:
    """Return the surroundings that a benchmark and Moody's AAA and BAA yields make."""
    yields = tuple(one if one is not None and len(one.known) else None for one in (aaa, baa))
    if benchmark is None or len(benchmark) < LEAST_CLOSES:
        return Surroundings(None, None, *yields)
    return Surroundings(benchmark.days, own(benchmark), *yields)


def history(series: Series, around: Surroundings) -> Floats:
    """Return the features of every day of a series, [n, 7]; NaN is unknown.

    The first 59 days are unknown altogether.
    """
    mine, closes = own(series), np.arange(1.0, len(series) + 1)
    outside = _outside(series.days, mine[:, 0], around)
    return np.concatenate([mine, outside, closes[:, None]], axis=1)


def latest(series: Series, around: Surroundings) -> Floats:
    """Return the features of the last day of a series alone, [7]."""
    found: Floats = latest_many([series], around)[0]
    return found


def latest_many(assets: Sequence[Series], around: Surroundings) -> Floats:
    """Return the features of the last day of each of n series, [n, 7].

    It is the last row of `history`, but for rounding, at a tenth of its cost.
    """
    mine = np.array([_last(one) for one in assets]).reshape(-1, 3)
    days = np.array([one.days[-1] for one in assets], np.int32)
    closes = np.array([len(one) for one in assets], np.float64)
    return np.column_stack([mine, _outside(days, mine[:, 0], around), closes])


def _last(asset: Series) -> tuple[float, float, float]:
    if not LEAST_CLOSES <= len(asset) <= len(_YEARS):
        level, recent, mean = own(asset)[-1]
        return level, recent, mean
    returns = log_returns(asset.closes)
    squares, count = returns * returns, len(returns)
    of_years, of_weeks = _YEARS[-count:], _WEEKS[-count:]
    sums = _YEARS_SUM[count], _WEEKS_SUM[count]
    years = max(float(of_years @ squares) / sums[0], _LEAST_VARIANCE)
    weeks = max(float(of_weeks @ squares) / sums[1], _LEAST_VARIANCE)
    mean = float(of_weeks @ returns) / sums[1]
    trend = mean * math.sqrt(_WEEKS_HALF_LIFE / years)
    return 0.5 * math.log(years), 0.5 * math.log(weeks / years), trend


def own(series: Series) -> Floats:
    """Return the three features that need nothing but the closes, [n, 3]."""
    found = np.full((len(series), 3), np.nan)
    if len(series) < LEAST_CLOSES:
        return found
    returns = log_returns(series.closes)
    years = np.maximum(ewma_variance(returns, _YEARS_HALF_LIFE), _LEAST_VARIANCE)
    weeks = np.maximum(ewma_variance(returns, _WEEKS_HALF_LIFE), _LEAST_VARIANCE)
    mean = ewma(returns, _WEEKS_HALF_LIFE)
    found[1:, 0] = 0.5 * np.log(years)
    found[1:, 1] = 0.5 * np.log(weeks / years)
    found[1:, 2] = mean * np.sqrt(_WEEKS_HALF_LIFE / years)
    found[: LEAST_CLOSES - 1] = np.nan
    return found


def _outside(days: Days, level: Floats, around: Surroundings) -> Floats:
    found = np.full((len(days), 3), np.nan)
    if around.market_days is not None and around.market is not None:
        at = _newest(around.market_days, days, _MARKET_STALE_DAYS)
        found[:, 0] = _take(around.market[:, 1], at)
        found[:, 1] = _take(around.market[:, 0], at) - level
    if around.aaa is not None and around.baa is not None:
        now = _spread(around.aaa, around.baa, days)
        then = _spread(around.aaa, around.baa, days - np.int32(_HALF_A_YEAR_DAYS))
        found[:, 2] = np.log(now / then)
    return found


def _spread(aaa: Indicator, baa: Indicator, days: Days) -> Floats:
    """Return the spread known on each day; NaN where a yield is missing or stale, or none."""
    low, high = (
        _take(one.values, _newest(one.known, days, _MONTHLY_STALE_DAYS)) for one in (aaa, baa)
    )
    spread = high - low
    return np.where(spread > 0, spread, np.nan)


def _newest(known: Days, days: Days, stale_days: int) -> npt.NDArray[np.intp]:
    """Return the place of what was known last on each day; -1 where that is nothing, or stale."""
    at = np.searchsorted(known, days, side="right") - 1
    fresh = (at >= 0) & (days - known[at] <= stale_days)
    return np.where(fresh, at, -1)


def _take(values: Floats, at: npt.NDArray[np.intp]) -> Floats:
    return np.where(at >= 0, values[at], np.nan)
