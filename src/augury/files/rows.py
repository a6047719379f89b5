"""Opening a table: what a file is shows in its content, never in its name."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from augury.files.csv_rows import open_csv
from augury.files.faults import unreadable
from augury.files.forms import (
    CHUNK_ROWS,
    MOST_COLUMNS,
    MOST_FILE_BYTES,
    MOST_NAMES_LENGTH,
    MOST_ROWS,
    Form,
    Mark,
    Opener,
    Plan,
    Rows,
)
from augury.files.jsonl_rows import open_jsonl

_HEAD_BYTES = 4096
_PACKED = (
    b"PK\x03\x04",  # zip, xlsx
    b"PK\x05\x06",
    b"\x1f\x8b",  # gzip
    b"\xd0\xcf\x11\xe0",  # xls
    b"\x28\xb5\x2f\xfd",  # Zstandard
    b"\x04\x22\x4d\x18",  # LZ4
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"\xfd7zXZ\x00",
    b"Rar!\x1a\x07",
)
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ARRAY = re.compile(rb"\[\s*(\{|\])")


@contextmanager
def open_rows(path: Path, form: Form | None = None, chunk_rows: int = CHUNK_ROWS) -> Iterator[Rows]:
    """Open a table of any format, in chunks of at most so many rows.

    With the form of an earlier look nothing is found out again, and `chunks(mark)` gives the same
    chunks as then. Raises `FileUnreadable`.
    """
    with _opener(path, form)(path, chunk_rows, form) as rows:
        yield rows


def survey(path: Path, chunk_rows: int = CHUNK_ROWS) -> Plan:
    """Read a file once to its end and return how many rows it has, and where its chunks begin.

    Whatever makes it unreadable as a whole is found here. Raises `FileUnreadable`.
    """
    with open_rows(path, chunk_rows=chunk_rows) as rows:
        marks: list[Mark] = []
        columns = dict.fromkeys(rows.form.columns)
        faulty = read = 0
        for start, end, broken, names in rows.spans():
            marks.append(start)
            read = end.row
            if read > MOST_ROWS:
                raise unreadable("fault.file_rows", most=MOST_ROWS)
            faulty += broken
            columns.update(dict.fromkeys(names))
            _check(columns)
        if not read:
            raise unreadable("fault.file_no_rows")
        form = rows.form if rows.form.kind != "jsonl" else replace(rows.form, columns=list(columns))
    return Plan(form, read, faulty, marks)


def _check(columns: Collection[str]) -> None:
    """Refuse more columns, or longer names, than one would care to keep with a batch."""
    if len(columns) > MOST_COLUMNS:
        raise unreadable("fault.file_columns", most=MOST_COLUMNS, got=len(columns))
    if sum(map(len, columns)) > MOST_NAMES_LENGTH:
        raise unreadable("fault.file_names_long", most=MOST_NAMES_LENGTH)


def _opener(path: Path, form: Form | None) -> Opener:
    kind = form.kind if form else _kind_of(path)
    if kind == "csv":
        return open_csv
    if kind == "jsonl":
        return open_jsonl
    try:
        # An extra, and a large one: only where it is wanted.
        module: Any = import_module("augury.files.parquet_rows")
    except ModuleNotFoundError:
        raise unreadable("fault.file_parquet_off") from None
    return cast("Opener", module.open_parquet)


def _kind_of(path: Path) -> str:
    size = path.stat().st_size
    if size > MOST_FILE_BYTES:
        raise unreadable("fault.file_bytes", most_bytes=MOST_FILE_BYTES)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith((b"PAR1", b"PARE")):
        return "parquet"
    if head.startswith(_PACKED):
        raise unreadable("fault.file_packed")
    head = head.lstrip(_BLANK)
    if not head and size <= _HEAD_BYTES:
        raise unreadable("fault.file_empty")
    if _ARRAY.match(head):
        raise unreadable("fault.file_json_array")
    return "jsonl" if head.startswith(b"{") else "csv"
