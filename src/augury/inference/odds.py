"""Probabilities and log-odds, and the way between them."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# `exp` of more is an infinity.
_LARGEST_EXPONENT = 700.0
# A probability of 0 or 1 has infinite log-odds; nothing that was learnt is as certain as this.
_LEAST = 1e-7


def log_odds(probabilities: Floats) -> Floats:
    """Return `log(p / (1 - p))`, certainty counted as one in ten million."""
    inside = np.clip(probabilities, _LEAST, 1 - _LEAST)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def probability(log_odds: Floats) -> Floats:
    """Return `1 / (1 + exp(-log_odds))`."""
    inside = np.clip(log_odds, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
    chance: Floats = 1 / (1 + np.exp(-inside))
    return chance
