"""Rows to learn from and to be judged by: features of a day, and what came of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.risk.features import MACRO, MARKET, Surroundings, history, latest_many
from augury.risk.returns import forward_returns
from augury.risk.series import Days, Floats, Series

HORIZONS = (5, 21, 63)
_NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows of (asset, day): `features` [n, 6], and for each horizon [n, 3] what was known when.

    `returns` are log returns over the horizons, NaN where the data ends first; `matures` are the
    days on which they are over.
    """

    asset: npt.NDArray[np.int32]
    day: Days
    features: Floats
    returns: Floats
    matures: Days

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.day)

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Panel":
        """Return some of the rows."""
        return Panel(*(getattr(self, name)[chosen] for name in self.__slots__))

    def between(self, first: int, last: int) -> "Panel":
        """Return the rows of some days, both included."""
        return self.rows((self.day >= first) & (self.day <= last))

    def without(self, columns: slice) -> "Panel":
        """Return the rows with some features unknown."""
        features = self.features.copy()
        features[:, columns] = np.nan
        return Panel(self.asset, self.day, features, self.returns, self.matures)

    def alone(self) -> "Panel":
        """Return the rows as of a history about whose surroundings nothing is known."""
        return self.without(slice(MARKET.start, MACRO.stop))


def panel(assets: list[Series], around: Surroundings) -> Panel:
    """Return a row for each day of each series on which something can be said."""
    return joined([_of(number, one, around) for number, one in enumerate(assets)])


def short_panel(assets: list[Series], around: Surroundings, closes: int, every_days: int) -> Panel:
    """Return rows as of customers who bring so many closes and no more, one in `every_days`."""
    parts = []
    for number, asset in enumerate(assets):
        ends = np.arange(closes, len(asset) + 1, every_days)
        pieces = [
            Series(asset.days[end - closes : end], asset.closes[end - closes : end]) for end in ends
        ]
        features = latest_many(pieces, around)
        returns, matures = _outcomes(asset)
        at = ends - 1
        whose = np.full(len(ends), number, np.int32)
        parts.append(Panel(whose, asset.days[at], features, returns[at], matures[at]))
    return joined(parts)


def years_of(days: Days) -> npt.NDArray[np.int64]:
    """Return the year of each day, [n]."""
    years: npt.NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[Y]").astype(int)
    return years + 1970


def _of(number: int, asset: Series, around: Surroundings) -> Panel:
    returns, matures = _outcomes(asset)
    features = history(asset, around)
    rows = Panel(np.full(len(asset), number, np.int32), asset.days, features, returns, matures)
    return rows.rows(np.isfinite(features[:, 0]))


def _outcomes(asset: Series) -> tuple[Floats, Days]:
    returns = np.stack([forward_returns(asset.closes, days) for days in HORIZONS], axis=1)
    matures = np.full((len(asset), len(HORIZONS)), _NEVER, np.int32)
    for column, days in enumerate(HORIZONS):
        matures[:-days, column] = asset.days[days:]
    return returns, matures


def joined(parts: list[Panel]) -> Panel:
    """Return the rows of several panels."""
    return Panel(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Panel.__slots__)
    )
