"""Rows that had to be read one by one, as columns: JSON Lines, and CSV that is not plain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augury.files.answers import Answer, Answers, Picked
from augury.files.cells import Typed, Typing
from augury.files.columns import column_of, column_of_cells
from augury.files.forms import Chunk, Form, Mark, Row
from augury.files.results import Results
from augury.files.rows import open_rows
from augury.files.tables import Column

_TEXTS = frozenset({str, type(None)})
_NUMBERS = frozenset({int, float, type(None)})


def table_at(path: Path, form: Form, start: Mark) -> "RowsTable":
    """Return the chunk that begins at a mark; raises `FileUnreadable`."""
    with open_rows(path, form) as rows:
        return RowsTable(next(rows.chunks(start)))


class RowsTable:
    """A chunk that was read row by row."""

    def __init__(self, chunk: Chunk) -> None:
        """Take the chunk."""
        self._chunk = chunk
        self.rows = len(chunk.rows)

    def columns(self, typing: Typing, codes: Sequence[Mapping[str, float]]) -> list[Column]:
        """Return the values of all fields, in doubt where a row is faulty."""
        faulty = np.array([row.fault is not None for row in self._chunk.rows])
        found = [
            _column(self._cells(typed), typed, known, commas=typing.commas)
            for typed, known in zip(typing.typed, codes, strict=True)
        ]
        return [Column(values, doubt | faulty) for values, doubt in found]

    def row(self, place: int) -> Row:
        """Return a row."""
        return self._chunk.rows[place]

    def part(self, results: Results, answers: Answers) -> bytes:
        """Return the results, row by row."""
        columns = [
            [given.words[place] for place in given.places.tolist()]
            if isinstance(given, Picked)
            else given.tolist()
            for given in answers.outputs.values()
        ]
        outputs = (
            dict(zip(answers.outputs, row, strict=True)) for row in zip(*columns, strict=True)
        )
        listed = [
            Answer(next(outputs)) if good else Answer(None, answers.errors[place])
            for place, good in enumerate(answers.good.tolist())
        ]
        return results.part(self._chunk, listed)

    def _cells(self, typed: Typed) -> list[Any]:
        name, place = typed.column, typed.place
        return [
            row.cells.get(name) if isinstance(row.cells, dict) else row.cells[place]
            for row in self._chunk.rows
        ]


def _column(cells: list[Any], typed: Typed, codes: Mapping[str, float], *, commas: bool) -> Column:
    kinds = set(map(type, cells))
    try:
        if kinds <= _TEXTS:
            texts = pa.array(cells, pa.string())
            return column_of(texts, typed, codes, pa.Array.to_pylist, commas=commas)
        if kinds <= _NUMBERS and typed.field.type != "category":
            return Column(np.array(cells, np.float64), np.zeros(len(cells), bool))
    except (UnicodeEncodeError, OverflowError):
        pass  # half a letter, a number without end
    return column_of_cells(cells, typed, codes)
