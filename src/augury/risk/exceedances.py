"""Did a value at risk keep its promise? Tests of how often, and how bunched, it was exceeded."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, xlogy

from augury.risk.series import Floats
from augury.risk.tails import LEVEL
from augury.risk.trouble import between, long_enough


class Verdict(NamedTuple):
    """A likelihood ratio and the chance of one at least as large if the promise were kept, [n]."""

    statistic: Floats
    p_value: Floats


def kupiec(exceeded: npt.NDArray[np.bool_], level: float = LEVEL) -> Verdict:
    """Judge how often a value at risk was exceeded; `exceeded` is [..., windows], in time.

    One degree of freedom. Kupiec, Techniques for verifying the accuracy of risk measurement
    models (1995). Windows must not overlap.
    """
    exceeded = _checked(exceeded)
    promised = 1 - float(between("level", level, 0.5, 0.9999))
    hits, windows = exceeded.sum(axis=-1), exceeded.shape[-1]
    ratio = 2 * (_log_likelihood(hits, windows) - _log_likelihood(hits, windows, promised))
    return _verdict(ratio, 1)


def independence(exceeded: npt.NDArray[np.bool_]) -> Verdict:
    """Judge whether one exceedance makes the next one likelier; `exceeded` is [..., windows].

    One degree of freedom. Christoffersen, Evaluating interval forecasts (1998), section 3.2.
    """
    exceeded = _checked(exceeded)
    before, after = exceeded[..., :-1], exceeded[..., 1:]
    calm, hit = (~before).sum(axis=-1), before.sum(axis=-1)
    calm_hit, hit_hit = (~before & after).sum(axis=-1), (before & after).sum(axis=-1)
    apart = _log_likelihood(calm_hit, calm) + _log_likelihood(hit_hit, hit)
    return _verdict(2 * (apart - _log_likelihood(calm_hit + hit_hit, calm + hit)), 1)


def christoffersen(exceeded: npt.NDArray[np.bool_], level: float = LEVEL) -> Verdict:
    """Judge both at once: conditional coverage, two degrees of freedom; `exceeded` [..., windows].

    Christoffersen (1998), section 3.3: the sum of both statistics.
    """
    both = kupiec(exceeded, level).statistic + independence(exceeded).statistic
    return _verdict(both, 2)


def _checked(exceeded: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    exceeded = np.asarray(exceeded, dtype=np.bool_)
    long_enough("exceeded", exceeded.shape[-1], 2)
    return exceeded


def _log_likelihood(
    hits: npt.ArrayLike, trials: npt.ArrayLike, chance: float | None = None
) -> Floats:
    """Return the log-likelihood of so many hits, at this chance or at the observed one."""
    hits, trials = np.asarray(hits, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    rate = hits / np.maximum(trials, 1) if chance is None else chance
    likelihood: Floats = xlogy(hits, rate) + xlogy(trials - hits, 1 - rate)
    return likelihood


def _verdict(ratio: npt.ArrayLike, freedom: int) -> Verdict:
    # Rounding may leave a ratio of two equal likelihoods just below zero.
    statistic = np.maximum(ratio, 0.0)
    return Verdict(statistic, np.asarray(chdtrc(freedom, statistic)))
