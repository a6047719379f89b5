"""Finding out how a CSV file is written: delimiter, decimal mark, ends of lines."""

import csv
import re
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Literal

from augury.files.faults import unreadable
from augury.files.forms import Mark
from augury.files.lines import Encoding, Lines

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 2**18
_NAMED = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)
_WITH_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_WITH_POINT = re.compile(r"\s*[+-]?\d+\.\d+\s*")


def sample_of(file: BinaryIO, encoding: Encoding, start: Mark) -> list[str]:
    """Return the first lines of a file, or refuse it if they are no text or no lines."""
    sample: list[str] = []
    lines = Lines(file, encoding, start)
    try:
        for line in islice(lines.text(), _SAMPLE_LINES):
            sample.append(line)
            lines.row_begins = lines.position
            if lines.position > _SAMPLE_BYTES:
                break
    except UnicodeDecodeError:
        raise unreadable("fault.file_letters", len(sample) + 1) from None
    if any("\0" in line for line in sample):
        raise unreadable("fault.file_binary")
    # Line ends of very old Macs: to us the whole file would be one line.
    if sample and re.search(r"\r(?!\n)", sample[0]) and '"' not in sample[0]:
        raise unreadable("fault.file_line_end", 1)
    return sample


def named_delimiter(sample: list[str]) -> str | None:
    """Return the delimiter that the first line names for Excel (`sep=;`), if it does."""
    named = _NAMED.fullmatch(sample[0]) if sample else None
    return named[1] if named else None


def delimiter_of(sample: list[str]) -> str:
    """Return the delimiter by which most rows have as many cells as the header.

    Of those, the one whose cells hold the fewest others, then the one that gives more columns. A
    file of one column has none, which is a comma.
    """
    return max(_DELIMITERS, key=lambda delimiter: _fit(sample, delimiter))


def _fit(sample: list[str], delimiter: str) -> tuple[bool, float, float, int]:
    header, *rows = _rows(sample, delimiter) or [[]]
    width = len(header)
    alike = sum(len(row) == width for row in rows)
    others = set(_DELIMITERS) - {delimiter}
    cells = [cell for row in rows for cell in row]
    # 12,5 holds no delimiter: it is a number.
    tidy = sum(others.isdisjoint(cell) or bool(_WITH_COMMA.fullmatch(cell)) for cell in cells)
    return width > 1, alike / max(len(rows), 1), tidy / max(len(cells), 1), width


def decimal_of(sample: list[str], delimiter: str) -> Literal[".", ","]:
    """Return the decimal mark of a file, for what we add to it.

    With semicolons or tabs the mark is a comma unless the sample shows points: that is what the
    Excels that write semicolons read back as numbers.
    """
    if delimiter not in ";\t":
        return "."
    cells = [cell for row in _rows(sample[1:], delimiter) for cell in row]
    commas = sum(_WITH_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_WITH_POINT.fullmatch(cell) is not None for cell in cells)
    if commas == points:
        return "," if delimiter == ";" else "."
    return "," if commas > points else "."


def newline_of(sample: list[str]) -> Literal["\n", "\r\n"]:
    """Return how the lines of a file end."""
    return "\r\n" if sample and sample[0].endswith("\r\n") else "\n"


def _rows(sample: list[str], delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    # The sample may end within a row; what is wrong with a row is told when it is read.
    with suppress(csv.Error):
        found.extend(row for row in csv.reader(sample, delimiter=delimiter) if row)
    return found
