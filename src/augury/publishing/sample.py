"""The sample of training data: what was read from the file that the publisher names."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augury.publishing.trouble import NotPublishable

# Eighths, deciles and a comparison of two libraries mean nothing on less.
FEWEST_ROWS = 20
_CLASSES = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of data, with what happened if the file says it."""

    name: str
    sha256: str
    frame: pd.DataFrame  # without the target
    target: "pd.Series[Any] | None"

    def outcomes(self, positive: Any) -> npt.NDArray[np.int64]:
        """Return 1 for each row of the positive class, else 0; raises `NotPublishable`."""
        if self.target is None:
            message = "the sample has no target"
            raise ValueError(message)
        values = self.target.map(plain)
        found = sorted(values.dropna().unique())
        if len(found) != _CLASSES or values.isna().any():
            shown = ", ".join(found[:5])
            message = (
                f"The target {self.target.name!r} must have two values and none missing; it has"
                f" {len(found)}: {shown}. Augury sells probabilities of two classes."
            )
            raise NotPublishable(message)
        if plain(positive) not in found:
            message = (
                f"The model's class {positive!r} is no value of the target {self.target.name!r}:"
                f" that has {' and '.join(found)}."
            )
            raise NotPublishable(message)
        outcomes: npt.NDArray[np.int64] = (values == plain(positive)).to_numpy(np.int64)
        return outcomes


def plain(value: Any) -> str | None:
    """Return a class as text: 1, 1.0 and true are the same one; None if it is missing."""
    if pd.isna(value):
        return None
    return (
        f"{float(value):g}"
        if isinstance(value, bool | int | float | np.number | np.bool_)
        else str(value)
    )


def read(path: Path | None, target: str | None) -> Sample:
    """Return the rows of a CSV or Parquet file; raises `NotPublishable`."""
    if path is None:
        message = (
            "Name a sample of the training data with --sample FILE (CSV or Parquet): types, ranges"
            " and the proof that nothing was lost in the conversion come from it."
        )
        raise NotPublishable(message)
    frame = _frame(path)
    frame.columns = frame.columns.map(str)
    if len(frame) < FEWEST_ROWS:
        message = f"{path.name} has {len(frame)} rows; a sample needs {FEWEST_ROWS} or more."
        raise NotPublishable(message)
    found = None
    if target is not None:
        if target not in frame.columns:
            message = f"{path.name} has no column {target!r}. It has {', '.join(frame.columns)}."
            raise NotPublishable(message)
        found = frame.pop(target)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sample(path.name, digest, frame, found)


def _frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        return pd.read_csv(path)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's own are among these
        message = f"{path.name} cannot be read as CSV or Parquet: {error}"
        raise NotPublishable(message) from error
