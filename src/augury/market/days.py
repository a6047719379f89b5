"""Days as whole numbers since 1970, and the ends of the periods that they lie in."""

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np

from augury.market.series import Frequency
from augury.risk.series import Days

_EPOCH = date(1970, 1, 1)
# Prices are told with a time of day by some programs; what counts is the day.
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ][\d:.,]{0,18}(?:Z|[+-]\d{2}:?\d{2})?)?")
_POINTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
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
    text = text.strip()
    if form := _ISO.fullmatch(text):
        year, month, day = map(int, form.groups())
    elif form := _POINTS.fullmatch(text):
        day, month, year = map(int, form.groups())
    else:
        return None
    try:
        return day_of(date(year, month, day))
    except ValueError:
        return None


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
