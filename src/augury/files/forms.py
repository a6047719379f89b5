"""What a file is (`Form`), how it is divided (`Plan`), and what is read from it (`Chunk`).

`Form` and `Plan` are plain values that can be kept as JSON, so that another process reads the same
chunks of the same file later, each by itself.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from augury.kit.errors import Fault

MOST_ROWS = 5_000_000
MOST_COLUMNS = 2000
MOST_FILE_BYTES = 4 * 2**30
# Of all names of columns together.
MOST_NAMES_LENGTH = 2**18
# Of one line, and of one row that goes over several.
MOST_LINE_BYTES = 2**20
# A chunk ends with any of these: its memory is bounded whatever its rows are.
MOST_CHUNK_BYTES = 8 * 2**20
MOST_CHUNK_CELLS = 1_100_000
# The more rows, the less of the time goes into taking a chunk up and putting it down.
CHUNK_ROWS = 100_000
# Of rows that take long each.
SLOW_CHUNK_ROWS = 5_000

# A list in the order of the columns, or the object of a JSON line.
Cells = list[Any] | dict[str, Any]


class Form(msgspec.Struct, frozen=True):
    """What a file was found to be; its results are written in the same form."""

    kind: Literal["csv", "jsonl", "parquet"]
    columns: list[str]
    chunk_rows: int
    encoding: Literal["utf-8", "cp1251", "utf-16-le", "utf-16-be"] = "utf-8"
    byte_order_mark: bool = False
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    newline: Literal["\n", "\r\n"] = "\n"
    # The line `sep=;` that Excel understands, where the file began with it.
    names_delimiter: bool = False
    schema: bytes = b""  # of a Parquet file, as Arrow writes it

    @property
    def rows_at_once(self) -> int:
        """How many rows a chunk has at the most, wide rows considered."""
        return max(1, min(self.chunk_rows, MOST_CHUNK_CELLS // len(self.columns)))


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a chunk begins: rows and lines before it, and where in the file that is.

    The position is in bytes; of a Parquet file it is the number of rows.
    """

    row: int
    line: int
    position: int


class Plan(msgspec.Struct, frozen=True):
    """A file that was read once to its end: how many rows, and where its chunks begin."""

    form: Form
    rows: int
    faulty_rows: int
    marks: list[Mark]


class Row(NamedTuple):
    """A row with the number of the line on which it begins; of Parquet, the number of the row.

    With a fault it cannot be predicted; its cells are what could be read of it.
    """

    line: int
    cells: Cells
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that are read together, and where they begin.

    `end` is where the next chunk begins; `origin` are the columns of a Parquet file as Arrow has
    them, so that they are written as they came.
    """

    start: Mark
    end: Mark
    rows: list[Row]
    origin: Any = None


class Span(NamedTuple):
    """What a chunk covers, without its rows: how many of them are faulty, and names of members."""

    start: Mark
    end: Mark
    faulty: int
    names: Collection[str] = ()


def span_of(chunk: Chunk) -> Span:
    """Return what a chunk covers."""
    faulty = sum(row.fault is not None for row in chunk.rows)
    return Span(chunk.start, chunk.end, faulty)


class Rows(Protocol):
    """An open file."""

    form: Form
    first: Mark

    def spans(self) -> Iterator[Span]:
        """Yield what all chunks cover; raises `FileUnreadable` where the file breaks off."""
        ...

    def chunks(self, start: Mark | None = None) -> Iterator[Chunk]:
        """Yield the chunks from a mark on, or all; raises `FileUnreadable` where it breaks off."""
        ...


class Opener(Protocol):
    """How one format opens its files: found out anew, or by the form found earlier."""

    def __call__(
        self, path: Path, chunk_rows: int, form: Form | None
    ) -> AbstractContextManager[Rows]:
        """Return the open file; raises `FileUnreadable`."""
        ...
