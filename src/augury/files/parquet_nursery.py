"""A process that has the Parquet library ready, and becomes one child for each file.

To start a child from nothing takes as long as some hundred thousand rows; to fork one takes
milliseconds. Each file still has a process of its own that has seen no other file.
"""

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from augury.files.parquet_child import BORN, Request

_PROGRAM = ("-m", "augury.files.parquet_child")
# What an interpreter may need to find its own libraries; nothing else is handed on.
_HANDED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_FEW_THREADS = {
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
}

Process = subprocess.Popen[bytes]


class Nursery:
    """Starts its process with the first file, and again if that was lost."""

    def __init__(self, program: Sequence[str] = _PROGRAM) -> None:
        """Prepare; nothing runs yet."""
        self._program = program
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._asking: socket.socket | None = None

    @contextmanager
    def child(self, request: Request) -> Iterator[socket.socket]:
        """Give what a new child sends about a file; it ends when the block does.

        Where no child comes about, that is nothing.
        """
        with self._born() as ours:
            with suppress(ConnectionError):  # it has died, as who reads will notice
                ours.sendall(request.encoded())
            yield ours

    def _born(self) -> socket.socket:
        """Return the connection to a child; a process that turns out to be lost is replaced."""
        ours, used = self._asked(None)
        if not ours.recv(len(BORN)):
            ours.close()
            ours, _ = self._asked(used)
            ours.recv(len(BORN))
        return ours

    def close(self) -> None:
        """End the process; children that somebody reads from go on."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._asking is not None and self._process is not None:
            self._asking.close()
            self._process.terminate()
            self._process.wait()
        self._asking = self._process = None

    def _asked(self, lost: Process | None) -> tuple[socket.socket, Process | None]:
        """Ask for a child, of another process than the one that is lost; return which it was."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            if self._process is lost:
                self._start()
            assert self._asking is not None  # noqa: S101 -- it was started
            with suppress(ConnectionError):  # nothing will come from there
                socket.send_fds(self._asking, [b"F"], [theirs.fileno()])
            return ours, self._process

    def _start(self) -> None:
        self._end()
        self._asking, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- our own program
                [sys.executable, *self._program],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment | _FEW_THREADS,
            )


NURSERY = Nursery()
atexit.register(NURSERY.close)
