"""The public "credit risk dataset": read, checked, cleaned and encoded as one matrix."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from augury.inference.manifest import InputField
from augury.training.credit.fields import CATEGORIES, FIELDS, NAMES

Matrix = npt.NDArray[np.float32]
Target = npt.NDArray[np.int64]

# 1 means that the borrower DEFAULTED. Sold as a chance of approval, every answer would be inverted.
TARGET = "loan_status"

_OLDEST = 100
_LONGEST_EMPLOYMENT = 80
_FEWEST_ROWS = 500
_FEWEST_OF_EACH = 50


class WrongFileError(Exception):
    """The file cannot be trained on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cleaned rows: matrix float32 [rows, 11] (NaN is missing), target [rows] (1 is default)."""

    matrix: Matrix
    target: Target
    sha256: str
    rows_read: int
    duplicates: int
    impossible: int


def read(path: Path) -> Dataset:
    """Return the cleaned data of a CSV file; raises `WrongFileError` when it is another file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise WrongFileError(message) from error
    table = _parse(content, path)
    # Copies leave before anything is split: a row in both parts would be remembered, not predicted.
    distinct = table.drop_duplicates()
    possible = distinct[~_impossible(distinct)]
    target = possible[TARGET].to_numpy(np.int64)
    if len(target) < _FEWEST_ROWS or min(target.sum(), (1 - target).sum()) < _FEWEST_OF_EACH:
        message = (
            f"{path.name} has {len(target)} usable rows with {target.sum()} defaults: at least"
            f" {_FEWEST_ROWS} rows with {_FEWEST_OF_EACH} of each outcome are needed"
        )
        raise WrongFileError(message)
    return Dataset(
        matrix=encode(possible),
        target=target,
        sha256=hashlib.sha256(content).hexdigest(),
        rows_read=len(table),
        duplicates=len(table) - len(distinct),
        impossible=len(distinct) - len(possible),
    )


def encode(table: pd.DataFrame) -> Matrix:
    """Return a table of applications as float32 [rows, 11], categories as their places."""
    columns = [
        table[name].map({known: code for code, known in enumerate(CATEGORIES[name])})
        if name in CATEGORIES
        else table[name]
        for name in NAMES
    ]
    return np.column_stack([column.to_numpy(np.float32) for column in columns])


def _parse(content: bytes, path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(BytesIO(content), dtype=dict.fromkeys(CATEGORIES, "object"))
    except (ValueError, UnicodeDecodeError) as error:
        message = f"{path.name} is not a CSV file: {error}"
        raise WrongFileError(message) from error
    missing = [name for name in [*NAMES, TARGET] if name not in table.columns]
    if missing:
        message = (
            f"{path.name} lacks the columns {', '.join(missing)}:"
            ' is it the public "credit risk dataset"?'
        )
        raise WrongFileError(message)
    table = table[[*NAMES, TARGET]]
    faults = [fault for field in FIELDS if (fault := _fault(field, table[field.name]))]
    if not table[TARGET].isin([0, 1]).all():
        faults.append(f"column {TARGET} must hold 0 (repaid) or 1 (defaulted) only")
    if faults:
        raise WrongFileError(f"{path.name}: " + "; ".join(faults))
    return table


def _fault(field: InputField, column: "pd.Series[float]") -> str | None:
    """Return what is wrong with a column in words, or None."""
    if field.categories:
        unknown = sorted({str(value) for value in column} - set(field.categories))
        told = f"column {field.name} holds unknown values: {', '.join(unknown[:5])}"
        return told if unknown else None
    if not pd.api.types.is_numeric_dtype(column):
        return f"column {field.name} holds something that is not a number"
    if not field.nullable and column.isna().any():
        return f"column {field.name} has missing values, which it must not"
    return None


def _impossible(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows tell of a person or a loan that cannot be; a missing value can."""
    age, employment = table["person_age"], table["person_emp_length"]
    return (
        (age > _OLDEST)
        | (employment > _LONGEST_EMPLOYMENT)
        | (employment >= age)
        | (table["person_income"] <= 0)
        | (table["loan_amnt"] <= 0)
    )
