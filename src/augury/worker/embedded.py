"""The worker of one process: duties in threads, in the process that serves or in one of its own."""

import threading
import time
from collections.abc import Callable, Sequence

from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.worker.duties import Duty, Whose, Workplace, duties

# Requests have had their five seconds before; the promise is ten in all.
_STOP_SECONDS = 1.5


class Worker:
    """Threads that carry out duties until told to stop."""

    def __init__(self, todo: Sequence[Duty], at_last: Callable[[], object] = lambda: None) -> None:
        """Prepare a thread for each duty; `at_last` is called when they have had time to end."""
        self._at_last = at_last
        self._stopping = threading.Event()
        self._woken = {duty.name: threading.Event() for duty in todo}
        self._threads = [
            threading.Thread(target=self._carry_out, args=[duty], name=duty.name, daemon=True)
            for duty in todo
        ]

    def start(self) -> None:
        """Begin; every duty is carried out once at the beginning."""
        for thread in self._threads:
            thread.start()

    def wake(self, name: str) -> None:
        """Have a duty carried out now, or again at once if it is under way."""
        self._woken[name].set()

    def stop(self, seconds: float = _STOP_SECONDS) -> None:
        """Let what runs finish, for a moment; what it leaves, another process takes up."""
        self._stopping.set()
        for woken in self._woken.values():
            woken.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._at_last()

    def _carry_out(self, duty: Duty) -> None:
        woken = self._woken[duty.name]
        while not self._stopping.is_set():
            woken.clear()
            try:
                duty.run(self._stopping)
            except LedgerUnavailable:
                pass  # it has been logged; the next round comes
            except Exception:  # noqa: BLE001 -- a duty that fails once must not be left undone for good
                logger("worker").exception("duty_failed", duty=duty.name)
            if not self._stopping.is_set():
                woken.wait(duty.seconds)


def serving(place: Workplace) -> Worker:
    """Return the worker of a process that serves: it does everything unless others do."""
    apart = place.house.settings.works_apart
    todo = [duty for duty in duties(place) if duty.whose is Whose.EVERYBODYS or not apart]
    return Worker(todo, place.give_back)
