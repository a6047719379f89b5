"""What a manifest says of reasons: their price, and what they are found by."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from augury.inference.manifest import Explain, InputField, Points, Ramp
from augury.training.calibration import Floats
from augury.training.credit.dataset import Matrix
from augury.training.credit.fields import FIELDS, NAMES

Value = int | float | str

# One for each eighth of the applicants, from the safest to the riskiest. Against a large sample of
# real ones, a single typical applicant got the direction of two contributions in five wrong, eight
# get one of sixteen wrong, and sixteen take twice the time for one of twenty-five.
_PARTS = 8
_DIGITS = 9


def by_leaves(_artifact: Path, _chance: Floats, _matrix: Matrix, *, price: int) -> Explain:
    """Return what CatBoost's trees need: nothing, they carry the weights of their leaves."""
    return Explain(price)


def by_references(_artifact: Path, chance: Floats, matrix: Matrix, *, price: int) -> Explain:
    """Return typical applicants to compare with, none of whom exists."""
    return Explain(price, references=_references(chance, matrix))


def by_points(artifact: Path, _chance: Floats, matrix: Matrix, *, price: int) -> Explain:
    """Return the scorecard in the ONNX file as a table, with the average points of each field.

    It is read back from the file, so that the reasons are those of what ships.
    """
    graph = onnx.load(artifact).graph
    value = {
        one.name: numpy_helper.to_array(one).astype(np.float64).ravel() for one in graph.initializer
    }
    column = value["column"].astype(np.intp)
    known = np.where(np.isnan(matrix), value["sentinel"], matrix)
    ramps = np.clip((known[:, column] - value["start"]) * value["slope"], 0, 1) * value["weights"]
    average = np.zeros(len(FIELDS))
    np.add.at(average, column, ramps.mean(axis=0))
    columns = zip(column, value["start"], value["slope"], value["weights"], strict=True)
    return Explain(
        price,
        points=Points(
            ramps=[Ramp(NAMES[c], float(a), float(b), float(w)) for c, a, b, w in columns],
            missing=float(value["sentinel"][0]),
            intercept=float(value["intercept"][0]),
            curve=_curve(value),
            average={n: round(float(p), _DIGITS) for n, p in zip(NAMES, average, strict=True)},
        ),
    )


def _curve(value: dict[str, Floats]) -> list[tuple[float, float]]:
    """Return the corners of the calibration curve: score, and log-odds behind the curve."""
    low, high = float(value["low"][0]), float(value["high"][0])
    knots = -value["curve_knots"]
    corners = np.unique(np.clip([low, high, *knots], low, high))
    hinges = np.maximum(corners[:, None] - knots, 0)
    odds = hinges @ value["curve_slopes"] + value["curve_intercept"]
    return list(zip(corners.tolist(), odds.tolist(), strict=True))


def _references(chance: Floats, matrix: Matrix) -> list[dict[str, Value | None]]:
    """Return one row for each eighth by chance: medians of numbers, the most frequent categories.

    A row is made of statistics over thousands of applicants, so it tells nothing about anybody.
    """
    parts = np.array_split(np.argsort(chance, kind="stable"), _PARTS)
    return [
        {field.name: _typical(field, matrix[part, place]) for place, field in enumerate(FIELDS)}
        for part in parts
    ]


def _typical(field: InputField, column: Matrix) -> Value:
    known = column[~np.isnan(column)]
    if field.categories:
        return field.categories[int(np.bincount(known.astype(np.intp)).argmax())]
    # A value that occurs, not one between two: half a year of age would break the signature.
    middle = np.quantile(known, 0.5, method="lower")
    if field.type == "integer":
        return int(middle)
    return float(str(middle))  # the shortest number that is this float32
