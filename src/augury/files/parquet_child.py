"""The process that opens one Parquet file, with limits, and hands its rows on.

A few kilobytes of Parquet can unfold to any size: the sizes of its pages are claims, and its
reader is a large parser in C++. So it runs apart, where too much memory or a crash ends this
process only, without the settings of the house and its secrets.

Standard output has frames: a letter, a length of four bytes, and so many bytes.
"""

import contextlib
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

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

SCHEMA, ROWS, BATCH, REFUSAL, END = b"S", b"N", b"B", b"R", b"E"
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


def main() -> None:
    """Read the file that the arguments name: path, rows in a chunk, first row."""
    path, chunk_rows, first = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _limit()
    # A reader that has seen enough closes its end.
    with contextlib.suppress(BrokenPipeError):
        try:
            _hand_on(path, chunk_rows, first)
            _send(END)
        except Refused as refused:
            _send(REFUSAL, msgspec.json.encode({"key": refused.key, "values": refused.values}))
        except (MemoryError, pa.ArrowMemoryError):
            _send(REFUSAL, msgspec.json.encode({"key": "fault.file_unfolds", "values": {}}))
        except (pa.ArrowException, OSError, ValueError):
            _send(REFUSAL, msgspec.json.encode({"key": "fault.file_parquet", "values": {}}))


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


def _hand_on(path: Path, chunk_rows: int, first: int) -> None:
    file = pq.ParquetFile(
        path,
        pre_buffer=False,
        buffer_size=_READ_BYTES,
        thrift_string_size_limit=_MOST_THRIFT,
        thrift_container_size_limit=_MOST_THRIFT,
        arrow_extensions_enabled=False,
    )
    schema = _schema(file)
    _send(SCHEMA, schema.serialize().to_pybytes())
    _send(ROWS, struct.pack("<q", file.metadata.num_rows))
    most_rows = max(1, min(chunk_rows, MOST_CHUNK_CELLS // len(schema)))
    row = 0
    for group in range(file.metadata.num_row_groups):
        promised = file.metadata.row_group(group).num_rows
        if row + promised <= first:
            row += promised
            continue
        group_begins = row
        for batch in file.iter_batches(most_rows, row_groups=[group], use_threads=False):
            for piece in _pieces(_plain(batch, schema)):
                if row >= first:
                    _send(BATCH, piece.serialize().to_pybytes())
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


def _send(kind: bytes, content: bytes = b"") -> None:
    signal.alarm(_MOST_IDLE_SECONDS)
    for part in (kind + struct.pack("<I", len(content)), content):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(1, rest) :]
    signal.alarm(0)


if __name__ == "__main__":
    main()
