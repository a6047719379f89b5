"""From the cells of a row to the JSON row that a model takes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any, Literal, NamedTuple

from augury.files.faults import columns_missing
from augury.files.forms import Cells, Form

Value = int | float | str | None

ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# As Excel shows numbers where the comma is the decimal mark: 1 234 567,8.
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?")
_SPACES = str.maketrans("", "", " \u00a0\u202f")
# Whole numbers of so many digits are exact as floats too.
_EXACT_DIGITS = 15
LONGEST_NUMBER = 400


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model; categories that look like a missing value are categories."""

    name: str
    # What is JSON stays as it came: a list or an object that the model reads itself.
    type: Literal["integer", "number", "category", "json"]
    categories: frozenset[str] = field(default_factory=frozenset)


class Typed(NamedTuple):
    """A field of a model, and how the cells of its column become values."""

    field: Field
    column: str
    place: int
    read: Callable[[Any], Value]


class Typing:
    """How the rows of one file become rows of one model; `typed` has all fields in their order."""

    def __init__(self, form: Form, fields: Sequence[Field]) -> None:
        """Find the columns of all fields; raises `ColumnsMissing` with all that are not there."""
        places = {name.strip(): place for place, name in reversed(list(enumerate(form.columns)))}
        missing = [field.name for field in fields if field.name not in places]
        if missing:
            raise columns_missing(missing, form.columns)
        # Whether numbers may have a decimal comma.
        self.commas = form.kind == "csv" and form.delimiter in ";\t"
        self.typed = [
            Typed(one, form.columns[place], place, _reader(one, commas=self.commas))
            for one, place in [(one, places[one.name]) for one in fields]
        ]
        self._fields = [(one.field.name, one.column, one.place, one.read) for one in self.typed]

    def row(self, cells: Cells) -> dict[str, Value]:
        """Return the row of a model.

        A missing value is None. What is no number stays text, and what is no category stays what
        it is, so that the model's signature says what is wrong with it in its own words.
        """
        if isinstance(cells, dict):
            get = cells.get
            return {name: read(get(column)) for name, column, _, read in self._fields}
        return {name: read(cells[place]) for name, _, place, read in self._fields}


def _reader(one: Field, *, commas: bool) -> Callable[[Any], Value]:
    if one.type == "json":
        return lambda cell: cell
    if one.type == "category":
        return lambda cell: _category(cell, one.categories)
    return _number_with_comma if commas else _number


def _number(cell: Any) -> Value:
    if isinstance(cell, str):
        return _parsed(cell)
    if isinstance(cell, float) and not isfinite(cell):
        return None if isnan(cell) else str(cell)
    return cell if cell is None or isinstance(cell, int | float) else _as_text(cell)


def _number_with_comma(cell: Any) -> Value:
    if not isinstance(cell, str):
        return _number(cell)
    if "," in cell or " " in cell or not cell.isascii():
        if _GROUPED.fullmatch(cell.strip()):
            cell = cell.strip().translate(_SPACES)
        if cell.count(",") == 1 and "." not in cell:
            found = _parsed(cell.replace(",", "."))
            return cell if isinstance(found, str) else found
    return _parsed(cell)


def _parsed(cell: str) -> Value:
    # Most cells are numbers as they stand, so that is looked for first.
    form = _NUMBER.fullmatch(cell) or _NUMBER.fullmatch(cell.strip())
    if form and len(text := form[0]) <= LONGEST_NUMBER:
        if len(text) <= _EXACT_DIGITS and text.lstrip("+-").isdigit():
            return int(text)
        number = float(text)
        # JSON has no infinity: as text it is refused like any other that is no number.
        return number if isfinite(number) else text
    return None if cell.strip().lower() in ABSENT else cell


def _category(cell: Any, categories: frozenset[str]) -> Value:
    if isinstance(cell, str):
        text = cell.strip()
        return None if text not in categories and text.lower() in ABSENT else text
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return None
    # Codes become 1.0 where a column has gaps.
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return _as_text(cell)


def _as_text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) if isinstance(cell, int | float) else f"{cell!s:.100}"
