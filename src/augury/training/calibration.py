"""A calibration curve: piecewise linear on the log-odds, small enough to live inside a graph."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

# A forest may say 0 or 1, whose log-odds are infinite; no data set of this size knows better.
LOWEST = 0.001
_PIECES = 6
ENDS = (float(np.log(LOWEST / (1 - LOWEST))), float(np.log((1 - LOWEST) / LOWEST)))


@dataclass(frozen=True, slots=True)
class Curve:
    """`sigmoid(intercept + sum(slopes * relu(log_odds - knots)))`, flat outside of `ENDS`."""

    knots: Floats
    slopes: Floats
    intercept: float

    def __call__(self, probability: Floats) -> Floats:
        """Return the corrected probability of each row."""
        hinges = np.maximum(log_odds(probability)[:, None] - self.knots, 0)
        return sigmoid(hinges @ self.slopes + self.intercept)


def fit_curve(probability: Floats, target: npt.NDArray[np.int64]) -> Curve:
    """Return the curve that corrects probabilities of rows the model had not seen."""
    score = log_odds(probability)
    inner = np.quantile(score, np.linspace(0, 1, _PIECES + 1)[1:-1])
    knots = np.unique(np.r_[ENDS[0], inner])
    hinges = np.maximum(score[:, None] - knots, 0)
    model = LogisticRegression(C=10.0, solver="newton-cholesky").fit(hinges, target)
    slopes = model.coef_[0]
    # A curve that turns back would rank some riskier applicants below safer ones.
    rising = np.maximum(np.cumsum(slopes), 0.05)
    return Curve(knots, np.diff(rising, prepend=0.0), float(model.intercept_[0]))


def log_odds(probability: Floats) -> Floats:
    """Return `log(p / (1 - p))` with `p` kept inside `LOWEST` .. `1 - LOWEST`."""
    inside = np.clip(probability, LOWEST, 1 - LOWEST)
    result: Floats = np.log(inside / (1 - inside))
    return result


def sigmoid(score: Floats) -> Floats:
    """Return `1 / (1 + exp(-score))`."""
    result: Floats = 1 / (1 + np.exp(-score))
    return result
