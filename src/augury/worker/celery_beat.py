"""Celery's beat, with our bell in its hand: it never waits for the broker, and keeps no file."""

from datetime import UTC, datetime
from typing import Any

from celery import signals
from celery.apps.beat import Beat
from celery.beat import ScheduleEntry, Scheduler

from augury.broker.application import open_application, task_of
from augury.broker.bell import CeleryBell
from augury.kit import log
from augury.settings import Settings
from augury.worker.celery_worker import rings

_LONG_AGO = datetime.fromtimestamp(0, UTC)


class _Ringing(Scheduler):  # type: ignore[misc] # Celery has no types
    """Rings for what is due; rings that are not heard are not piled up."""

    producer = None  # the bell has its own

    def apply_async(self, entry: ScheduleEntry, **_: Any) -> None:
        """Ring for one entry, whose next time has been noted."""
        self.app.bell.ring(entry.name)


def run(settings: Settings, level: str) -> None:
    """Ring until told to stop."""
    url = settings.broker_url.get_secret_value()
    app = open_application(url)
    app.bell = CeleryBell(url)
    app.conf.beat_schedule = {
        # Whenever beat starts, everything is due: it cannot know when it was rung for last.
        name: {"task": task_of(name), "schedule": seconds, "last_run_at": _LONG_AGO}
        for name, seconds in rings().items()
    }
    signals.setup_logging.connect(lambda **_: log.adopt(level), weak=False)
    Beat(app=app, scheduler_cls=_Ringing, loglevel=level, quiet=True).run()
