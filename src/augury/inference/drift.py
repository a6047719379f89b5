"""How far rows of late are from the training rows, column by column.

The population stability index compares how known values spread over bins, then and now:
`sum((now - then) * log(now / then))` over the shares of the bins. It is 0 when nothing has
changed and grows without end. Values that are missing are compared apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import Spread

Level = Literal["calm", "watch", "alert"]
LEVELS: Final[tuple[Level, ...]] = ("calm", "watch", "alert")

# Where `watch` and `alert` begin. Of the index these are what credit scoring has long used.
_STABILITY = (0.1, 0.25)
# Of the share that is missing: one row in twenty more or less, and one in seven.
_MISSING = (0.05, 0.15)
# Rows that did not change at all have an index of about bins / rows, by chance alone. So many rows
# for each bin keep that at half of where `watch` begins.
LEAST_ROWS = 200
_LEAST_ROWS_PER_BIN = 20
# Half a row is added to each bin, then and now: an empty one would make the index infinite.
_HALF_A_ROW = 0.5
# A level is left downwards at this part of where it begins: what stays near the border would
# otherwise raise an alarm each time it crosses.
_LEFT_AT = 0.8


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one column has moved. Without enough rows there is no index, or no level either."""

    rows: int
    stability_index: float | None
    level: Level | None
    missing: float
    missing_then: float
    shares: list[float]
    shares_then: list[float]


class Tally:
    """Counts the values of one column into the bins that its training rows were counted in."""

    def __init__(self, spread: Spread, categories: Sequence[str] | None = None) -> None:
        """Start with nothing counted; a column of `categories` has one bin for each."""
        self._spread = spread
        self._counts = np.zeros(len(spread.shares), dtype=np.int64)
        self._rows = 0
        self._places = categories and {name: place for place, name in enumerate(categories)}
        # The models compare float32: what was at an edge there must be at the edge here.
        self._edges = np.array(spread.edges or [], dtype=np.float32)

    def add(self, values: Sequence[object]) -> None:
        """Count values as they came in: numbers, or names of categories; None is missing."""
        self._rows += len(values)
        if self._places:
            places = [self._places[str(value)] for value in values if value is not None]
        else:
            numbers = np.array(values, dtype=np.float32)  # None becomes NaN here
            known = numbers[~np.isnan(numbers)]
            places = np.searchsorted(self._edges, known, side="right").tolist()
        self._counts += np.bincount(places, minlength=len(self._counts))

    def shift(self, rows_then: int) -> Shift:
        """Return how far the column has moved from that of so many training rows."""
        spread, known = self._spread, int(self._counts.sum())
        then = np.array(spread.shares) * (rows_then * (1 - spread.missing))
        enough = known >= max(LEAST_ROWS, _LEAST_ROWS_PER_BIN * len(self._counts))
        index = stability_index(then, self._counts) if enough else None
        missing = (self._rows - known) / max(self._rows, 1)
        return Shift(
            rows=self._rows,
            stability_index=index,
            level=_level(self._rows, index, missing - spread.missing),
            missing=missing,
            missing_then=spread.missing,
            shares=(self._counts / max(known, 1)).tolist(),
            shares_then=list(spread.shares),
        )


def stability_index(then: npt.NDArray[np.number], now: npt.NDArray[np.number]) -> float:
    """Return the population stability index of the rows counted in each bin, then and now."""
    shares_then = (then + _HALF_A_ROW) / (then + _HALF_A_ROW).sum()
    shares_now = (now + _HALF_A_ROW) / (now + _HALF_A_ROW).sum()
    return float(np.sum((shares_now - shares_then) * np.log(shares_now / shares_then)))


def settled(shift: Shift, before: Level) -> Level:
    """Return the level that follows another: up at once, down only when well below its border.

    Where nothing is known, nothing has changed.
    """
    if shift.level is None or LEVELS.index(shift.level) >= LEVELS.index(before):
        return shift.level or before
    index, gap = shift.stability_index or 0.0, shift.missing - shift.missing_then
    return min(before, _reached(index / _LEFT_AT, gap / _LEFT_AT), key=LEVELS.index)


def _level(rows: int, index: float | None, gap: float) -> Level | None:
    reached = _reached(index or 0.0, gap)
    # What is missing can raise an alarm alone, but cannot say alone that all is calm.
    known = rows >= LEAST_ROWS and (index is not None or reached != "calm")
    return reached if known else None


def _reached(index: float, gap: float) -> Level:
    borders = zip(_STABILITY, _MISSING, strict=True)
    return LEVELS[sum(index >= stability or abs(gap) >= missing for stability, missing in borders)]
