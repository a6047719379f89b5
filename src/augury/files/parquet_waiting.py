"""Children that have read a chunk of a Parquet file wait for who asks for the next one.

To start a child takes as long as some hundred thousand rows, and to begin within a row group, what
stands before it is read again. Who asks for one chunk after the other is spared both.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

from augury.files.faults import FileUnreadable, unreadable
from augury.files.forms import Form, Mark
from augury.files.parquet_rows import ParquetRows, Piece

_MOST_WAITING = 2
# The file, which may be another one at the same path later, how it is divided, and the next row.
_Place = tuple[str, int, int, int, int]

_waiting: dict[_Place, Iterator[Piece]] = {}
_lock = threading.Lock()


def piece_at(path: Path, form: Form, start: Mark) -> Piece:
    """Return the chunk that begins at a mark; raises `FileUnreadable`.

    Of some files that are read at the same time, the least recent ones start anew each time.
    """
    with _lock:
        pieces = _waiting.pop(_place(path, form, start), None)
    piece = None
    if pieces is not None:
        try:
            piece = next(pieces, None)
        except FileUnreadable:
            # It may have waited for too long. What is wrong with the file, a new one finds too.
            piece = None
    if piece is None:
        pieces = ParquetRows(path, form).pieces(start)
        piece = next(pieces, None)
    if piece is None:
        raise unreadable("fault.file_parquet")
    if pieces is not None and not piece.last:
        _keep(_place(path, form, piece.end), pieces)
    return piece


def _place(path: Path, form: Form, mark: Mark) -> _Place:
    found = path.stat()
    return str(path), found.st_ino, found.st_mtime_ns, form.chunk_rows, mark.row


def _keep(place: _Place, pieces: Iterator[Piece]) -> None:
    """Let a child wait, and end those that waited longest: what nobody holds is closed."""
    with _lock:
        _waiting[place] = pieces
        for oldest in list(_waiting)[:-_MOST_WAITING]:
            del _waiting[oldest]
