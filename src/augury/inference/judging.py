"""How good probabilities have been, now that it is known what happened."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# 1 where the event happened, 0 where it did not.
Outcomes = npt.NDArray[np.int64]

_BINS = 10
# Of events, and of rows without: the error is an estimate itself, and means little below.
_LEAST_OF_EACH = 10
_TINY = float(np.finfo(np.float64).eps)


class Bin(NamedTuple):
    """One bin of a calibration curve: mean probability against the share of events."""

    predicted: float
    observed: float
    rows: int


class Estimate(NamedTuple):
    """A value with its standard error, which too few rows do not have."""

    value: float
    error: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Probabilities against outcomes; without events, or without others, there is no `auc`."""

    rows: int
    events: int
    auc: Estimate | None
    brier: float
    log_loss: float
    calibration_error: float
    calibration: list[Bin]


def judge(probabilities: Floats, outcomes: Outcomes) -> Judgement | None:
    """Return the measures of probabilities [rows] against outcomes [rows]; None without rows."""
    if not len(outcomes):
        return None
    curve = calibration(probabilities, outcomes)
    placed = _placements(probabilities, outcomes)
    return Judgement(
        rows=len(outcomes),
        events=int(outcomes.sum()),
        auc=placed and _estimate(placed),
        brier=brier(probabilities, outcomes),
        log_loss=log_loss(probabilities, outcomes),
        calibration_error=calibration_error(curve),
        calibration=curve,
    )


def auc(probabilities: Floats, outcomes: Outcomes) -> float:
    """Return how often an event has the higher probability than a row without; ties count half.

    That is the area under the ROC curve; NaN when there are no events, or only events.
    """
    placed = _placements(probabilities, outcomes)
    return float("nan") if placed is None else float(placed.events.mean())


def brier(probabilities: Floats, outcomes: Outcomes) -> float:
    """Return the mean square of the error; who knows the share of events only, has p(1 - p)."""
    return float(np.mean((probabilities - outcomes) ** 2))


def log_loss(probabilities: Floats, outcomes: Outcomes) -> float:
    """Return the mean surprise in nats; a certainty that was wrong counts 36, and not infinity."""
    of_what_happened = np.where(outcomes == 1, probabilities, 1 - probabilities)
    return float(-np.mean(np.log(np.clip(of_what_happened, _TINY, 1 - _TINY))))


def calibration(probabilities: Floats, outcomes: Outcomes) -> list[Bin]:
    """Return up to 10 bins of about equally many rows, by rising probability."""
    order = np.argsort(probabilities, kind="stable")
    return [
        Bin(float(probabilities[part].mean()), float(outcomes[part].mean()), len(part))
        for part in np.array_split(order, min(_BINS, len(order)))
    ]


def calibration_error(curve: list[Bin]) -> float:
    """Return how far predicted and observed are apart, on average over the rows of all bins."""
    rows = sum(part.rows for part in curve)
    return sum(abs(part.predicted - part.observed) * part.rows for part in curve) / rows


def auc_difference(champion: Floats, challenger: Floats, outcomes: Outcomes) -> Estimate | None:
    """Return by how much the challenger's AUC is the larger, both having scored the same rows.

    The error is that of the pair: rows that are hard for both are no doubt about which is better.
    None when there are no events, or only events.
    """
    theirs, its = _placements(champion, outcomes), _placements(challenger, outcomes)
    if theirs is None or its is None:
        return None
    return _estimate(_Placements(its.events - theirs.events, its.others - theirs.others))


def auc_gap(champion: Judgement | None, challenger: Judgement | None) -> Estimate | None:
    """Return by how much the challenger's AUC is the larger, each having scored rows of its own."""
    if champion is None or challenger is None or champion.auc is None or challenger.auc is None:
        return None
    errors = champion.auc.error, challenger.auc.error
    error = None if errors[0] is None or errors[1] is None else math.hypot(errors[0], errors[1])
    return Estimate(challenger.auc.value - champion.auc.value, error)


class _Placements(NamedTuple):
    """For each event the share of others below it; for each other the share of events above."""

    events: Floats
    others: Floats


def _placements(probabilities: Floats, outcomes: Outcomes) -> _Placements | None:
    happened = outcomes == 1
    events, others = probabilities[happened], probabilities[~happened]
    if not len(events) or not len(others):
        return None
    ranks = _ranks(probabilities)
    return _Placements(
        (ranks[happened] - _ranks(events)) / len(others),
        1 - (ranks[~happened] - _ranks(others)) / len(events),
    )


def _estimate(placed: _Placements) -> Estimate:
    """Return the mean with its error after DeLong, DeLong and Clarke-Pearson (1988).

    By ranks, as Sun and Xu (2014) do it: n log n and no table of all pairs.
    """
    value = float(placed.events.mean())
    if min(len(placed.events), len(placed.others)) < _LEAST_OF_EACH:
        return Estimate(value, None)
    error = math.sqrt(sum(float(np.var(part, ddof=1)) / len(part) for part in placed))
    # Where nothing varies, as when every event is above every other, it is unknown and not 0.
    return Estimate(value, error or None)


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value from 1 on; equal values share the middle of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle: Floats = np.cumsum(count) - (count - 1) / 2
    return middle[place]
