"""The signature of a model version for rows that come as a matrix already."""

import numpy as np

from augury.inference.manifest import InputField
from augury.inference.signature import LARGEST, Matrix


class OutOfBounds(ValueError):
    """A value of the matrix is none that the field may have; the message says where."""


class Bounds:
    """What the columns of a matrix may hold: what `Signature.decode` would have let pass."""

    def __init__(self, fields: list[InputField]) -> None:
        """Turn the limits of the fields into rows of numbers."""
        limits = [_limits(field) for field in fields]
        self._names = [field.name for field in fields]
        # Rounded like the values: rounding keeps order, so what was within limits still is.
        self._low = np.array([low for low, _ in limits], np.float32)
        self._high = np.array([high for _, high in limits], np.float32)
        self._whole = np.array([field.type != "number" for field in fields])
        self._nullable = np.array([field.nullable for field in fields])

    def check(self, matrix: Matrix) -> None:
        """Raise `OutOfBounds`, naming the first value that its field does not take."""
        missing = np.isnan(matrix)
        with np.errstate(invalid="ignore"):  # infinities and what is missing
            good = (matrix >= self._low) & (matrix <= self._high)
            good &= ~self._whole | (np.rint(matrix) == matrix)
        good |= missing & self._nullable
        if good.all():
            return
        row, place = (int(found) for found in np.argwhere(~good)[0])
        message = f"row {row}, {self._names[place]!r}: {matrix[row, place]} is not a value of it"
        raise OutOfBounds(message)


def _limits(field: InputField) -> tuple[float, float]:
    if field.categories is not None:
        return 0.0, float(len(field.categories) - 1)
    low = -LARGEST if field.minimum is None else float(field.minimum)
    high = LARGEST if field.maximum is None else float(field.maximum)
    return low, high
