"""The plain lines of a CSV file as columns, and results that are written behind the lines as is."""

import csv
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from augury.files.answers import Answer, Answers, Picked
from augury.files.cells import ABSENT, LONGEST_NUMBER, Typing
from augury.files.columns import column_of
from augury.files.csv_results import CsvResults
from augury.files.csv_rows import CsvRows, open_csv
from augury.files.forms import Form, Mark, Row
from augury.files.plain import Plain
from augury.files.results import Results
from augury.files.tables import Column

# Numbers between 0 and 1 of so many digits are looked up: so many words take 12 MB, and a tenth of
# the time that writing them out takes.
_DIGITS = 6
_SHARES = 10**_DIGITS
# In Python such small numbers have an exponent.
_SMALLEST = 1e-4
_ANY_CASE = sorted(
    {
        "".join(letters)
        for word in ABSENT
        for letters in product(*({letter.lower(), letter.upper()} for letter in word))
    }
)


def table_at(path: Path, form: Form, start: Mark) -> "CsvTable | None":
    """Return the chunk that begins at a mark, or None if its lines are not all plain."""
    with open_csv(path, form.chunk_rows, form) as rows:
        plain = rows.plain(start)
        return None if plain is None else CsvTable(rows, plain)


class CsvTable:
    """A chunk of plain lines as columns."""

    def __init__(self, rows: CsvRows, plain: Plain) -> None:
        """Take the open file for its form, and the lines."""
        self._opened = rows
        self._form = rows.form
        self._plain = plain
        self.rows = len(plain.ends)

    def columns(self, typing: Typing, codes: Sequence[Mapping[str, float]]) -> list[Column] | None:
        """Return the values of all fields, in doubt where a line has too many cells or too few."""
        block, whole = self._plain.block, np.ones(self.rows, bool)
        # Only short numbers are numbers, and in short lines there are no others.
        short = self._plain.longest <= LONGEST_NUMBER
        cells = self._parsed(block, self.rows, typing, pa.float64()) if short else None
        if cells is None:
            whole = ~self._plain.faulty(self._form)
            block = _text(self._lines.filter(pa.array(whole)))
            cells = self._parsed(block, int(whole.sum()), typing, pa.binary())
        if cells is None:
            return None
        commas = typing.commas
        found = [
            column_of(column, typed, known, self._singly, commas=commas)
            for column, typed, known in zip(cells, typing.typed, codes, strict=True)
        ]
        return found if whole.all() else [_spread(column, whole) for column in found]

    def row(self, place: int) -> Row:
        """Return a row as the standard module reads it."""
        start = int(self._plain.ends[place - 1]) + 1 if place else 0
        line = self._plain.block[start : int(self._plain.ends[place])]
        text = line.decode(self._form.encoding)
        (cells,) = csv.reader([text], delimiter=self._form.delimiter, strict=True)
        return self._opened.row(self._plain.start.line + place + 1, cells)

    def part(self, results: Results, answers: Answers) -> bytes:
        """Return the results: behind good lines the outputs, and the others as rows."""
        assert isinstance(results, CsvResults)  # noqa: S101 -- of a CSV file
        lines = self._lines
        whole = answers.good.all()
        written = self._answered(
            lines if whole else lines.filter(pa.array(answers.good)), results, answers
        )
        if not whole:
            faulty = np.flatnonzero(~answers.good)
            rows = [self.row(int(place)) for place in faulty]
            errors = [Answer(None, answers.errors[int(place)]) for place in faulty]
            others = pa.array(
                [b"\n" + line[:-1] for line in results.lines(rows, errors)], pa.binary()
            )
            order = np.empty(self.rows, np.int64)
            order[answers.good] = np.arange(len(written))
            order[faulty] = np.arange(len(written), self.rows)
            written = pa.concat_arrays([written, others]).take(pa.array(order))
        return _text(written)

    @cached_property
    def _lines(self) -> pa.Array:
        """The lines, each with the newline *before* it, so that there is room behind it."""
        offsets = np.concatenate([[0], self._plain.ends + 1]).astype(np.int32)
        block = pa.py_buffer(b"\n" + self._plain.block)
        return pa.Array.from_buffers(pa.binary(), self.rows, [None, pa.py_buffer(offsets), block])

    def _answered(self, lines: pa.Array, results: CsvResults, answers: Answers) -> pa.Array:
        """Return the lines with their outputs, and with an error that is empty."""
        cells: list[Any] = []
        for name in results.added.outputs:
            given = answers.outputs.get(name)
            if given is None:
                cells.append(_NOTHING)
            elif isinstance(given, Picked):
                words = pa.array([results.cell(word) for word in given.words], pa.binary())
                cells.append(words.take(pa.array(given.places)))
            else:
                cells.append(_numbers(given, self._form.decimal))
        error = pa.scalar(self._form.newline[:-1].encode(), pa.binary())
        delimiter = pa.scalar(self._form.delimiter.encode(), pa.binary())
        return pc.binary_join_element_wise(lines, *cells, error, delimiter)

    def _parsed(
        self, block: bytes, rows: int, typing: Typing, numbers: pa.DataType
    ) -> list[pa.Array] | None:
        """Return the cells of all fields, or None if not all of them are what they should be."""
        form, typed = self._form, typing.typed
        if not rows:
            return [pa.array([], pa.binary()) for _ in typed]
        types = {
            str(one.place): pa.binary() if one.field.type == "category" else numbers
            for one in typed
        }
        try:
            table = pc_csv.read_csv(
                pa.BufferReader(block),
                pc_csv.ReadOptions(
                    use_threads=False,
                    block_size=len(block) + 1,
                    column_names=[str(place) for place in range(len(form.columns))],
                ),
                pc_csv.ParseOptions(delimiter=form.delimiter, quote_char=False, double_quote=False),
                pc_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    null_values=_ANY_CASE,
                    include_columns=[*types],
                    decimal_point=form.decimal if typing.commas else ".",
                ),
            )
        except pa.ArrowInvalid:
            return None
        found = [table[str(one.place)].combine_chunks() for one in typed]
        odd = any(
            pa.types.is_floating(one.type) and pc.any(pc.is_nan(one)).as_py() for one in found
        )
        return None if odd or table.num_rows != rows else found

    def _singly(self, cells: pa.Array) -> list[Any]:
        return [cell.decode(self._form.encoding) for cell in cells.to_pylist()]


_NOTHING = pa.scalar(b"", pa.binary())


def _spread(column: Column, whole: npt.NDArray[np.bool_]) -> Column:
    values, doubt = np.full(len(whole), np.nan), ~whole
    values[whole], doubt[whole] = column
    return Column(values, doubt)


def _text(lines: pa.Array) -> bytes:
    """Return lines that have their newlines before them, as a text of lines."""
    if not len(lines):
        return b""
    _, offsets, data = lines.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
    return b"".join((memoryview(data)[first + 1 : last], b"\n"))


def _numbers(values: npt.NDArray[np.float64], decimal: str) -> pa.Array:
    shares = np.rint(values * _SHARES)
    if ((shares >= 0) & (shares <= _SHARES) & (shares / _SHARES == values)).all():
        return _shares(decimal).take(pa.array(shares.astype(np.int32)))
    return pa.array([_shown(value, decimal) for value in values.tolist()], pa.binary())


@cache
def _shares(decimal: str) -> pa.Array:
    """Return how all shares with so many digits are written."""
    numbers = np.arange(_SHARES + 1) / _SHARES
    ordinary = pa.array(numbers).cast(pa.string())
    if decimal != ".":
        ordinary = pc.replace_substring(ordinary, ".", decimal)
    # Arrow writes whole numbers and small ones in another way.
    few = int(_SMALLEST * _SHARES)
    first, last = (
        [_shown(one, decimal) for one in part.tolist()] for part in (numbers[:few], numbers[-1:])
    )
    return pa.concat_arrays(
        [
            pa.array(first, pa.binary()),
            ordinary[few:-1].cast(pa.binary()),
            pa.array(last, pa.binary()),
        ]
    )


def _shown(value: float, decimal: str) -> bytes:
    return repr(value).replace(".", decimal).encode()
