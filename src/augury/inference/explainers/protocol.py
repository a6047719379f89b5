"""What every explainer promises; the contract suite in `tests/inference` holds each one to it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.inference.odds import Floats, log_odds, probability

__all__ = ["Contributions", "Explain", "Floats", "log_odds", "probability"]


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each field adds to each row's log-odds: `base + fields.sum(axis=1)` are all of them."""

    base: Floats  # [rows] before any field has spoken
    fields: Floats  # [rows, fields]
    # [rows] 0 where exact; otherwise three standard errors of the least certain contribution.
    error: Floats

    def log_odds(self) -> Floats:
        """Return what the contributions add up to, float64 [rows]."""
        total: Floats = self.base + self.fields.sum(axis=1)
        return total

    def scaled(self, slope: float, intercept: float) -> "Contributions":
        """Return the contributions to `slope * log_odds + intercept`."""
        return Contributions(
            self.base * slope + intercept, self.fields * slope, self.error * abs(slope)
        )

    def part(self, start: int, end: int) -> "Contributions":
        """Return the contributions of some of the rows."""
        return Contributions(self.base[start:end], self.fields[start:end], self.error[start:end])


# float32 [rows, fields] -> the Shapley values of each row. Safe to call from many threads.
Explain = Callable[[npt.NDArray[np.float32]], Contributions]
