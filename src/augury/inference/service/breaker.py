"""A circuit breaker: who has not answered several times in a row is left alone for a while."""

import threading
import time
from collections.abc import Callable

FAILURES = 3
OPEN_SECONDS = 1.0
_LONGEST_OPEN_SECONDS = 15.0


class Breaker:
    """Closed it lets calls through, open it does not, half-open it lets one through to find out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start closed."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_seconds = OPEN_SECONDS
        # None while it is closed.
        self._opened_at: float | None = None
        self._probed_at: float | None = None

    @property
    def is_closed(self) -> bool:
        """Tell whether calls go through as usual."""
        return self._opened_at is None

    def lets_through(self) -> bool:
        """Tell whether a call may be made now; who gets a yes must tell how it went.

        A probe of which nobody tells is given up: another one may be made after the longest time
        that this stays open.
        """
        with self._lock:
            if self._opened_at is None:
                return True
            now = self._clock()
            if self._probed_at is None:
                is_time = now - self._opened_at >= self._open_seconds
            else:
                is_time = now - self._probed_at >= _LONGEST_OPEN_SECONDS
            if is_time:
                self._probed_at = now
            return is_time

    def succeeded(self) -> None:
        """Close: there was an answer."""
        with self._lock:
            self._failures, self._open_seconds = 0, OPEN_SECONDS
            self._opened_at, self._probed_at = None, None

    def failed(self) -> None:
        """Open after several failures in a row, and for longer each time a probe fails."""
        with self._lock:
            self._failures += 1
            if self._probed_at is not None:
                self._open_seconds = min(_LONGEST_OPEN_SECONDS, 2 * self._open_seconds)
            elif self._failures < FAILURES:
                return
            self._opened_at, self._probed_at = self._clock(), None
