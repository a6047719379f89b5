"""Turns between processes: who waits for something goes before who has just had it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK_AGAIN_SECONDS = 0.0005


class Turns:
    """A turnstile: whoever is in it is the next one; a process that dies or stops leaves it free.

    It is a courtesy and guards nothing, so nobody stands before it for longer than `patience`.
    """

    def __init__(self, path: Path, patience_seconds: float) -> None:
        """Use a file for it, made with the first turn."""
        self._path = path
        self._patience_seconds = patience_seconds
        self._file: int | None = None

    @contextmanager
    def next(self) -> Iterator[None]:
        """Be the next one within the block."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + self._patience_seconds
        while not _entered(self._file) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def _entered(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
