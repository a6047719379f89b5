"""From columns of cells to columns of numbers, in the very way in which single rows are read.

Whatever cannot be told at once for a whole column is asked of the reader of single cells, once for
each different cell; and what that cannot tell is left in doubt, for its row to be read alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augury.files.cells import Typed
from augury.files.tables import Column

# The cells of a column as the reader of single cells takes them.
Singly = Callable[[pa.Array], list[Any]]

# Numbers as nearly everybody writes them; other ways are known to the reader of single cells.
_ORDINARY = r"^-?[0-9]{1,15}(?:[.][0-9]{0,20})?$"
_ORDINARY_COMMA = r"^-?[0-9]{1,15}(?:[.,][0-9]{0,20})?$"

_LARGEST = 2**53


def column_of(
    cells: pa.Array, typed: Typed, codes: Mapping[str, float], singly: Singly, *, commas: bool
) -> Column:
    """Return the values of a column of cells."""
    kind = cells.type
    if typed.field.type == "category":
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            return _categories(cells, typed, codes, singly)
        return _distinct(cells, typed, codes, singly)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _sure(cells)
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        return _texts(cells, typed, singly, commas=commas)
    return _distinct(cells, typed, codes, singly)


def column_of_cells(cells: Sequence[Any], typed: Typed, codes: Mapping[str, float]) -> Column:
    """Return the values of cells each of which is read by itself."""
    told = [_value(typed.read(cell), codes) for cell in cells]
    values = np.array([np.nan if value is None else value for value in told], np.float64)
    return Column(values, np.array([value is None for value in told], bool))


def _sure(cells: pa.Array) -> Column:
    values = cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return Column(values, np.zeros(len(values), bool))


def _categories(
    cells: pa.Array, typed: Typed, codes: Mapping[str, float], singly: Singly
) -> Column:
    # Not of other letters, which have other bytes in other encodings, nor what is read without
    # its spaces.
    known = [text if text.isascii() and text == text.strip() else None for text in codes]
    places = pc.index_in(cells, pa.array(known, cells.type), skip_nulls=True)
    if places.null_count:
        return _distinct(cells, typed, codes, singly)
    values = places.to_numpy().astype(np.float64)
    return Column(values, np.zeros(len(values), bool))


def _texts(cells: pa.Array, typed: Typed, singly: Singly, *, commas: bool) -> Column:
    form = _ORDINARY_COMMA if commas else _ORDINARY
    ordinary = pc.fill_null(pc.match_substring_regex(cells, form), False)  # noqa: FBT003 -- Arrow's
    numbers = cells.filter(ordinary).view(pa.string())
    if commas:
        numbers = pc.replace_substring(numbers, ",", ".")
    mask = ordinary.to_numpy(zero_copy_only=False)
    others = _distinct(cells.filter(pc.invert(ordinary)), typed, {}, singly)
    values, doubt = np.empty(len(cells)), np.zeros(len(cells), bool)
    values[mask] = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
    values[~mask], doubt[~mask] = others
    return Column(values, doubt)


def _distinct(cells: pa.Array, typed: Typed, codes: Mapping[str, float], singly: Singly) -> Column:
    encoded = cells.dictionary_encode(null_encoding="encode")
    values, doubt = column_of_cells(singly(encoded.dictionary), typed, codes)
    places = encoded.indices.to_numpy(zero_copy_only=False)
    return Column(values[places], doubt[places])


def _value(value: Any, codes: Mapping[str, float]) -> float | None:
    """Return a value as a number, NaN for a missing one, or None if that is not sure."""
    if value is None:
        return np.nan
    if isinstance(value, str):
        return codes.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Beyond, a whole number may be too large for a float.
    return float(value) if abs(value) < _LARGEST else None
