"""Does an index short do what it promises? Promised and realised cuts of volatility."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from augury.risk.beta import beta, horizon_correlation
from augury.risk.series import Floats

# Weekly returns of two years. Daily ones promise a sixth too much: prices of one day do not hold
# all that a month brings together (measured before 2015: 17 % promised and 13 % kept).
_WEEK_DAYS, _TWO_YEARS = 5, 504
FIRST_PLACE = _TWO_YEARS


class Hedged(NamedTuple):
    """Of each asset, [assets]: the mean promised cut of volatility and the realised one."""

    promised: Floats
    realised: Floats


def hedge_record(
    closes: Floats, index: Floats, chosen: npt.NDArray[np.intp], horizon: int
) -> Hedged:
    """Return what hedging assets [assets, days] by an index [days] promised and did.

    At each of the `chosen` places in time, which are at least `FIRST_PLACE`, beta and correlation
    are those of overlapping weekly returns of the two years before. The promise is to leave
    `sqrt(1 - correlation**2)` of the volatility, the correlation as it is over the horizon; what
    was left is measured over all windows of `horizon` days that begin there.
    """
    windows = _TWO_YEARS - _WEEK_DAYS + 1
    first = chosen - _TWO_YEARS
    past_index = sliding_window_view(_over(index, _WEEK_DAYS), windows)[first]
    index_after = index[chosen + horizon] / index[chosen] - 1
    promised, realised = np.empty(len(closes)), np.empty(len(closes))
    for number, asset in enumerate(closes):
        past = sliding_window_view(_over(asset, _WEEK_DAYS), windows)[first]
        found = beta(past, past_index)
        after = asset[chosen + horizon] / asset[chosen] - 1
        left = (after - found.beta * index_after).std() / after.std()
        kept = horizon_correlation(found.correlation, np.full(1, float(horizon)))
        promised[number] = np.mean(1 - np.sqrt(1 - kept**2))
        realised[number] = 1 - left
    return Hedged(promised, realised)


def _over(closes: Floats, days: int) -> Floats:
    return closes[days:] / closes[:-days] - 1
