"""What is wrong with the rows of a file, told before anything is bought."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from augury.files.cells import Typing
from augury.files.forms import Form, Mark, Plan, Row
from augury.files.rows import open_rows
from augury.files.tables import Table, table_at
from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import Manifest
from augury.inference.signature import Signature
from augury.predictions.batch_fields import columns_for
from augury.predictions.batch_scoring import told

# Beyond either nobody is helped by more, and a look at a file has to stay a look.
MOST_CHECKED = 200_000
MOST_BAD = 1000
MOST_TOLD = 20
_FIRST_ROWS = 5
_MOST_COLUMNS = 50
_LONGEST_CELL = 100

Bad = tuple[int, str]


class Checked(NamedTuple):
    """What a look at the rows found; `bad` counts the faulty ones among those `checked`.

    `faults` are lines (rows of a Parquet file) and sentences, the first of them.
    """

    first_rows: list[dict[str, str | None]]
    checked: int
    bad: int
    faults: list[Bad]


def check(path: Path, plan: Plan, manifest: Manifest, language: str) -> Checked:
    """Read the rows of a surveyed file as its batch would, without running the model.

    Of a model that takes documents only what cannot be read at all is found.
    """
    form = plan.form
    judge = _Judge(path, form, manifest, language)
    first = _first_rows(path, form, plan.marks[0])
    faults: list[Bad] = []
    bad = checked = 0
    ends = [*(mark.row for mark in plan.marks[1:]), plan.rows]
    for start, end in zip(plan.marks, ends, strict=True):
        if checked >= MOST_CHECKED or bad >= MOST_BAD:
            break
        found = list(judge.bad_rows(start))
        bad += len(found)
        checked = end
        faults += found[: MOST_TOLD - len(faults)]
    return Checked(first, checked, bad, faults)


class _Judge:
    """What finds the bad rows of a chunk."""

    def __init__(self, path: Path, form: Form, manifest: Manifest, language: str) -> None:
        self._path = path
        self._form = form
        self._language = language
        fields, missing = columns_for(manifest, form)
        # Without its columns the file is refused as a whole, whatever its rows say.
        is_table = DOCUMENTS.get(manifest.runtime) is None and not missing
        self._typing = Typing(form, fields) if is_table else None
        self._signature = Signature(manifest) if is_table else None

    def bad_rows(self, start: Mark) -> Iterator[Bad]:
        """Yield the bad rows of the chunk that begins at a mark, in their order."""
        table = None if self._typing is None else table_at(self._path, self._form, start)
        doubtful = None if table is None else self._doubtful(table)
        if table is not None and doubtful is not None:
            yield from self._among([table.row(place) for place in doubtful])
            return
        with open_rows(self._path, self._form) as rows:
            yield from self._among(next(rows.chunks(start)).rows)

    def _doubtful(self, table: Table) -> list[int] | None:
        """Return the places of the rows that must be read one by one; None: all of them."""
        if self._typing is None or self._signature is None:
            return None
        columns = table.columns(self._typing, self._signature.codes)
        if columns is None:
            return None
        _, good = self._signature.judge([column.values for column in columns])
        for column in columns:
            good &= ~column.doubt
        places: list[int] = np.flatnonzero(~good).tolist()
        return places

    def _among(self, rows: list[Row]) -> Iterator[Bad]:
        readable = [row for row in rows if row.fault is None]
        faulty: dict[int, Any] = {}
        if self._typing is not None and self._signature is not None:
            inputs = [self._typing.row(row.cells) for row in readable]
            _, faulty = self._signature.sift(inputs)
        by_line = {readable[place].line: faults for place, faults in faulty.items()}
        for row in rows:
            faults = [row.fault] if row.fault is not None else by_line.get(row.line)
            if faults:
                yield row.line, told(faults, self._language)


def _first_rows(path: Path, form: Form, start: Mark) -> list[dict[str, str | None]]:
    columns = form.columns[:_MOST_COLUMNS]
    with open_rows(path, form, chunk_rows=form.chunk_rows) as rows:
        chunk = next(rows.chunks(start))
    return [_shown(row, columns) for row in chunk.rows[:_FIRST_ROWS]]


def _shown(row: Row, columns: list[str]) -> dict[str, str | None]:
    cells = row.cells
    values = cells if isinstance(cells, dict) else dict(zip(columns, cells, strict=False))
    return {name: _text(values.get(name)) for name in columns}


def _text(cell: object) -> str | None:
    return None if cell is None else f"{cell!s:.{_LONGEST_CELL}}"
