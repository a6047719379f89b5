"""Lines of a file as bytes, with their numbers and places, none of them longer than a limit."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Literal

from augury.files.faults import unreadable
from augury.files.forms import MOST_LINE_BYTES, Mark

Encoding = Literal["utf-8", "cp1251", "utf-16-le", "utf-16-be"]

_BLOCK_BYTES = 2**20
_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(file: BinaryIO) -> tuple[Encoding, int]:
    """Return the encoding of a text and how long its byte order mark is.

    The whole file is looked at: one without a mark is UTF-8 if all of it is, and otherwise the
    CP1251 of Russian Excel. Every byte of CP1251 comes back as it was, so a wrong guess about
    another old encoding can show in a name, but damages nothing.
    """
    file.seek(0)
    start = file.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    found: Encoding = "utf-8"
    while block := file.read(_BLOCK_BYTES):
        if b"\0" in block:
            raise unreadable("fault.file_binary")
        # What is ASCII and begins with a letter of its own needs no closer look.
        if found == "utf-8" and not (block.isascii() and not decoder.getstate()[0]):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                found = "cp1251"
    if found == "utf-8":
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            found = "cp1251"
    return found, 0


class Lines:
    """The lines of a file from a mark on; `number` and `position` are behind the last one."""

    def __init__(self, file: BinaryIO, encoding: Encoding, start: Mark) -> None:
        """Go to where reading begins."""
        file.seek(start.position)
        self._file = file
        self._encoding = encoding
        self.number = start.line
        self.position = start.position
        # Set by who reads rows that go over several lines.
        self.row_begins = start.position

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line with its end; raises `FileUnreadable` for one that is too long."""
        read = self._file.readline if not self._encoding.startswith("utf-16") else self._wide_line
        while line := read(MOST_LINE_BYTES + 1):
            self.number += 1
            self.position += len(line)
            if self.position - self.row_begins > MOST_LINE_BYTES:
                raise unreadable("fault.file_line_long", self.number, most_bytes=MOST_LINE_BYTES)
            yield line

    def text(self) -> Iterator[str]:
        """Yield each line as text; raises UnicodeDecodeError where it is none."""
        encoding = self._encoding
        return (line.decode(encoding) for line in self)

    def _wide_line(self, most_bytes: int) -> bytes:
        """Return a line of UTF-16, in which a byte 10 may be half of another letter."""
        line = bytearray()
        little = self._encoding == "utf-16-le"
        end = b"\n\0" if little else b"\0\n"
        while len(line) < most_bytes:
            piece = self._file.readline(most_bytes)
            line += piece
            if little and len(line) % 2:
                line += self._file.read(1)
            if not piece or (len(line) % 2 == 0 and line.endswith(end)):
                break
        return bytes(line)
