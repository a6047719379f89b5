"""Writing results as CSV, in the dialect and the encoding in which the rows came."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from augury.files.answers import Added, Answer
from augury.files.csv_rows import mark_of
from augury.files.forms import Chunk, Form, Row
from augury.kit.spreadsheets import harmless

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")


class CsvResults:
    """Results as CSV: a part has lines, and the header stands before the first."""

    def __init__(self, form: Form, added: Added) -> None:
        """Take the form of the file, and the columns that are added."""
        self._form = form
        self.added = added

    def part(self, chunk: Chunk, answers: Sequence[Answer]) -> bytes:
        """Return the lines of a chunk; letters that the encoding lacks become question marks."""
        return b"".join(self.lines(chunk.rows, answers))

    def lines(self, rows: Sequence[Row], answers: Sequence[Answer]) -> list[bytes]:
        """Return the lines of some rows."""
        nothing = [""] * len(self.added.outputs)
        return self._written(
            [
                *row.cells,
                *(
                    [self._shown(outputs.get(name)) for name in self.added.outputs]
                    if outputs
                    else nothing
                ),
                self._shown(error),
            ]
            for row, (outputs, error) in zip(rows, answers, strict=True)
        )

    def cell(self, text: str) -> bytes:
        """Return one of our texts as it stands in a line."""
        empty, written = self._written([["", ""], ["", self._shown(text)]])
        newline = len(self._form.newline.encode(self._form.encoding))
        return written[len(empty) - newline : -newline]

    def joined(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the header, then the parts as they are."""
        form = self._form
        named = f"sep={form.delimiter}{form.newline}" if form.names_delimiter else ""
        (header,) = self._written([[*form.columns, *map(_harmless, self.added.names)]])
        yield mark_of(form) + named.encode(form.encoding) + header
        yield from parts

    def _written(self, rows: Iterable[Sequence[Any]]) -> list[bytes]:
        lines = _Lines(self._form.newline)
        # Written with this end of a line whatever ours is: the writer puts only texts that hold a
        # letter of it between quotation marks, and every reader wants both letters there.
        writer = csv.writer(lines, delimiter=self._form.delimiter, lineterminator=_END)
        writer.writerows(rows)
        return [line.encode(self._form.encoding, "replace") for line in lines.found]

    def _shown(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, float):
            return "" if math.isnan(value) else repr(value).replace(".", self._form.decimal)
        return _harmless(value) if isinstance(value, str) else str(value)


_END = "\r\n"


class _Lines:
    """What the writer writes to; it writes each row at once."""

    def __init__(self, newline: str) -> None:
        self.found: list[str] = []
        self._newline = newline

    def write(self, line: str) -> None:
        self.found.append(line[: -len(_END)] + self._newline)


def _harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; numbers stay numbers."""
    return text if _NUMBER.fullmatch(text) else harmless(text)
