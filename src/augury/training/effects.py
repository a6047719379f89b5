"""Partial dependence: what happens to the average prediction when one field alone is changed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import InputField
from augury.training.calibration import Floats

Matrix = npt.NDArray[np.float32]

_POINTS = 21
_ROWS = 800
# Below a fifth of a percentage point from end to end, a direction is noise.
_FLAT = 0.002


@dataclass(frozen=True, slots=True)
class Effect:
    """The average probability at each value of one field; values are places for a category."""

    field: InputField
    values: Floats
    average: Floats
    direction: str  # rises, falls, flat, mixed or unordered
    change: float  # from the low fifth of the values to the high fifth


def effects(
    predict: Callable[[Matrix], Floats],
    matrix: Matrix,
    fields: list[InputField],
    unordered: set[str],
    seed: int,
) -> list[Effect]:
    """Return the effect of each field on the average prediction over a sample of the rows.

    A category in `unordered` gets no direction: over homes or purposes it would mean nothing.
    """
    rows = np.random.default_rng(seed).permutation(len(matrix))[:_ROWS]
    return [
        _effect(predict, matrix, rows, place, field, ordered=field.name not in unordered)
        for place, field in enumerate(fields)
    ]


def _effect(
    predict: Callable[[Matrix], Floats],
    matrix: Matrix,
    rows: npt.NDArray[np.int64],
    place: int,
    field: InputField,
    *,
    ordered: bool,
) -> Effect:
    column = matrix[:, place]
    known = column[~np.isnan(column)]
    values = (
        np.arange(len(field.categories), dtype=np.float32)
        if field.categories
        # A quantile that repeats is a value that weighs more: kept for the direction.
        else np.quantile(known, np.linspace(0.02, 0.98, _POINTS)).astype(np.float32)
    )
    crowd = np.tile(matrix[rows], (len(values), 1))
    crowd[:, place] = np.repeat(values, len(rows))
    average = predict(crowd).reshape(len(values), len(rows)).mean(axis=1)
    fifth = max(1, len(values) // 5)
    change = float(average[-fifth:].mean() - average[:fifth].mean())
    trend = float(np.cov(np.arange(len(values)), average)[0, 1])
    direction = _direction(change, trend) if ordered else "unordered"
    return Effect(field, values.astype(np.float64), average, direction, change)


def _direction(change: float, trend: float) -> str:
    if abs(change) < _FLAT:
        return "flat"
    if change * trend <= 0:
        return "mixed"
    return "rises" if change > 0 else "falls"
