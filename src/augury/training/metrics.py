"""How good probabilities are: ranking, sharpness, calibration, and errors group by group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from augury.inference.manifest import CalibrationBin, Metrics
from augury.training.calibration import Floats

Target = npt.NDArray[np.int64]

_BINS = 10
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Group:
    """What the decisions mean for one group of applicants; every share is of 0..1 or NaN."""

    name: str
    rows: int
    predicted: float
    observed: float
    approved: float
    declined: float
    repaid_declined: float
    defaulted_approved: float
    approved_default: float


def measure(chance: Floats, target: Target, method: str) -> Metrics:
    """Return the measures of probabilities against outcomes, in 10 bins of equal count."""
    curve = _curve(chance, target)
    gap = sum(abs(part.predicted - part.observed) * part.rows for part in curve) / len(chance)
    return Metrics(
        roc_auc=round(float(roc_auc_score(target, chance)), _DIGITS),
        average_precision=round(float(average_precision_score(target, chance)), _DIGITS),
        brier=round(float(brier_score_loss(target, chance)), _DIGITS),
        log_loss=round(float(log_loss(target, chance)), _DIGITS),
        expected_calibration_error=round(gap, _DIGITS),
        rows=len(chance),
        method=method,
        calibration_curve=curve,
    )


def _curve(chance: Floats, target: Target) -> list[CalibrationBin]:
    order = np.argsort(chance, kind="stable")
    return [
        CalibrationBin(
            predicted=round(float(chance[part].mean()), _DIGITS),
            observed=round(float(target[part].mean()), _DIGITS),
            rows=len(part),
        )
        for part in np.array_split(order, _BINS)
    ]


def group(
    name: str, chance: Floats, target: Target, approve_below: float, decline_from: float
) -> Group:
    """Return how one group of applicants fares under two thresholds."""
    approved, declined = chance < approve_below, chance >= decline_from
    return Group(
        name=name,
        rows=len(chance),
        predicted=_share(chance),
        observed=_share(target),
        approved=_share(approved),
        declined=_share(declined),
        repaid_declined=_share(declined[target == 0]),
        defaulted_approved=_share(approved[target == 1]),
        approved_default=_share(target[approved]),
    )


def _share(values: npt.NDArray[np.generic]) -> float:
    return float(np.mean(values.astype(np.float64))) if len(values) else float("nan")
