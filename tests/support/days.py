"""Days that end while a test goes on."""

import time

_DAY_SECONDS = 24 * 3600
_ENOUGH_SECONDS = 120


def await_whole_day() -> None:
    """Return when the day (UTC) goes on for a while, so that what a test does is done in one day.

    It waits only just before midnight, which is where months end, too.
    """
    left = _DAY_SECONDS - time.time() % _DAY_SECONDS
    if left < _ENOUGH_SECONDS:
        time.sleep(left + 1)
