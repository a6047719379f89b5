"""What a house has to do without being asked: the one list, whoever carries it out.

Every duty works on rows of the database and decides by compare-and-swap who does what, so any
number of processes may carry it out side by side, and a process that dies leaves nothing half done.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from augury.audit_log import chain
from augury.bootstrap import House
from augury.kit.errors import LedgerUnavailable
from augury.kit.memory import keep_memory
from augury.ledger.audit import SWEEP_SECONDS
from augury.ledger.service import expire_holds
from augury.notices.deliver import open_courier
from augury.payments.recharge import recharge_due
from augury.payments.reconcile import reconcile_due
from augury.predictions import batch_outcomes, bought, drift, hours, job_leases, job_outcomes
from augury.predictions.batch_runner import BatchRunner
from augury.predictions.bell import Room
from augury.predictions.job_runner import Runner
from augury.predictions.leased import LeasedRunner
from augury.predictions.workers import SAY_SECONDS, Kind, Presence
from augury.users import sessions
from augury.users.gate import LOOK_SECONDS, NOTE_SECONDS
from augury.users.service import recipient
from augury.worker import forgetting

# So many predictions are made in the background at once by one process: a model on another server
# keeps a thread waiting, not a processor busy.
JOBS_AT_ONCE = 4
# One chunk keeps a processor busy, and the one before it waits for the disk meanwhile.
CHUNKS_AT_ONCE = 2
_LOOK_SECONDS = 0.25


class Whose(Enum):
    """Which processes carry a duty out."""

    EVERYBODYS = "every process for itself, also one that only serves"
    ANYBODYS = "one of those that work in the background, whichever comes first"
    RUNG = "as the last, and a broker rings for it row by row"


class Workplace:
    """What the duties of one process work with."""

    def __init__(self, house: House, kind: Kind | None = "embedded") -> None:
        """Prepare; nothing is claimed yet. A process without a kind leaves the work to others."""
        if kind is not None:
            keep_memory()
        self.house = house
        self._presence = None if kind is None else Presence(house.db, kind)
        self.courier = open_courier(house.db, house.settings, partial(recipient, house.db))
        self.runners = _runners(house)

    def is_busy(self) -> bool:
        """Tell whether any row is being worked on here."""
        return any(runner.is_busy() for runner in self.runners.values())

    def renew(self) -> int:
        """Prolong the leases of what is worked on here; return how many still stood."""
        return sum(runner.renew() for runner in self.runners.values())

    def say(self) -> int:
        """Say that this process works in the background, if it does."""
        return 0 if self._presence is None else self._presence.say()

    def give_back(self) -> None:
        """Take nothing more, and leave to others at once what is not finished here."""
        for runner in self.runners.values():
            with suppress(LedgerUnavailable):  # it has been logged; the leases run out
                runner.give_back()
        if self._presence is not None:
            with suppress(LedgerUnavailable):  # it is missed soon enough
                self._presence.leave()


def _runners(house: House) -> dict[Room, LeasedRunner[Any, Any]]:
    return {
        "jobs": Runner(house.db, house.shop.catalogue),
        "batches": BatchRunner(house.db, house.shop.catalogue, house.batches.keeper),
    }


class Duty(NamedTuple):
    """Something to do every so many seconds, or only when woken; ends soon after its event."""

    name: str
    seconds: float | None
    run: Callable[[threading.Event], object]
    whose: Whose = Whose.ANYBODYS


class _Planned(NamedTuple):
    name: str
    seconds: float
    run: Callable[[Workplace, threading.Event], object]
    whose: Whose = Whose.ANYBODYS


def _look_for_drift(place: Workplace, stop: threading.Event) -> int:
    versions = [offer.version for offer in place.house.shop.catalogue.champions()]
    return drift.look(place.house.db, [(one.model, one.version) for one in versions], stop)


def _deliver(place: Workplace, stop: threading.Event) -> int:
    """Deliver until no attempt is under way: who is woken next may be another process."""
    begun = place.courier.deliver_due(stop)
    while place.courier.is_busy() and not stop.is_set():
        begun += place.courier.deliver_due(stop)
    return begun


_EACH = Whose.EVERYBODYS
_HOUR = 3600
_PLAN = (
    _Planned("renew", job_leases.RENEWAL_SECONDS, lambda at, _: at.renew(), _EACH),
    _Planned("say", SAY_SECONDS, lambda at, _: at.say(), _EACH),
    _Planned("catalogue", 0.25, lambda at, _: at.house.shop.catalogue.refresh(), _EACH),
    _Planned("gate", LOOK_SECONDS, lambda at, _: at.house.gate.refresh(), _EACH),
    _Planned("key_uses", NOTE_SECONDS, lambda at, _: at.house.gate.note_uses(), _EACH),
    _Planned("market", 1, lambda at, _: at.house.markets.refresh(), _EACH),
    _Planned("load_models", 0.1, lambda at, stop: at.house.shop.catalogue.load(stop), _EACH),
    _Planned("overdue_jobs", 5, lambda at, _: job_outcomes.fail_overdue(at.house.db)),
    _Planned("overdue_batches", 5, lambda at, _: batch_outcomes.fail_overdue(at.house.db)),
    _Planned("expire_holds", SWEEP_SECONDS / 2, lambda at, _: expire_holds(at.house.db)),
    _Planned("reconcile", 5, lambda at, _: reconcile_due(at.house.desk)),
    _Planned("recharge", 5, lambda at, _: recharge_due(at.house.desk)),
    _Planned("deliver", 1, _deliver),
    _Planned("seal_audit", 1, lambda at, stop: chain.seal(at.house.db, stop)),
    _Planned("purge", _HOUR, lambda at, stop: forgetting.purge_deliveries(at.house, stop)),
    _Planned("purge_shadow", _HOUR, lambda at, stop: forgetting.purge_scores(at.house, stop)),
    _Planned("purge_keys", _HOUR, lambda at, stop: forgetting.purge_old_keys(at.house, stop)),
    _Planned("purge_sessions", _HOUR, lambda at, stop: sessions.purge(at.house.db, stop)),
    _Planned("purge_batches", _HOUR, lambda at, stop: forgetting.purge_batches(at.house, stop)),
    _Planned(
        "expire_predictions", _HOUR, lambda at, stop: forgetting.expire_predictions(at.house, stop)
    ),
    _Planned("close_hours", 60, lambda at, stop: hours.close_hours(at.house.db, stop)),
    _Planned("note_bought", 60, lambda at, stop: bought.note_bought(at.house.db, stop)),
    _Planned("drift", drift.EVERY_SECONDS, _look_for_drift),
)


def duties(place: Workplace, jobs_at_once: int = JOBS_AT_ONCE) -> list[Duty]:
    """Return every duty, to be carried out at a place."""
    at_once = {"jobs": jobs_at_once, "batches": CHUNKS_AT_ONCE}
    rung = [
        Duty(f"{room}_{number}", _LOOK_SECONDS, runner.run_due, Whose.RUNG)
        for room, runner in place.runners.items()
        for number in range(1, at_once[room] + 1)
    ]
    planned = [Duty(one.name, one.seconds, partial(one.run, place), one.whose) for one in _PLAN]
    return rung + planned


def schedule() -> dict[str, float]:
    """Return how many seconds apart the duties are that anybody may carry out."""
    return {one.name: one.seconds for one in _PLAN if one.whose is Whose.ANYBODYS}
