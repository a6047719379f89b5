"""How good probabilities are: ranking, sharpness, calibration, and errors group by group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from augury.inference import judging
from augury.inference.manifest import CalibrationBin, Metrics
from augury.training.calibration import Floats

Target = npt.NDArray[np.int64]

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
    curve = judging.calibration(chance, target)
    return Metrics(
        roc_auc=round(judging.auc(chance, target), _DIGITS),
        average_precision=round(float(average_precision_score(target, chance)), _DIGITS),
        brier=round(judging.brier(chance, target), _DIGITS),
        log_loss=round(judging.log_loss(chance, target), _DIGITS),
        expected_calibration_error=round(judging.calibration_error(curve), _DIGITS),
        rows=len(chance),
        method=method,
        calibration_curve=[
            CalibrationBin(round(part.predicted, _DIGITS), round(part.observed, _DIGITS), part.rows)
            for part in curve
        ],
    )


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
