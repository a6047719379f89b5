"""Forecasts as whole distributions: whatever is asked of one fits together.

A log return over the horizon is `location + scale * z`, and `z` has a table of quantiles: straight
lines between levels, from 0 to 1. Returns that go in and come out are simple ones.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.risk.returns import annualised, logarithmic, simple
from augury.risk.series import Floats

Groups = npt.NDArray[np.intp]

# Means are taken over this many equally likely outcomes, tails over their own.
_POINTS, _TAIL_POINTS = 500, 100
# So many rows of outcomes fit into a processor's cache.
_CHUNK_ROWS = 512


@dataclass(frozen=True, slots=True)
class Forecast:
    """The distributions of n questions: `location`, `scale` and `days` are [n], horizons in days.

    `group` [n] says which row of `tables` [groups, levels] is a question's; `levels` rise from 0
    to 1, as does every row.
    """

    location: Floats
    scale: Floats
    days: npt.NDArray[np.int64]
    group: Groups
    tables: Floats
    levels: Floats

    def __len__(self) -> int:
        """Return how many questions there are."""
        return len(self.scale)

    def probability_below(self, thresholds: Floats | float) -> Floats:
        """Return the chance of a return below a threshold each (-0.05 is a loss of 5 %), [n]."""
        logs = logarithmic(np.broadcast_to(thresholds, len(self)).astype(np.float64))
        return self.chance_of((logs - self.location) / self.scale)

    def chance_of(self, standardised: Floats) -> Floats:
        """Return the chance that `z` is below a value each, [n]."""
        found = np.empty(len(self))
        for group in np.unique(self.group):
            of = self.group == group
            found[of] = np.interp(standardised[of], self.tables[group], self.levels)
        return found

    def quantiles(self, levels: Floats) -> Floats:
        """Return the returns that a share `levels` [m] of outcomes is below, [n, m]."""
        return simple(self._logs(slice(None), self._standardised(levels)))

    def scenarios(self, points: int) -> Floats:
        """Return equally likely returns, rising, [n, points]."""
        return self.quantiles(_middles(points))

    def mean(self) -> Floats:
        """Return the expected return over the horizon, [n]."""
        return self._over_outcomes()[0]

    def volatility(self) -> Floats:
        """Return the standard deviation of the return, annualised by the root of time, [n]."""
        return annualised(self._over_outcomes()[1], self.days)

    def moments(self) -> tuple[Floats, Floats]:
        """Return `mean()` and `volatility()`, each [n], in the time of one."""
        mean, deviation = self._over_outcomes()
        return mean, annualised(deviation, self.days)

    def value_at_risk(self, level: float = 0.95) -> Floats:
        """Return the loss that is exceeded with a chance of `1 - level`, [n]; 0 if none is."""
        return np.maximum(-self.quantiles(np.array([1 - level]))[:, 0], 0.0)

    def expected_shortfall(self, level: float = 0.95) -> Floats:
        """Return the mean loss in the worst `1 - level` of outcomes, [n]; 0 if there is none."""
        table = self._standardised(_middles(_TAIL_POINTS) * (1 - level))
        found = np.empty(len(self))
        for part in self._parts():
            found[part] = simple(self._logs(part, table)).mean(axis=1)
        return np.maximum(-found, 0.0)

    def _standardised(self, levels: Floats) -> Floats:
        return np.array([np.interp(levels, self.levels, table) for table in self.tables])

    def _logs(self, part: slice, table: Floats) -> Floats:
        found: Floats = table[self.group[part]]
        found *= self.scale[part, None]
        found += self.location[part, None]
        return found

    def _over_outcomes(self) -> tuple[Floats, Floats]:
        table = self._standardised(_middles(_POINTS))
        mean, deviation = np.empty(len(self)), np.empty(len(self))
        for part in self._parts():
            outcomes = simple(self._logs(part, table))
            mean[part], deviation[part] = outcomes.mean(axis=1), outcomes.std(axis=1)
        return mean, deviation

    def _parts(self) -> list[slice]:
        return [slice(at, at + _CHUNK_ROWS) for at in range(0, len(self), _CHUNK_ROWS)]


def _middles(points: int) -> Floats:
    return (np.arange(points) + 0.5) / points
