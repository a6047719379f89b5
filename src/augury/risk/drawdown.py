"""How far below its peak an asset stands, and for how long."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augury.risk.series import Floats
from augury.risk.trouble import long_enough, positive

Counts = npt.NDArray[np.int64]


class Drawdown(NamedTuple):
    """What was true at the end of each day, [..., days]; losses are positive fractions.

    `current` is the loss since the highest close so far, `duration` how many closes ago that was.
    `maximum` and `longest` are the worst of both so far.
    """

    current: Floats
    maximum: Floats
    duration: Counts
    longest: Counts


def drawdown(closes: Floats) -> Drawdown:
    """Return the drawdown after every day of closes [..., days]; the last column is today's.

    Magdon-Ismail and Atiya, Maximum drawdown (2004), as a fraction of the peak. Raises
    `BadSeries` for closes that are not positive and finite.
    """
    closes = positive("closes", closes)
    long_enough("closes", closes.shape[-1], 1)
    peaks = np.maximum.accumulate(closes, axis=-1)
    current = 1 - closes / peaks
    places = np.arange(closes.shape[-1])
    newest_peak = np.maximum.accumulate(np.where(closes == peaks, places, 0), axis=-1)
    duration = places - newest_peak
    return Drawdown(
        current,
        np.maximum.accumulate(current, axis=-1),
        duration,
        np.maximum.accumulate(duration, axis=-1),
    )
