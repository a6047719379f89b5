"""The embedded worker: duties in threads of the process that serves, without a broker.

Every duty works on rows of the database and decides by compare-and-swap who does what, so any
number of processes may run them side by side, and a process that dies leaves nothing half done.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from augury.bootstrap import House
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.ledger.audit import SWEEP_SECONDS
from augury.ledger.keys import purge_keys
from augury.ledger.service import expire_holds
from augury.notices.deliver import open_courier
from augury.notices.leases import KEPT, purge
from augury.payments.recharge import recharge_due
from augury.payments.reconcile import reconcile_due
from augury.predictions import drift, expiry, job_leases, job_outcomes, shadow
from augury.predictions.job_runner import Runner
from augury.settings import Settings
from augury.users.service import recipient

# So many predictions are made in the background at once by one process: a model on another server
# keeps a thread waiting, not a processor busy.
_RUNNERS = 4
# Requests have had their five seconds before; the promise is ten in all.
_STOP_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every so many seconds; `run` ends soon after its event is set."""

    name: str
    seconds: float
    run: Callable[[threading.Event], object]


def duties(house: House) -> list[Duty]:
    """Return what a house has to do without being asked."""
    courier = open_courier(house.db, house.settings, partial(recipient, house.db))
    runner = Runner(house.db, house.shop.catalogue)
    return [
        *(Duty(f"jobs_{number}", 0.25, runner.run_due) for number in range(1, _RUNNERS + 1)),
        Duty("renew_jobs", job_leases.RENEWAL_SECONDS, lambda _stop: runner.renew()),
        Duty("overdue_jobs", 5, lambda _stop: job_outcomes.fail_overdue(house.db)),
        Duty("catalogue", 0.25, lambda _stop: house.shop.catalogue.refresh()),
        Duty("load_models", 0.1, house.shop.catalogue.load),
        Duty("expire_holds", SWEEP_SECONDS / 2, lambda _stop: expire_holds(house.db)),
        Duty("reconcile", 5, lambda _stop: reconcile_due(house.desk)),
        Duty("recharge", 5, lambda _stop: recharge_due(house.desk)),
        Duty("deliver", 1, courier.deliver_due),
        *_forgetting(house.db, house.settings),
        Duty("drift", drift.EVERY_SECONDS, partial(_look_for_drift, house)),
    ]


def _look_for_drift(house: House, stop: threading.Event) -> int:
    versions = [offer.version for offer in house.shop.catalogue.champions()]
    return drift.look(house.db, [(one.model, one.version) for one in versions], stop)


def _forgetting(db: Database, settings: Settings) -> list[Duty]:
    """Return what removes what has been kept for long enough, in small transactions."""
    days = settings.keep_prediction_days
    # What was sent to webhooks, and what challengers said, is never kept for longer than the
    # prediction that it repeats.
    longest = days * expiry.DAY if days else KEPT
    kept_scores = min(shadow.KEPT, longest)
    return [
        Duty("expire_predictions", 3600, partial(expiry.expire, db, days)),
        Duty("purge_keys", 3600, partial(purge_keys, db, settings.keep_key_days)),
        Duty("purge", 3600, partial(_purge, db, min(KEPT, longest))),
        Duty("purge_shadow", 3600, lambda stop: shadow.purge(db, stop, kept_scores)),
    ]


def _purge(db: Database, kept: int, stop: threading.Event) -> int:
    """Delete deliveries that were over `kept` ago, a thousand a transaction; return how many."""
    purged = 0
    while not stop.is_set():
        some = purge(db, kept=kept)
        purged += some
        if not some:
            break
    return purged


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
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _carry_out(self, duty: Duty) -> None:
        while not self._stopping.is_set():
            try:
                duty.run(self._stopping)
            except LedgerUnavailable:
                pass  # it has been logged; the next round comes
            except Exception:  # noqa: BLE001 -- a duty that fails once must not be left undone for good
                logger("worker").exception("duty_failed", duty=duty.name)
            self._stopping.wait(duty.seconds)
