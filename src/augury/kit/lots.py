"""Doing something long in lots, each a transaction of its own, so that others come in between."""

import threading
from collections.abc import Callable

# On SQLite nobody else writes during a lot.
_PAUSE_SECONDS = 0.02


def by_lots(lot: Callable[[], int | None], stop: threading.Event) -> int:
    """Call until it returns None because nothing is left, or `stop` is set; return the sum."""
    done = 0
    while not stop.is_set():
        some = lot()
        if some is None:
            break
        done += some
        stop.wait(_PAUSE_SECONDS)
    return done
