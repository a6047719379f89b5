"""Time: whole microseconds since 1970 in UTC, so that both databases store and compare it alike."""

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1_000_000


def now() -> int:
    """Return the present moment in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def rfc3339(moment: int) -> str:
    """Return a moment as RFC 3339 text in UTC, to the microsecond."""
    whole, micros = divmod(moment, SECOND)
    return f"{_second(whole)}.{micros:06d}Z"


@lru_cache(maxsize=1024)  # most moments that are shown lie in the same few seconds
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"
