"""Rows between their two forms: the matrix that a runtime takes, and the publisher's own frame."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its name, how the sample stored it, and its categories if it has any."""

    name: str
    dtype: Any
    # What the sample has for each category, in the order of the manifest's list; none for numbers.
    originals: list[Any] = field(default_factory=list)

    @property
    def is_category(self) -> bool:
        """Whether the field is a category."""
        return bool(self.originals)

    def encoded(self, values: "pd.Series[Any]") -> Matrix:
        """Return values of the sample as the matrix has them: NaN where one is missing."""
        if not self.is_category:
            numbers: Floats = values.to_numpy(np.float64, na_value=np.nan)
            return numbers.astype(np.float32)
        places = {original: float(place) for place, original in enumerate(self.originals)}
        codes: Matrix = values.map(places).to_numpy(np.float32)
        return codes

    def decoded(self, values: Matrix, *, as_category: bool) -> "pd.Series[Any]":
        """Return a column of the matrix as the publisher's library wants it."""
        if not self.is_category:
            return self._number(values)
        codes = np.where(np.isnan(values), -1, values).astype(np.intp)
        chosen = pd.Categorical.from_codes(codes, pd.Index(self.originals))
        column = pd.Series(chosen)
        return column if as_category else column.astype(object)

    def _number(self, values: Matrix) -> "pd.Series[Any]":
        wide = pd.Series(values.astype(np.float64))
        if self.dtype.kind in "iub" and not wide.isna().any():
            return wide.astype(self.dtype)
        return wide


@dataclass(frozen=True, slots=True)
class Columns:
    """All fields of a model, in the order of its manifest."""

    all: list[Column]

    @property
    def names(self) -> list[str]:
        """The names of the fields."""
        return [column.name for column in self.all]

    @property
    def has_categories(self) -> bool:
        """Whether any field is a category."""
        return any(column.is_category for column in self.all)

    def matrix(self, frame: pd.DataFrame) -> Matrix:
        """Return a frame as float32 [rows, fields]."""
        encoded = [column.encoded(frame[column.name]) for column in self.all]
        return np.ascontiguousarray(np.stack(encoded, axis=1))

    def frame(self, matrix: Matrix, *, as_category: bool = False) -> pd.DataFrame:
        """Return a matrix as the frame that the publisher's library takes.

        Numbers are those that the matrix can hold: a library that is compared with a runtime must
        see what the runtime sees.
        """
        return pd.DataFrame(
            {
                column.name: column.decoded(matrix[:, place], as_category=as_category)
                for place, column in enumerate(self.all)
            }
        )
