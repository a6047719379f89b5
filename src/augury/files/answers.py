"""What becomes of rows, and in which columns it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augury.files.cells import Value

ERROR = "error"
_PREFIX = "augury_"


class Answer(NamedTuple):
    """What became of a row: its outputs, or None and the reason in words."""

    outputs: Mapping[str, Value] | None
    error: str | None = None


class Picked(NamedTuple):
    """An output that is one of a few words: the words, and the place of each row's."""

    words: Sequence[str]
    places: npt.NDArray[np.int8]  # [good rows]


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the rows of a chunk, as columns: outputs of the good ones, why for others."""

    good: npt.NDArray[np.bool_]  # [rows]
    outputs: Mapping[str, npt.NDArray[np.float64] | Picked]  # [good rows]
    errors: Mapping[int, str]  # by the place of the row in the chunk


@dataclass(frozen=True, slots=True)
class Added:
    """The columns that are added to a file: that of each output, in order, and that of errors."""

    outputs: Mapping[str, str]
    error: str

    @property
    def names(self) -> list[str]:
        """All added columns in their order."""
        return [*self.outputs.values(), self.error]


def added_columns(columns: Sequence[str], outputs: Sequence[str]) -> Added:
    """Return columns for outputs and errors with names of which the file has none already."""
    taken = {name.strip() for name in columns}

    def free(name: str) -> str:
        while name in taken:
            name = _PREFIX + name
        taken.add(name)
        return name

    return Added({name: free(name) for name in outputs}, free(ERROR))
