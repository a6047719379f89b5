"""A Celery worker: each ring has one of its processes do the next thing that is due.

A process has a house of its own, made after the fork. A ring for a room is a task that works on one
row, in turn of the customers, whatever row it was rung for. A ring for a duty wakes the thread that
carries that duty out, and so is over at once: what waits for other people's servers must not keep
predictions waiting. A process that nobody rings for a while looks for itself: a broker that is
gone, or a main process that does not hear it, makes work slower and does not end it.

The processes hold one end of a pipe. When the main process stops, or dies, the other end closes:
they have some seconds to finish what runs, hand the rest back and end.
"""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from celery import Celery, signals

from augury import bootstrap
from augury.broker import redis_places
from augury.broker.application import ROOMS, open_application, task_of
from augury.broker.bell import MOST_WAITING, CeleryBell
from augury.kit import log, memory
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.predictions.leased import LeasedRunner
from augury.settings import Settings
from augury.worker.duties import Duty, Whose, Workplace, duties, schedule
from augury.worker.embedded import Worker

SWEEP = "sweep"
SWEEP_SECONDS = 1.0
# What runs when it is told to stop has so long to finish; the promise is ten seconds in all.
_FINISH_SECONDS = 7.0
_ABANDON_SECONDS = 9.5
_PARTING_SECONDS = 0.5
_AGAIN_SECONDS = 1.0
_LOAD_SECONDS = 10.0
_LOOK_SECONDS = 0.05
# Beat has the rows looked at every second; a process that hears of none for so long is on its own.
_UNHEARD_SECONDS = 15.0
# What comes less often than this can wait for beat.
_SELDOM_SECONDS = 60.0


class _Leash:
    """A pipe whose reading end the children hold; the other closes with the main process."""

    def __init__(self) -> None:
        self._held, self._let_go = os.pipe()

    def hold(self) -> None:
        """In a child: keep only the end that hears."""
        os.close(self._let_go)

    def wait(self) -> None:
        """In a child: return when the main process stops or is gone."""
        os.read(self._held, 1)

    def let_go(self) -> None:
        """In the main process: tell the children."""
        closing, self._let_go = self._let_go, os.open(os.devnull, os.O_WRONLY)
        os.close(closing)


class _Child:
    """What one process of the pool works with."""

    def __init__(self, settings: Settings, leash: _Leash) -> None:
        self._settings = settings
        self._leash = leash
        self._closing = threading.Lock()
        self._worker: Worker | None = None
        self._place: Workplace | None = None
        self._is_leaving = False
        # When it was rung last, for anything and for a duty.
        self._heard_at = self._woken_at = 0.0

    def open(self) -> None:
        """Build the house, as soon as the database lets it."""
        # Whoever ends a whole group of processes means the main one; it lets go in order.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._leash.hold()
        threading.Thread(target=self._leave, name="leash", daemon=True).start()
        while True:
            try:
                self._place = Workplace(bootstrap.build(self._settings), "rung")
                break
            except Exception:  # noqa: BLE001 -- the main process ends a child that is not up in time
                logger("worker").exception("not_ready")
                time.sleep(_AGAIN_SECONDS)
        memory.settle()
        self._heard_at = self._woken_at = time.monotonic()
        self._worker = Worker(self._duties(self._place), self._place.give_back)
        self._worker.start()
        # A job for a model that is not loaded yet would lose one of its attempts.
        until = time.monotonic() + _LOAD_SECONDS
        while self._place.house.shop.catalogue.unavailable() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)

    def work(self, room: Any) -> None:
        """Do the next thing that is due in a room."""
        if self._place is None or self._is_leaving or room not in self._place.runners:
            return
        self._heard_at = math.inf  # who works is not alone, however long it takes
        try:
            with suppress(LedgerUnavailable):  # it has been logged; the next ring comes
                self._place.runners[room].run_one()
        finally:
            self._heard_at = time.monotonic()

    def wake(self, name: str) -> None:
        """Have a duty carried out."""
        self._heard_at = self._woken_at = time.monotonic()
        if self._worker is not None:
            self._worker.wake(name)

    def close(self) -> None:
        """Stop and hand back what still runs."""
        with self._closing:
            worker, self._worker = self._worker, None
            if worker is not None and self._place is not None:
                worker.stop()
                self._place.house.close()

    def _duties(self, place: Workplace) -> list[Duty]:
        """Return what a process does by itself, what when it is rung, and what when it is not."""
        found = [
            duty if duty.whose is Whose.EVERYBODYS else duty._replace(seconds=None)
            for duty in duties(place)
            if duty.whose is not Whose.RUNG
        ]
        unheard = [
            Duty(f"unheard_{room}", _UNHEARD_SECONDS, partial(self._work_unheard, runner))
            for room, runner in place.runners.items()
        ]
        return [
            *found,
            *unheard,
            Duty("unheard_duties", _UNHEARD_SECONDS, self._wake_unheard),
            Duty(SWEEP, _UNHEARD_SECONDS, partial(_sweep, place)),
        ]

    def _work_unheard(self, runner: LeasedRunner[Any, Any], stop: threading.Event) -> None:
        """Do what is due although nobody rang, for as long as nobody does."""
        ran = True
        while ran and self._is_alone(self._heard_at) and not (stop.is_set() or self._is_leaving):
            ran = runner.run_one()

    def _wake_unheard(self, _stop: threading.Event) -> None:
        """Have carried out what comes again within a minute, if beat is not heard any more."""
        if self._worker is not None and self._is_alone(self._woken_at):
            for name, seconds in schedule().items():
                if seconds <= _SELDOM_SECONDS:
                    self._worker.wake(name)

    def _is_alone(self, heard_at: float) -> bool:
        return time.monotonic() - heard_at > _UNHEARD_SECONDS

    def _leave(self) -> None:
        self._leash.wait()
        self._is_leaving = True
        until = time.monotonic() + _FINISH_SECONDS
        while self._place is not None and self._place.is_busy() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        # For the main process, if it is there, to hear what was finished and to say goodbye.
        time.sleep(_PARTING_SECONDS)
        self.close()
        os._exit(0)


def _sweep(place: Workplace, _stop: threading.Event) -> int:
    """Ring again for what is due and was not heard of; return how many rows are due."""
    bell, due = place.house.bell, 0
    assert isinstance(bell, CeleryBell)  # noqa: S101 - this is a Celery worker
    for room, runner in place.runners.items():
        waiting = runner.due(MOST_WAITING)
        bell.raise_to(room, waiting)
        due += waiting
    return due


def rings() -> dict[str, float]:
    """Return what `augury beat` rings for, and how many seconds apart."""
    return {SWEEP: SWEEP_SECONDS, **schedule()}


def run(settings: Settings, concurrency: int | None, level: str) -> int:
    """Work until told to stop; return the exit code."""
    redis_places.mend()
    app = open_application(settings.broker_url.get_secret_value())
    leash = _Leash()
    child = _Child(settings, leash)
    _add_tasks(app, child)

    def stop(**_: Any) -> None:
        leash.let_go()
        last = threading.Timer(_ABANDON_SECONDS, os._exit, [0])
        last.daemon = True
        last.start()

    # Celery remembers whom to tell by weak references.
    told: list[tuple[Any, Callable[..., None]]] = [
        (signals.setup_logging, lambda **_: log.adopt(level)),
        (signals.worker_process_init, lambda **_: child.open()),
        (signals.worker_process_shutdown, lambda **_: child.close()),
        (signals.worker_shutting_down, stop),
    ]
    for event, hear in told:
        event.connect(hear, weak=False)
    worker = app.Worker(
        concurrency=concurrency,
        loglevel=level,
        quiet=True,
        hostname=f"augury-{os.getpid()}@%h",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _add_tasks(app: Celery, child: _Child) -> None:
    for room in ROOMS:
        app.task(_task(child.work, room), name=task_of(room))
    for name in rings():
        app.task(_task(child.wake, name), name=task_of(name))


def _task(do: Callable[[str], None], name: str) -> Callable[[], None]:
    def task() -> None:
        do(name)

    return task
