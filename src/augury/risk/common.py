"""Many assets over the same days."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from augury.risk.series import Days, Floats, Series
from augury.risk.trouble import long_enough

LEAST_RETURNS = 60


class Common(NamedTuple):
    """Simple returns over the same spans, float64 [t, n], and the day each ends, int32 [t].

    `skipped` days of some assets within the window are in none of the returns of their own,
    because others have no close on them: the next return spans them. `shortest` is the asset
    whose history begins last, and the window with it.
    """

    days: Days
    returns: Floats
    skipped: int
    shortest: int


def common_returns(assets: Sequence[Series], observations: int) -> Common:
    """Return the newest returns between days on which every asset has a close, at most so many.

    One window for all, and not one for each pair: covariances of different windows need not fit
    together, and a portfolio could come out with a variance below zero. The price is that the
    youngest asset shortens it. Raises `BadSeries("too_short")` below 60 common returns.
    """
    long_enough("assets", len(assets), 1)
    for asset in assets:
        long_enough("closes", len(asset), LEAST_RETURNS + 1)
    first = min(int(asset.days[0]) for asset in assets)
    counts = np.bincount(np.concatenate([asset.days for asset in assets]) - first)
    days = np.flatnonzero(counts == len(assets))[-(observations + 1) :]
    long_enough("common_days", len(days), LEAST_RETURNS + 1)
    skipped = np.flatnonzero(counts[days[0] : days[-1]]).size - (len(days) - 1)
    common: Days = np.asarray(days + first, dtype=np.int32)
    closes = np.empty((len(common), len(assets)))
    for place, asset in enumerate(assets):
        closes[:, place] = asset.closes[np.searchsorted(asset.days, common)]
    shortest = int(np.argmax([asset.days[0] for asset in assets]))
    return Common(common[1:], closes[1:] / closes[:-1] - 1, skipped, shortest)
