"""The plain lines of a CSV file, found without a look at each row: what most files consist of.

Where a line is plain it is a row, and what stands between its delimiters are its cells: there are
no quotation marks, no empty lines and no odd ends of lines. A chunk with any other line is left to
the standard module; both ways divide a file into the same chunks.
"""

import csv
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from augury.files.forms import Form, Mark

_FIRST_BYTES = 2**16
_SPARE = 1.05
_NEWLINE = ord("\n")
_NEVER = (b'"', b"\0")
# Readers take it away where it begins what they read; in the middle of a file it is a letter.
_BYTE_ORDER_MARK = "\ufeff".encode()

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Plain:
    """A chunk of plain lines: its bytes, each line with its newline, and where those stand."""

    start: Mark
    end: Mark
    block: bytes
    ends: Places
    longest: int

    def faulty(self, form: Form) -> npt.NDArray[np.bool_]:
        """Return which lines have more or fewer cells than the header."""
        delimiters = _places(self.block, ord(form.delimiter))
        wanted = len(form.columns) - 1
        if wanted and len(delimiters) == wanted * len(self.ends):
            # So many at a time lie between the ends of a line, if all lines are as they should be.
            cells = delimiters.reshape(-1, wanted)
            if (cells[:, -1] < self.ends).all() and (cells[1:, 0] > self.ends[:-1]).all():
                return np.zeros(len(self.ends), bool)
        before = np.searchsorted(delimiters, self.ends)
        faulty: npt.NDArray[np.bool_] = np.diff(before, prepend=0) != wanted
        return faulty


def read_plain(file: BinaryIO, form: Form, start: Mark, most_bytes: int) -> Plain | None:
    """Return the chunk that begins at a mark, or None if its lines are not all plain."""
    if form.encoding.startswith("utf-16"):
        return None
    longest = csv.field_size_limit()
    block, ends = _chunk(file, start, form.rows_at_once, most_bytes, longest)
    if not _is_plain(block, form.encoding):
        return None
    position = start.position + len(block)
    if b"\r" in block:
        if block.count(b"\r") != block.count(b"\r\n"):
            return None
        block = block.replace(b"\r\n", b"\n")
        ends = _places(block, _NEWLINE)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
        block += b"\n"
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.min() == 0 or lengths.max() > longest:
        return None
    end = Mark(start.row + len(ends), start.line + len(ends), position)
    return Plain(start, end, block, ends, int(lengths.max()))


def _chunk(
    file: BinaryIO, start: Mark, most_rows: int, most_bytes: int, longest: int
) -> tuple[bytes, Places]:
    """Return the bytes of a chunk, which ends behind the row that fills it, and its ends of lines.

    They are none where a line goes on for longer than a cell may be.
    """
    file.seek(start.position)
    block = file.read(_FIRST_BYTES)
    ends = _places(block, _NEWLINE)
    while True:
        filled = min(most_rows - 1, int(np.searchsorted(ends, most_bytes - 1)))
        if filled < len(ends):
            return block[: int(ends[filled]) + 1], ends[: filled + 1]
        if len(block) > most_bytes + longest:
            return b"", ends[:0]
        # About as much as the rows will need, going by those that were seen.
        wanted = int(len(block) / max(len(ends), 1) * most_rows * _SPARE)
        more = file.read(min(max(wanted - len(block), _FIRST_BYTES), most_bytes))
        if not more:
            return block, ends
        ends = np.concatenate([ends, _places(more, _NEWLINE) + len(block)])
        block += more


def _is_plain(block: bytes, encoding: str) -> bool:
    if not block or block.startswith(_BYTE_ORDER_MARK) or any(one in block for one in _NEVER):
        return False
    if not block.isascii():
        try:
            block.decode(encoding)
        except UnicodeDecodeError:
            return False
    return True


def _places(block: bytes, letter: int) -> Places:
    return np.flatnonzero(np.frombuffer(block, np.uint8) == letter)
