"""A bad line to a server: a TCP proxy on the loopback that breaks where a test wants it to."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Literal

_BLOCK = 16 * 1024
# Closing with it sends a reset, as a line does that breaks.
_RESET = struct.pack("ii", 1, 0)

Direction = Literal["up", "down"]


@dataclass
class Break:
    """Where the line breaks, once: when `pattern` has been seen and `after` more bytes gone over."""

    direction: Direction
    pattern: bytes
    after: int = 0


class Line:
    """Passes everything on to a server's port, but for the breaks that are asked for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._breaks: list[Break] = []
        self._lock = Lock()
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def break_at(self, direction: Direction, pattern: bytes, after: int = 0) -> None:
        """Break once: `after` bytes past the block that begins with or has the pattern.

        With 0 that block itself is lost.
        """
        self._breaks.append(Break(direction, pattern, after))

    def close(self) -> None:
        """Wait until those who spoke have hung up."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes up who accepts
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(Thread(target=self._serve, args=(near,), daemon=True))
            self._threads[-1].start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._port)) as far:
            up = Thread(target=self._pump, args=(near, far, "up"), daemon=True)
            up.start()
            self._pump(far, near, "down")
            up.join()

    def _pump(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        left: int | None = None  # bytes that may still go over before the line breaks
        try:
            while block := source.recv(_BLOCK):
                if left is None:
                    left = self._bytes_left(block, direction)
                if left is None:
                    target.sendall(block)
                    continue
                target.sendall(block[:left])
                left -= len(block)
                if left <= 0:
                    self._break(source, target)
                    return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other direction has broken it

    def _bytes_left(self, block: bytes, direction: Direction) -> int | None:
        with self._lock:
            for one in self._breaks:
                if one.direction == direction and one.pattern in block:
                    self._breaks.remove(one)
                    return one.after
        return None

    def _break(self, *ends: socket.socket) -> None:
        self.broken += 1
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def bad_line(port: int) -> Iterator[Line]:
    """Give a line to a server on this machine."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
