"""Reading JSON Lines: one object a line. A line that is none is the fault of that line only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from augury.files.faults import fault_of_row
from augury.files.forms import (
    MOST_CHUNK_BYTES,
    MOST_COLUMNS,
    Chunk,
    Form,
    Mark,
    Row,
    Span,
    span_of,
)
from augury.files.lines import Lines

_BYTE_ORDER_MARK = "\ufeff".encode()
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@contextmanager
def open_jsonl(path: Path, chunk_rows: int, form: Form | None = None) -> Iterator["JsonRows"]:
    """Open a file of JSON Lines, of the form found earlier or of the one that is found out now."""
    with path.open("rb", buffering=2**20) as file:
        marked = file.read(3) == _BYTE_ORDER_MARK
        yield JsonRows(
            file,
            form or Form(kind="jsonl", columns=[], chunk_rows=chunk_rows, byte_order_mark=marked),
        )


class JsonRows:
    """An open file of JSON Lines; cells are the objects.

    Every line may have members of its own, so the columns of a file are known only when it was
    read to its end: `survey` gives them to the form.
    """

    def __init__(self, file: BinaryIO, form: Form) -> None:
        """Begin behind the byte order mark, if there is one."""
        self._file = file
        self.form = form
        self.first = Mark(0, 0, len(_BYTE_ORDER_MARK) if form.byte_order_mark else 0)

    def spans(self) -> Iterator[Span]:
        """Yield what all chunks cover, with the names of all members."""
        for chunk in self.chunks():
            names = dict.fromkeys(name for row in chunk.rows for name in row.cells)
            yield span_of(chunk)._replace(names=names)

    def chunks(self, start: Mark | None = None) -> Iterator[Chunk]:
        """Yield the chunks from a mark on; raises `FileUnreadable` for a line without an end."""
        start = start or self.first
        lines = Lines(self._file, "utf-8", start)
        rows: list[Row] = []
        for line in lines:
            lines.row_begins = lines.position
            if not line.isspace():
                rows.append(_row(lines.number, line))
            # The columns are not known while they are looked for, so they cannot bound a chunk;
            # its bytes do.
            if (
                len(rows) == self.form.chunk_rows
                or lines.position - start.position >= MOST_CHUNK_BYTES
            ):
                end = Mark(start.row + len(rows), lines.number, lines.position)
                yield Chunk(start, end, rows)
                start, rows = end, []
        if rows:
            yield Chunk(start, Mark(start.row + len(rows), lines.number, lines.position), rows)


def _row(number: int, line: bytes) -> Row:
    try:
        cells = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Row(number, {}, fault_of_row("fault.file_json", number))
    if len(cells) > MOST_COLUMNS:
        fault = fault_of_row("fault.file_members", number, most=MOST_COLUMNS, got=len(cells))
        return Row(number, {}, fault)
    return Row(number, cells)
