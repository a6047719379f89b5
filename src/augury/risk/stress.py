"""What bad times would cost: days that were, sizes that were not, and the holder's own fears.

Everything here is linear in the weights, and says of each asset where its figure comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augury.risk.series import Days, Floats, Indicator, Series
from augury.risk.trouble import BadSeries, finite

# Days from the last close before the window that still tell where the asset stood.
_STALE_DAYS = 10
LEAST_CHANGES = 24


class Window(NamedTuple):
    """The first and the last close of bad times, as days since 1970."""

    first: int
    last: int


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))


# The highest and the lowest close of the S&P 500 around both.
CRISIS_2008 = Window(_day("2007-10-09"), _day("2009-03-09"))
CRISIS_2020 = Window(_day("2020-02-19"), _day("2020-03-23"))

# Two percentage points, where a rate of 3 % is 0.03; and two fifths of the price.
RATES_RISE, OIL_FALL = 0.02, -0.4
# How far slopes are thought to lie from zero before a look at the data: an asset that loses 5 %
# as rates rise by one point, or 3 % as oil falls by a tenth, is no surprise.
RATES_PRIOR_DEVIATION, OIL_PRIOR_DEVIATION = 5.0, 0.3


@dataclass(frozen=True, slots=True)
class Shock:
    """What bad times do to a portfolio; `loss` is a fraction of its value, losses positive.

    `returns` are those of the assets, float64 [n]; `observed` marks those that are facts, the
    others come through betas or regressions.
    """

    loss: float
    returns: Floats
    observed: npt.NDArray[np.bool_]


def replay(
    weights: Floats, assets: Sequence[Series], betas: Floats, benchmark: Series, window: Window
) -> Shock | None:
    """Return what these weights would have lost; None if the benchmark has no data of the window.

    An asset with closes at both ends of the window repeats its own return, any other one its beta
    times the benchmark's.
    """
    market = _over(benchmark, window)
    if market is None:
        return None
    own = [_over(asset, window) for asset in assets]
    observed = np.array([one is not None for one in own])
    through_beta = finite("betas", betas) * market
    facts = np.array([0.0 if one is None else one for one in own])
    return _shock(weights, np.where(observed, facts, through_beta), observed)


class Sensitivity(NamedTuple):
    """Returns of assets for one unit of an indicator's change, float64 [n], zero if unknown.

    `changes` is how many changes each is drawn from, int [n].
    """

    slopes: Floats
    changes: npt.NDArray[np.int64]


def sensitivity(
    assets: Sequence[Series],
    indicator: Indicator,
    *,
    as_of: int,
    relative: bool,
    prior_deviation: float,
    lag_days: int = 0,
) -> Sensitivity | None:
    """Return how assets moved with an indicator; None if there are fewer than 24 changes of it.

    Changes are relative for prices and differences for rates; returns of the assets are over the
    same spans, `lag_days` before the values became known. Slopes are shrunk to zero by how
    uncertain they are (Vasicek 1973): an asset without a clear link is told to have hardly any.
    """
    known = int(np.searchsorted(indicator.known, as_of, side="right"))
    values, days = finite("indicator", indicator.values[:known]), indicator.known[:known] - lag_days
    if len(values) <= LEAST_CHANGES:
        return None
    changes = values[1:] / values[:-1] - 1 if relative else np.diff(values)
    if relative and (values <= 0).any():
        raise BadSeries("not_positive", what="indicator")
    found = [_slope(asset, days, changes, prior_deviation) for asset in assets]
    return Sensitivity(
        np.array([slope for slope, _ in found]), np.array([count for _, count in found])
    )


def through(weights: Floats, slopes: Floats, change: float) -> Shock:
    """Return what a change of an indicator does through sensitivities [n]."""
    slopes = finite("slopes", slopes)
    return _shock(weights, slopes * change, np.zeros(len(slopes), dtype=np.bool_))


def own_shocks(
    weights: Floats, betas: Floats, shocks: Floats, index_return: float | None = None
) -> Shock:
    """Return what the holder's own returns of assets do, [n], NaN where none is given.

    The other assets move by their beta times the return given for the index, or not at all.
    """
    given = ~np.isnan(shocks)
    others = finite("betas", betas) * (index_return or 0.0)
    returns = finite("shocks", np.where(given, shocks, others))
    return _shock(weights, returns, given)


def _shock(weights: Floats, returns: Floats, observed: npt.NDArray[np.bool_]) -> Shock:
    # No share is worth less than nothing, whatever a line through its past says.
    returns = np.maximum(returns, -1.0)
    return Shock(-float(finite("weights", weights) @ returns), returns, observed)


def _over(series: Series, window: Window) -> float | None:
    """Return the simple return over a window, if there are closes at both of its ends."""
    first, last = np.searchsorted(series.days, np.array(window), side="right") - 1
    if first < 0 or last >= len(series) or first == last:
        return None
    starts, ends = int(series.days[first]), int(series.days[last])
    if window.first - starts > _STALE_DAYS or window.last - ends > _STALE_DAYS:
        return None
    return float(series.closes[last] / series.closes[first] - 1)


def _slope(asset: Series, days: Days, changes: Floats, prior_deviation: float) -> tuple[float, int]:
    """Return the shrunk slope of an asset's returns on the changes it has closes for."""
    places = np.searchsorted(asset.days, days, side="right") - 1
    fresh = (places >= 0) & (days - asset.days[np.maximum(places, 0)] <= _STALE_DAYS)
    both = fresh[1:] & fresh[:-1]
    count = int(both.sum())
    if count < LEAST_CHANGES:
        return 0.0, count
    x = changes[both] - changes[both].mean()
    closes = asset.closes[np.maximum(places, 0)]
    y = (closes[1:] / closes[:-1] - 1)[both]
    y = y - y.mean()
    xx = float(x @ x)
    if xx <= 0:
        return 0.0, count
    slope = float(x @ y) / xx
    variance = float((y - slope * x) @ (y - slope * x)) / (count - 2) / xx
    return slope * prior_deviation**2 / (prior_deviation**2 + variance), count
