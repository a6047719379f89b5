"""Rings workers through a broker, from a thread of its own: no caller waits, and none fails."""

import threading
import time
from collections import Counter
from typing import Any, Literal

from augury.broker.address import without_password
from augury.broker.application import (
    DUTIES,
    ROOMS,
    open_application,
    options_of,
    queue_of,
    task_of,
)
from augury.kit.log import logger

# So many rings wait in a queue at most. Whoever sweeps rings again for what is left.
MOST_WAITING = 1000
_MOST_DUTIES_WAITING = 100
_LOOK_SECONDS = 5.0
_AGAIN_SECONDS = 1.0
_LOG_SECONDS = 60.0
_CLOSE_SECONDS = 0.5


class CeleryBell:
    """The bell of one process. Make it after a fork, not before."""

    def __init__(self, url: str) -> None:
        """Begin to connect, in the background."""
        self._app = open_application(url, hasty=True)
        self._broker = without_password(url)
        self._news = threading.Condition()
        self._rings: Counter[str] = Counter()
        self._levels: dict[str, int] = {}
        self._is_closed = False
        self._is_reachable = False
        self._logged: float | None = None
        self._connection: Any = None
        self._thread = threading.Thread(target=self._carry, name="bell", daemon=True)
        self._thread.start()

    def ring(self, room: str, times: int = 1) -> None:
        """Have a room or a duty rung for so many times."""
        if times <= 0:
            return
        with self._news:
            self._rings[room] = min(self._rings[room] + times, MOST_WAITING)
            self._news.notify()

    def raise_to(self, room: str, waiting: int) -> None:
        """Have a room rung until so many rings wait, for those that were lost."""
        if waiting <= 0:
            return
        with self._news:
            self._levels[room] = waiting
            self._news.notify()

    def state(self) -> Literal["reachable", "unreachable"]:
        """Return whether the broker answered when it was last spoken to, seconds ago."""
        return "reachable" if self._is_reachable else "unreachable"

    def close(self) -> None:
        """Send what is left, if the broker takes it at once, and stop."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join(_CLOSE_SECONDS)

    def _carry(self) -> None:
        self._attempt(Counter(), {})
        while True:
            with self._news:
                if not (self._rings or self._levels or self._is_closed):
                    self._news.wait(_LOOK_SECONDS)
                rings, levels = self._rings, self._levels
                self._rings, self._levels = Counter(), {}
                is_last = self._is_closed
            if not (is_last and not rings):
                self._attempt(rings, levels)
            if is_last:
                break
        self._disconnect()

    def _attempt(self, rings: Counter[str], levels: dict[str, int]) -> None:
        try:
            self._send(rings, levels)
        except Exception as error:  # noqa: BLE001 -- whatever a broker's client throws, sales go on
            self._disconnect()
            self._tell(error)
            with self._news:
                self._rings = Counter(
                    {
                        room: min(times, MOST_WAITING)
                        for room, times in (self._rings + rings).items()
                    }
                )
                if not self._is_closed:
                    self._news.wait_for(lambda: self._is_closed, _AGAIN_SECONDS)
        else:
            self._tell(None)

    def _send(self, rings: Counter[str], levels: dict[str, int]) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        producer = self._app.amqp.Producer(self._connection, auto_declare=False)
        if not (rings or levels):
            self._waiting(DUTIES)  # a look whether the broker answers
        for name in rings.keys() | levels.keys():
            waiting = self._waiting(name)
            room = (MOST_WAITING if name in ROOMS else _MOST_DUTIES_WAITING) - waiting
            wanted = max(rings[name], levels.get(name, 0) - waiting)
            for _ in range(min(wanted, room)):
                self._app.send_task(
                    task_of(name), producer=producer, retry=False, **options_of(name)
                )
                rings[name] -= 1

    def _waiting(self, name: str) -> int:
        """Return how many rings wait in the queue for a name, which is made if it is not there."""
        queue = queue_of(name)(self._connection.default_channel)
        return int(queue.queue_declare().message_count)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.release()
            except Exception as error:  # noqa: BLE001 -- it was broken, which is why it is let go
                logger("broker").info("connection_lost", reason=type(error).__name__)

    def _tell(self, error: Exception | None) -> None:
        """Say that the broker is away, now and then; and that it is back."""
        moment = time.monotonic()
        if error is None:
            if not self._is_reachable:
                logger("broker").info("broker_reachable", broker=self._broker)
            self._is_reachable, self._logged = True, None
            return
        self._is_reachable = False
        if self._logged is None or moment - self._logged >= _LOG_SECONDS:
            self._logged = moment
            reason = f"{type(error).__name__}: {error}"[:200]
            logger("broker").warning("broker_unreachable", broker=self._broker, reason=reason)
