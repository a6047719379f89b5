"""The processes that open Parquet files, one file each, with limits, and hand its rows on.

A few kilobytes of Parquet can unfold to any size: the sizes of its pages are claims, and its
reader is a large parser in C++. So it runs apart, where too much memory or a crash ends this
process only, without the settings of the house and its secrets.

This program opens no file itself. It gets sockets through the one that is its standard input, and
for each of them it forks a child. On its socket a child reads what is asked of it, a line of JSON,
and answers with frames: a letter, a length of four bytes, and so many bytes.
"""

import contextlib
import os
import resource
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from augury.files.forms import (
    MOST_CHUNK_BYTES,
    MOST_CHUNK_CELLS,
    MOST_COLUMNS,
    MOST_LINE_BYTES,
    MOST_ROWS,
)
from augury.kit.decoding import decode

# What a child says first.
BORN = b"!"
SCHEMA, ROWS, BATCH, COUNT, REFUSAL, END = b"S", b"N", b"B", b"C", b"R", b"E"
# On top of what the libraries take. Honest files need some pages of each column.
_MOST_MEMORY_BYTES = 2**30
_MOST_SECONDS = 900
# So long may the other side take before it reads on.
_MOST_IDLE_SECONDS = 60
_READ_BYTES = 2**18
_MOST_THRIFT = 2**24


class Refused(Exception):
    """The file is refused, with this key of a text."""

    def __init__(self, key: str, **values: object) -> None:
        """Say which text tells why, and what it needs."""
        super().__init__(key)
        self.key, self.values = key, values


class Request(msgspec.Struct, frozen=True):
    """What is asked about a file: the batches behind a row, or only how many rows each has."""

    path: str
    chunk_rows: int
    first: int
    only_counts: bool = False

    def encoded(self) -> bytes:
        """Return the line that a child reads."""
        return msgspec.json.encode(self) + b"\n"


def main() -> None:
    """Fork a child for each socket that comes, until nobody can send any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that they leave nothing behind
    asking = socket.socket(fileno=0)
    while True:
        asked, given, _, _ = socket.recv_fds(asking, 1, 1)
        if not asked:
            return
        with socket.socket(fileno=given[0]) as reader:
            if os.fork() == 0:
                _answer(asking, reader)


def _answer(asking: socket.socket, reader: socket.socket) -> NoReturn:
    """Do what is asked of this child, and end it."""
    try:
        asking.close()
        reader.sendall(BORN)
        with reader.makefile("rb") as asked:
            request = decode(asked.readline(), Request)
        threading.Thread(target=_leave_with, args=[reader], daemon=True).start()
        _limit()
        # A reader that has seen enough closes its end.
        with contextlib.suppress(BrokenPipeError):
            _read(request, reader)
    finally:
        os._exit(0)


def _leave_with(reader: socket.socket) -> None:
    """End this process when nobody reads any more, in the middle of a page too."""
    gone = select.poll()
    gone.register(reader, 0)
    gone.poll()
    os._exit(0)


def _read(request: Request, reader: socket.socket) -> None:
    send = partial(_send, reader)
    try:
        _hand_on(request, send)
        send(END)
    except Refused as refused:
        send(REFUSAL, msgspec.json.encode({"key": refused.key, "values": refused.values}))
    except (MemoryError, pa.ArrowMemoryError):
        send(REFUSAL, msgspec.json.encode({"key": "fault.file_unfolds", "values": {}}))
    except (pa.ArrowException, OSError, ValueError):
        send(REFUSAL, msgspec.json.encode({"key": "fault.file_parquet", "values": {}}))


def _limit() -> None:
    taken = 0
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        taken = pages * resource.getpagesize()
    if taken:
        resource.setrlimit(resource.RLIMIT_AS, (taken + _MOST_MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _hand_on(request: Request, send: Callable[..., None]) -> None:
    file = pq.ParquetFile(
        request.path,
        pre_buffer=False,
        buffer_size=_READ_BYTES,
        thrift_string_size_limit=_MOST_THRIFT,
        thrift_container_size_limit=_MOST_THRIFT,
        arrow_extensions_enabled=False,
    )
    schema = _schema(file)
    send(SCHEMA, schema.serialize().to_pybytes())
    send(ROWS, struct.pack("<q", file.metadata.num_rows))
    most_rows = max(1, min(request.chunk_rows, MOST_CHUNK_CELLS // len(schema)))
    row, first = 0, request.first
    for group in range(file.metadata.num_row_groups):
        promised = file.metadata.row_group(group).num_rows
        if row + promised <= first:
            row += promised
            continue
        group_begins = row
        for batch in file.iter_batches(most_rows, row_groups=[group], use_threads=False):
            for piece in _pieces(_plain(batch, schema)):
                if row >= first and request.only_counts:
                    send(COUNT, struct.pack("<q", piece.num_rows))
                elif row >= first:
                    send(BATCH, piece.serialize())
                row += piece.num_rows
        if row - group_begins != promised:
            raise Refused("fault.file_parquet")


def _schema(file: pq.ParquetFile) -> pa.Schema:
    """Return the columns as they are handed on, or refuse what is no flat table of few rows."""
    rows, columns = file.metadata.num_rows, file.metadata.num_columns
    if rows > MOST_ROWS:
        raise Refused("fault.file_rows", most=MOST_ROWS)
    if columns > MOST_COLUMNS:
        raise Refused("fault.file_columns", most=MOST_COLUMNS, got=columns)
    fields = []
    for field in file.schema_arrow:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_nested(kind):
            raise Refused("fault.file_nested", name=field.name[:40])
        fields.append(pa.field(field.name, kind))
    names = [field.name.strip() for field in fields if field.name.strip()]
    if not names:
        raise Refused("fault.file_empty")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise Refused("fault.file_columns_twice", name=twice[0][:40])
    return pa.schema(fields)


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    plain = pa.RecordBatch.from_arrays(columns, schema=schema)
    plain.validate(full=True)
    return plain


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in pieces that are no larger than a chunk may be."""
    if batch.nbytes <= MOST_CHUNK_BYTES and batch.num_rows:
        yield batch
    elif batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from _pieces(batch.slice(0, half))
        yield from _pieces(batch.slice(half))
    elif batch.num_rows:
        raise Refused("fault.file_line_long", most_bytes=MOST_LINE_BYTES)


def _send(reader: socket.socket, kind: bytes, content: bytes = b"") -> None:
    signal.alarm(_MOST_IDLE_SECONDS)
    reader.sendall(kind + struct.pack("<I", len(content)))
    reader.sendall(content)
    signal.alarm(0)


if __name__ == "__main__":
    main()
