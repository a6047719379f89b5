"""A chunk of a Parquet file as columns, and results that are further columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augury.files.answers import Answers, Picked
from augury.files.cells import Typing
from augury.files.columns import column_of
from augury.files.forms import Form, Mark, Row
from augury.files.parquet_results import ParquetResults
from augury.files.parquet_rows import rows_of, values_of
from augury.files.parquet_waiting import piece_at
from augury.files.results import Results
from augury.files.tables import Column


def table_at(path: Path, form: Form, start: Mark) -> "ParquetTable":
    """Return the chunk that begins at a mark; raises `FileUnreadable`."""
    piece = piece_at(path, form, start)
    return ParquetTable(start, piece.batch)


class ParquetTable:
    """A chunk as Arrow has it."""

    def __init__(self, start: Mark, batch: pa.RecordBatch) -> None:
        """Take the chunk and where it begins."""
        self._start = start
        self._batch = batch
        self.rows = batch.num_rows

    def columns(self, typing: Typing, codes: Sequence[Mapping[str, float]]) -> list[Column] | None:
        """Return the values of all fields; None where Arrow knows a type too little."""
        try:
            return [
                column_of(self._batch.column(typed.place), typed, known, values_of, commas=False)
                for typed, known in zip(typing.typed, codes, strict=True)
            ]
        except pa.ArrowException:
            return None

    def row(self, place: int) -> Row:
        """Return a row."""
        return rows_of(self._batch.slice(place, 1), self._start.row + place)[0]

    def part(self, results: Results, answers: Answers) -> bytes:
        """Return the chunk with its results."""
        assert isinstance(results, ParquetResults)  # noqa: S101 -- of a Parquet file
        good = answers.good
        cells = [
            _spread(answers.outputs.get(name), good, kind) for name, kind in results.types.items()
        ]
        errors = pa.nulls(self.rows, pa.string())
        if answers.errors:
            told = [answers.errors.get(place) for place in range(self.rows)]
            errors = pa.array(told, pa.string())
        return results.packed([*self._batch.columns, *cells, errors])


def _spread(
    given: npt.NDArray[np.float64] | Picked | None, good: npt.NDArray[np.bool_], kind: pa.DataType
) -> pa.Array:
    """Return an output of the good rows as a column of all of them."""
    if given is None:
        return pa.nulls(len(good), kind)
    places = np.cumsum(good) - 1
    if isinstance(given, Picked):
        given_cells = pa.array(list(given.words), kind).take(pa.array(given.places))
    else:
        given_cells = pa.array(given, kind)
    if good.all():
        return given_cells
    return given_cells.take(pa.array(places, mask=~good))
