"""Days as whole numbers since 1970, and the ends of the periods that they lie in."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from augury.kit.dates import read_date
from augury.market.series import Frequency
from augury.risk.series import Days

_EPOCH = date(1970, 1, 1)
_THURSDAY = 3  # what 1970-01-01 was, counted from Monday
_SUNDAY = 6
_DAYS_IN_WEEK = 7


def day_of(moment: date) -> int:
    """Return a date as days since 1970."""
    return (moment - _EPOCH).days


def iso(day: int) -> str:
    """Return a day as `YYYY-MM-DD`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def today() -> int:
    """Return the present day, UTC."""
    return day_of(datetime.now(UTC).date())


def read_day(text: str) -> int | None:
    """Return the day that a text names, `2026-11-22` or `22.11.2026`; None if it names none."""
    found = read_date(text)
    return None if found is None else day_of(found)


def period_ends(days: Days, frequency: Frequency) -> Days:
    """Return for each day [n] the last day of the week, month, quarter or year it lies in, [n]."""
    if frequency == "daily":
        return days
    if frequency == "weekly":
        weekday = (days + _THURSDAY) % _DAYS_IN_WEEK
        return (days + _SUNDAY - weekday).astype(np.int32)
    months_in_period = {"monthly": 1, "quarterly": 3, "yearly": 12}[frequency]
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    following = (months // months_in_period + 1) * months_in_period
    ends = following.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32) - 1
    return ends.astype(np.int32)
