"""What the risk room works on: prices of an asset, and indicators with the day they were known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Days since 1970-01-01.
Days = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Series:
    """Closes of one asset, adjusted for splits and dividends.

    `days` rise strictly, int32 [n]; `closes` are positive and finite, float64 [n].
    """

    days: Days
    closes: Floats

    def __len__(self) -> int:
        """Return how many closes there are."""
        return len(self.days)

    def until(self, day: int) -> "Series":
        """Return what was known at the end of a day; a view, nothing is copied."""
        end = int(np.searchsorted(self.days, day, side="right"))
        return Series(self.days[:end], self.closes[:end])


@dataclass(frozen=True, slots=True)
class Indicator:
    """A macro series: its values, float64 [n], and the days each became known, int32 [n], rising.

    The day a value is known is later than the period it tells of: that is its publication lag.
    """

    known: Days
    values: Floats

    def at(self, day: int) -> float | None:
        """Return the newest value that was known at the end of a day; None before the first."""
        end = int(np.searchsorted(self.known, day, side="right"))
        return float(self.values[end - 1]) if end else None


class Markets(Protocol):
    """Where prices and indicators come from. Names are as the house spells them, in capitals."""

    def prices(self, symbol: str) -> Series | None:
        """Return all prices of an asset; None if there is none of this name."""

    def indicator(self, name: str) -> Indicator | None:
        """Return all values of an indicator; None if there is none of this name."""

    def symbols(self) -> Sequence[str]:
        """Return the names of all assets, sorted."""

    def nearest(self, symbol: str, most: int = 3) -> Sequence[str]:
        """Return the names that look most like a name that is none."""


class NoMarkets:
    """A market in which nothing is traded."""

    def prices(self, symbol: str) -> Series | None:  # noqa: ARG002 -- whatever it is
        """Return None."""
        return None

    def indicator(self, name: str) -> Indicator | None:  # noqa: ARG002 -- whatever it is
        """Return None."""
        return None

    def symbols(self) -> Sequence[str]:
        """Return no names."""
        return []

    def nearest(self, symbol: str, most: int = 3) -> Sequence[str]:  # noqa: ARG002 -- there are none
        """Return no names."""
        return []


NO_MARKETS = NoMarkets()
