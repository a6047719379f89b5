"""A Celery worker: each ring has one of its processes do the next thing that is due.

A process has a house of its own, made after the fork. A ring for a room is a task that works on one
row, in turn of the customers, whatever row it was rung for. A ring for a duty wakes the thread that
carries that duty out, and so is over at once: what waits for other people's servers must not keep
predictions waiting.

The processes hold one end of a pipe. When the main process stops, or dies, the other end closes:
they have some seconds to finish what runs, hand the rest back and end.
"""

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
from augury.broker.application import ROOMS, open_application, task_of
from augury.broker.bell import MOST_WAITING, CeleryBell
from augury.kit import log
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
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

    def open(self) -> None:
        """Build the house, as soon as the database lets it."""
        # Whoever ends a whole group of processes means the main one; it lets go in order.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._leash.hold()
        threading.Thread(target=self._leave, name="leash", daemon=True).start()
        while True:
            try:
                self._place = Workplace(bootstrap.build(self._settings))
                break
            except Exception:  # noqa: BLE001 -- the main process ends a child that is not up in time
                logger("worker").exception("not_ready")
                time.sleep(_AGAIN_SECONDS)
        self._worker = Worker(_duties(self._place), self._place.give_back)
        self._worker.start()
        # A job for a model that is not loaded yet would lose one of its attempts.
        until = time.monotonic() + _LOAD_SECONDS
        while self._place.house.shop.catalogue.unavailable() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)

    def work(self, room: Any) -> None:
        """Do the next thing that is due in a room."""
        if self._place is not None and not self._is_leaving and room in self._place.runners:
            with suppress(LedgerUnavailable):  # it has been logged; the next ring comes
                self._place.runners[room].run_one()

    def wake(self, name: str) -> None:
        """Have a duty carried out."""
        if self._worker is not None:
            self._worker.wake(name)

    def close(self) -> None:
        """Stop and hand back what still runs."""
        with self._closing:
            worker, self._worker = self._worker, None
            if worker is not None and self._place is not None:
                worker.stop()
                self._place.house.close()

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


def _duties(place: Workplace) -> list[Duty]:
    """Return what a process does by itself, and what it does when it is rung."""
    found = [
        duty if duty.whose is Whose.EVERYBODYS else duty._replace(seconds=None)
        for duty in duties(place)
        if duty.whose is not Whose.RUNG
    ]
    return [*found, Duty(SWEEP, None, partial(_sweep, place))]


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
