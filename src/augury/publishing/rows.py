"""Rows that a manifest carries. Each is made of statistics over many: none is anybody's own."""

from itertools import cycle, islice
from typing import Any

import numpy as np

from augury.inference.manifest import InputField
from augury.publishing.table import Floats, Matrix

Row = dict[str, Any]

# One for each eighth of the rows by probability, from the safest to the riskiest.
_PARTS = 8
_SPREAD = (0.1, 0.25, 0.75, 0.9)


def typical(fields: list[InputField], matrix: Matrix, chances: Floats) -> list[Row]:
    """Return a row for each eighth by probability: medians and the most frequent categories."""
    parts = np.array_split(np.argsort(chances, kind="stable"), _PARTS)
    return [
        {field.name: _typical(field, matrix[part, place]) for place, field in enumerate(fields)}
        for part in parts
        if len(part)
    ]


def example(fields: list[InputField]) -> Row:
    """Return the row of every field's example."""
    return {field.name: field.example for field in fields}


def self_test(fields: list[InputField], matrix: Matrix, chances: Floats) -> list[Row]:
    """Return rows with which an artefact proves itself at every load.

    Typical ones, every category, low and high values, and missing ones.
    """
    usual = example(fields)
    nullable = [field.name for field in fields if field.nullable]
    found = [usual, *typical(fields, matrix, chances)]
    found += [_at(fields, matrix, share) for share in _SPREAD]
    most = max([len(field.categories or ()) for field in fields])
    turns = [
        [*islice(cycle(field.categories), most)] if field.categories else [usual[field.name]] * most
        for field in fields
    ]
    found += [dict(zip(usual, row, strict=True)) for row in zip(*turns, strict=True)]
    found += [usual | {name: None} for name in nullable]
    found.append(usual | dict.fromkeys(nullable))
    return [row for place, row in enumerate(found) if row not in found[:place]]


def _at(fields: list[InputField], matrix: Matrix, share: float) -> Row:
    row = example(fields)
    for place, field in enumerate(fields):
        known = _known(matrix[:, place])
        if not field.categories and len(known):
            row[field.name] = _plain(field, np.quantile(known, share, method="lower"))
    return row


def _typical(field: InputField, column: Matrix) -> Any:
    known = _known(column)
    if not len(known):
        return field.example
    if field.categories:
        return field.categories[int(np.bincount(known.astype(np.intp)).argmax())]
    # A value that occurs, not one between two: half a year of age would break the signature.
    return _plain(field, np.quantile(known, 0.5, method="lower"))


def _plain(field: InputField, value: np.float32) -> float:
    # The shortest number that is this float32, within the limits that were learnt from a double.
    number = int(value) if field.type == "integer" else float(str(np.float32(value)))
    low = number if field.minimum is None else field.minimum
    high = number if field.maximum is None else field.maximum
    return min(max(number, low), high)


def _known(column: Matrix) -> Matrix:
    return column[~np.isnan(column)]
