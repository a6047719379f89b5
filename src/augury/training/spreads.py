"""How training rows are spread, so that a server can tell later when customers differ."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import InputField, Reference, Spread

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_PARTS = 10
_DIGITS = 9


def reference(fields: list[InputField], matrix: Matrix, chances: Floats) -> Reference:
    """Return the spread of every field over training rows, and of the score that they were given.

    `chances` should be those of a model that had not seen the row, as with customers: the scores
    that a forest gives to its own training rows are far too certain.
    """
    return Reference(
        rows=len(matrix),
        fields={
            field.name: _of_categories(matrix[:, place], len(field.categories))
            if field.categories
            else _of_numbers(matrix[:, place].astype(np.float64))
            for place, field in enumerate(fields)
        },
        score=_of_numbers(chances),
    )


def _of_numbers(column: Floats) -> Spread:
    known = column[~np.isnan(column)]
    # Values that occur, so that one that is frequent is in one part whole.
    inner = np.linspace(0, 1, _PARTS + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="higher"))
    parts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return Spread(_shares(parts), edges.tolist(), _missing(column))


def _of_categories(column: Matrix, count: int) -> Spread:
    known = column[~np.isnan(column)].astype(np.intp)
    return Spread(_shares(np.bincount(known, minlength=count)), None, _missing(column))


def _shares(counts: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> list[float]:
    """Return shares that add up to 1 to the last digit that is written."""
    ends = np.round(np.cumsum(counts) / max(1, counts.sum()), _DIGITS).tolist()
    return [round(end - start, _DIGITS) for start, end in pairwise([0.0, *ends])]


def _missing(column: "np.ndarray[tuple[int], np.dtype[np.floating]]") -> float:
    return round(float(np.isnan(column).mean()), _DIGITS)
