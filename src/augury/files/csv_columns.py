"""The plain lines of a CSV file as columns, and results that are written behind the lines as is."""

import csv
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

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
from augury.files.shares import are_shares, written_shares
from augury.files.tables import Column

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
        return [
            Column(_spread(values, whole, math.nan), _spread(doubt, whole, others=True))
            for values, doubt in found
        ]

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
        written = self._answered(results, answers)
        if answers.good.all():
            return _text(written)
        faulty = np.flatnonzero(~answers.good).tolist()
        rows = [self.row(place) for place in faulty]
        told = [Answer(None, answers.errors[place]) for place in faulty]
        # Between the faulty rows stand good ones, each of these with its newline before it.
        pieces, begin = [], 0
        for place, line in zip(faulty, results.lines(rows, told), strict=True):
            pieces += [_text(written[begin:place]), line]
            begin = place + 1
        return b"".join([*pieces, _text(written[begin:])])

    @cached_property
    def _lines(self) -> pa.Array:
        """The lines, each with the newline *before* it, so that there is room behind it."""
        offsets = np.concatenate([[0], self._plain.ends + 1]).astype(np.int32)
        block = pa.py_buffer(b"\n" + self._plain.block)
        return pa.Array.from_buffers(pa.binary(), self.rows, [None, pa.py_buffer(offsets), block])

    def _answered(self, results: CsvResults, answers: Answers) -> pa.Array:
        """Return the lines with their outputs, and with an error that is empty."""
        good = answers.good
        cells: list[Any] = []
        for name in results.added.outputs:
            given = answers.outputs.get(name)
            if given is None:
                cells.append(_NOTHING)
            elif isinstance(given, Picked):
                words = pa.array([results.cell(word) for word in given.words], pa.binary())
                cells.append(words.take(pa.array(_spread(given.places, good))))
            else:
                cells.append(_numbers(_spread(given, good), self._form.decimal))
        error = pa.scalar(self._form.newline[:-1].encode(), pa.binary())
        delimiter = pa.scalar(self._form.delimiter.encode(), pa.binary())
        return pc.binary_join_element_wise(self._lines, *cells, error, delimiter)

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


Some = TypeVar("Some", bound=np.generic)

_NOTHING = pa.scalar(b"", pa.binary())


def _spread(
    of_good: npt.NDArray[Some], good: npt.NDArray[np.bool_], others: float = 0
) -> npt.NDArray[Some]:
    """Return values of the good rows as those of all rows."""
    if good.all():
        return of_good
    spread = np.full(len(good), others, of_good.dtype)
    spread[good] = of_good
    return spread


def _text(lines: pa.Array) -> bytes:
    """Return lines that have their newlines before them, as a text of lines."""
    if not len(lines):
        return b""
    _, offsets, data = lines.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
    return b"".join((memoryview(data)[first + 1 : last], b"\n"))


def _numbers(values: npt.NDArray[np.float64], decimal: str) -> pa.Array:
    if are_shares(values):
        return written_shares(values, decimal)
    written = [repr(value).replace(".", decimal).encode() for value in values.tolist()]
    return pa.array(written, pa.binary())
