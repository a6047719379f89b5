"""Children that have read a chunk of a Parquet file wait for who asks for a later one.

To begin within a row group, all that stands before it is read again. Who asks for one chunk after
the other is spared that; and so is who asks for every second one, because another worker has those
between: they are passed over.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

from augury.files.faults import FileUnreadable, unreadable
from augury.files.forms import Form, Mark
from augury.files.parquet_rows import ParquetRows, Piece

_MOST_WAITING = 2
_MOST_PASSED = 16
# The file, which may be another one at the same path later, and how it is divided.
_File = tuple[str, int, int, int]

# By the file and the next row.
_waiting: dict[tuple[_File, int], Iterator[Piece]] = {}
_lock = threading.Lock()


def piece_at(path: Path, form: Form, start: Mark) -> Piece:
    """Return the chunk that begins at a mark; raises `FileUnreadable`.

    Of some files that are read at the same time, the least recent ones start anew each time.
    """
    found = path.stat()
    file = str(path), found.st_ino, found.st_mtime_ns, form.chunk_rows
    pieces, piece = _taken(file, start.row), None
    if pieces is not None:
        try:
            piece = _reached(pieces, start)
        except FileUnreadable:
            # It may have waited for too long. What is wrong with the file, a new one finds too.
            piece = None
    if piece is None:
        pieces = ParquetRows(path, form).pieces(start)
        piece = _reached(pieces, start)
    if piece is None:
        raise unreadable("fault.file_parquet")
    if pieces is not None and not piece.last:
        _keep(file, piece.end.row, pieces)
    return piece


def _taken(file: _File, row: int) -> Iterator[Piece] | None:
    """Return the child that is nearest before a row, if one is near."""
    with _lock:
        near = [
            (known, next_row)
            for known, next_row in _waiting
            if known == file and 0 <= row - next_row <= _MOST_PASSED * file[-1]
        ]
        return _waiting.pop(max(near)) if near else None


def _reached(pieces: Iterator[Piece], start: Mark) -> Piece | None:
    return next((piece for piece in pieces if piece.start.row >= start.row), None)


def _keep(file: _File, next_row: int, pieces: Iterator[Piece]) -> None:
    """Let a child wait, and end those that waited longest: what nobody holds is closed."""
    with _lock:
        _waiting[file, next_row] = pieces
        for oldest in list(_waiting)[:-_MOST_WAITING]:
            del _waiting[oldest]
