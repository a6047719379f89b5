"""Why a series, a position or a portfolio cannot be judged, and the looks that find out."""

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from augury.risk.series import Floats


class BadSeries(ValueError):
    """What was given cannot be worked on; `key` names the sentence, `values` fill it."""

    def __init__(self, key: str, **values: object) -> None:
        """Take the key of the sentence and what belongs into its braces."""
        super().__init__(key, values)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        """Return the key and its values, for logs."""
        return f"{self.key} {self.values}" if self.values else self.key


def finite(what: str, values: npt.ArrayLike) -> Floats:
    """Return the values as float64; raises `BadSeries("not_finite")` with the first place."""
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    if not known.all():
        _first("not_finite", what, ~known)
    return array


def positive(what: str, values: npt.ArrayLike) -> Floats:
    """Return the values as float64; raises `BadSeries` for the first that is not above zero."""
    array = finite(what, values)
    if array.size and array.min() <= 0:
        _first("not_positive", what, array <= 0)
    return array


def between(what: str, values: npt.ArrayLike, low: float, high: float) -> Floats:
    """Return the values as float64; raises `BadSeries` for the first outside `[low, high]`."""
    array = finite(what, values)
    if array.size and (array.min() < low or array.max() > high):
        _first("out_of_range", what, (array < low) | (array > high), low=low, high=high)
    return array


def long_enough(what: str, length: int, least: int) -> None:
    """Raise `BadSeries("too_short")` if there are fewer values than are needed."""
    if length < least:
        raise BadSeries("too_short", what=what, length=length, least=least)


def _first(key: str, what: str, wrong: npt.NDArray[np.bool_], **values: Any) -> NoReturn:
    """Raise with the place of the first wrong value, for whoever has to find it."""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    raise BadSeries(key, what=what, place=place, **values)
