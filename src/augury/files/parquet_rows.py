"""Reading Parquet: a child with limits opens the file, and this side gets batches of its rows."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec.structs import replace

from augury.files.faults import FileUnreadable, unreadable
from augury.files.forms import Chunk, Form, Mark, Row, Span
from augury.files.parquet_child import BATCH, COUNT, END, REFUSAL, ROWS, SCHEMA, Request
from augury.files.parquet_nursery import NURSERY

_HEAD_BYTES = 5
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
        with _frames(Request(str(path), chunk_rows, 0)) as frames:
            _, schema = next(frames)
        names = pa.ipc.read_schema(schema).names
        yield ParquetRows(path, replace(draft, columns=names, schema=schema.to_pybytes()))


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
        start = self.first
        with _frames(self._request(start, only_counts=True)) as frames:
            for kind, content in frames:
                if kind == COUNT:
                    end = _after(start, int.from_bytes(content, "little"))
                    yield Span(start, end, 0)
                    start = end

    def chunks(self, start: Mark | None = None) -> Iterator[Chunk]:
        """Yield the chunks from a mark on; raises `FileUnreadable`."""
        for begun, end, batch, _ in self.pieces(start or self.first):
            yield Chunk(begun, end, rows_of(batch, begun.row), batch)

    def pieces(self, start: Mark) -> Iterator["Piece"]:
        """Yield the chunks from a mark on as Arrow has them; raises `FileUnreadable`."""
        schema, rows = pa.schema([]), 0
        with _frames(self._request(start)) as frames:
            for kind, content in frames:
                if kind == SCHEMA:
                    schema = pa.ipc.read_schema(content)
                elif kind == ROWS:
                    rows = int.from_bytes(content, "little")
                elif kind == BATCH:
                    batch = pa.ipc.read_record_batch(content, schema)
                    end = _after(start, batch.num_rows)
                    yield Piece(start, end, batch, end.row == rows)
                    start = end

    def _request(self, start: Mark, *, only_counts: bool = False) -> Request:
        return Request(str(self._path), self.form.chunk_rows, start.row, only_counts)


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
def _frames(request: Request) -> Iterator[Iterator[tuple[bytes, pa.Buffer]]]:
    """Have a child read the file; it ends when nobody reads on."""
    with NURSERY.child(request) as child:
        yield _read(child)


def _read(child: socket.socket) -> Iterator[tuple[bytes, pa.Buffer]]:
    """Yield what the child sends; one that breaks off has met something it could not bear."""
    while True:
        head = _received(child, _HEAD_BYTES).to_pybytes()
        kind, size = head[:1], int.from_bytes(head[1:], "little")
        content = _received(child, size if size <= _MOST_FRAME_BYTES else 0)
        if kind == END:
            return
        if kind == REFUSAL:
            raise _refusal(content)
        if kind not in {SCHEMA, ROWS, BATCH, COUNT} or content.size != size:
            raise unreadable("fault.file_parquet")
        yield kind, content


def _received(child: socket.socket, size: int) -> pa.Buffer:
    """Return so many bytes, or none if there are not so many."""
    content = pa.allocate_buffer(size)
    rest = memoryview(content)
    while rest:
        try:
            got = child.recv_into(rest)
        except ConnectionError:
            got = 0
        if not got:
            return pa.py_buffer(b"")
        rest = rest[got:]
    return content


def _refusal(content: pa.Buffer) -> FileUnreadable:
    told = msgspec.json.decode(content)
    key = told["key"] if told["key"] in _KEYS else "fault.file_parquet"
    return unreadable(key, **told["values"])
