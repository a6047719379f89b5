"""Reading Parquet: a child with limits opens the file, and this side gets batches of its rows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec.structs import replace

from augury.files.faults import FileUnreadable, unreadable
from augury.files.forms import Chunk, Form, Mark, Row, Span
from augury.files.parquet_child import BATCH, END, REFUSAL, ROWS, SCHEMA

_PROGRAM = ("-m", "augury.files.parquet_child")
# What an interpreter may need to find its own libraries; nothing else is handed on.
_HANDED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_FEW_THREADS = {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_MOST_FRAME_BYTES = 2**26
_KEYS = frozenset(
    {
        "fault.file_columns",
        "fault.file_columns_twice",
        "fault.file_empty",
        "fault.file_line_long",
        "fault.file_nested",
        "fault.file_parquet",
        "fault.file_rows",
        "fault.file_unfolds",
    }
)


@contextmanager
def open_parquet(path: Path, chunk_rows: int, form: Form | None = None) -> Iterator["ParquetRows"]:
    """Open a Parquet file, of the form found earlier or of the one that is found out now."""
    if form:
        yield ParquetRows(path, form)
    else:
        draft = Form(kind="parquet", columns=[], chunk_rows=chunk_rows)
        with _frames(path, chunk_rows, 0) as frames:
            _, schema = next(frames)
        names = pa.ipc.read_schema(pa.py_buffer(schema)).names
        yield ParquetRows(path, replace(draft, columns=names, schema=schema))


class ParquetRows:
    """An open Parquet file; cells are numbers, texts and None.

    Of columns of other types (dates, decimals) a cell is the text, and of bytes it is None;
    `Chunk.origin` has them as they came.
    """

    def __init__(self, path: Path, form: Form) -> None:
        """Begin with the first row."""
        self._path = path
        self.form = form
        self.first = Mark(0, 0, 0)

    def spans(self) -> Iterator[Span]:
        """Yield what all chunks cover; raises `FileUnreadable`."""
        for piece in self.pieces(self.first):
            yield Span(piece.start, piece.end, 0)

    def chunks(self, start: Mark | None = None) -> Iterator[Chunk]:
        """Yield the chunks from a mark on; raises `FileUnreadable`."""
        for begun, end, batch, _ in self.pieces(start or self.first):
            yield Chunk(begun, end, rows_of(batch, begun.row), batch)

    def pieces(self, start: Mark) -> Iterator["Piece"]:
        """Yield the chunks from a mark on as Arrow has them; raises `FileUnreadable`."""
        schema, rows = pa.schema([]), 0
        with _frames(self._path, self.form.chunk_rows, start.row) as frames:
            for kind, content in frames:
                if kind == SCHEMA:
                    schema = pa.ipc.read_schema(pa.py_buffer(content))
                elif kind == ROWS:
                    rows = int.from_bytes(content, "little")
                else:
                    batch = pa.ipc.read_record_batch(pa.py_buffer(content), schema)
                    end = _after(start, batch.num_rows)
                    yield Piece(start, end, batch, end.row == rows)
                    start = end


class Piece(NamedTuple):
    """A chunk as Arrow has it; `last` as the footer of the file tells it."""

    start: Mark
    end: Mark
    batch: pa.RecordBatch
    last: bool


def _after(mark: Mark, rows: int) -> Mark:
    row = mark.row + rows
    return Mark(row, row, row)


def rows_of(batch: pa.RecordBatch, before: int) -> list[Row]:
    """Return the rows of a batch before which there are so many."""
    columns = [values_of(column) for column in batch.columns]
    return [
        Row(before + number, list(cells))
        for number, cells in enumerate(zip(*columns, strict=True), 1)
    ]


def values_of(column: pa.Array) -> list[Any]:
    """Return the cells of a column: numbers, texts and None."""
    kind = column.type
    is_ = pa.types
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        return [None] * len(column)
    plain = is_.is_integer(kind) or is_.is_floating(kind) or is_.is_boolean(kind)
    texts = is_.is_string(kind) or is_.is_large_string(kind) or is_.is_null(kind)
    values: list[Any] = (column if plain or texts else column.cast(pa.string())).to_pylist()
    return values


@contextmanager
def _frames(path: Path, chunk_rows: int, first: int) -> Iterator[Iterator[tuple[bytes, bytes]]]:
    """Start the child, and stop it when nobody reads on."""
    command = [sys.executable, *_PROGRAM, str(path), str(chunk_rows), str(first)]
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    with subprocess.Popen(  # noqa: S603 - our own program, and the path of a file
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | _FEW_THREADS,
    ) as child:
        try:
            assert child.stdout is not None  # noqa: S101 - it is a pipe, as asked for
            yield _read(child.stdout)
        finally:
            child.kill()


def _read(pipe: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield what the child sends; one that breaks off has met something it could not bear."""
    while True:
        head = pipe.read(5)
        kind, size = head[:1], int.from_bytes(head[1:], "little")
        content = pipe.read(size) if size <= _MOST_FRAME_BYTES else b""
        if kind == END:
            return
        if kind == REFUSAL:
            raise _refusal(content)
        if kind not in {SCHEMA, ROWS, BATCH} or len(content) != size:
            raise unreadable("fault.file_parquet")
        yield kind, content


def _refusal(content: bytes) -> FileUnreadable:
    told = msgspec.json.decode(content)
    key = told["key"] if told["key"] in _KEYS else "fault.file_parquet"
    return unreadable(key, **told["values"])
