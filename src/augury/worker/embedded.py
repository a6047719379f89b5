"""The embedded worker: duties in threads of the process that serves, without a broker.

Every duty works on rows of the database and decides by compare-and-swap who does what, so any
number of processes may run them side by side, and a process that dies leaves nothing half done.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from augury.bootstrap import House
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.ledger.audit import SWEEP_SECONDS
from augury.ledger.service import expire_holds
from augury.payments.recharge import recharge_due
from augury.payments.reconcile import reconcile_due

_STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every so many seconds."""

    name: str
    seconds: float
    run: Callable[[], object]


def duties(house: House) -> list[Duty]:
    """Return what a house has to do without being asked."""
    return [
        Duty("expire_holds", SWEEP_SECONDS / 2, lambda: expire_holds(house.db)),
        Duty("reconcile", 5, lambda: reconcile_due(house.desk)),
        Duty("recharge", 5, lambda: recharge_due(house.desk)),
    ]


class Worker:
    """Threads that carry out duties until told to stop."""

    def __init__(self, todo: list[Duty]) -> None:
        """Prepare a thread for each duty."""
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._carry_out, args=[duty], name=duty.name, daemon=True)
            for duty in todo
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let what runs finish, for a moment; what it leaves, the next process takes up."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS / len(self._threads))

    def _carry_out(self, duty: Duty) -> None:
        while not self._stopping.is_set():
            try:
                duty.run()
            except LedgerUnavailable:
                pass  # it has been logged; the next round comes
            except Exception:  # noqa: BLE001 -- a duty that fails once must not be left undone for good
                logger("worker").exception("duty_failed", duty=duty.name)
            self._stopping.wait(duty.seconds)
