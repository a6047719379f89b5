"""Dates as people and programs write them in files."""

import re
from datetime import date

# Prices are told with a time of day by some programs; what counts is the day.
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ][\d:.,]{0,18}(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_POINTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)


def read_date(text: str) -> date | None:
    """Return the date that a text names, `2026-11-22` or `22.11.2026`; None if it names none."""
    text = text.strip()
    if form := _ISO.fullmatch(text):
        year, month, day = map(int, form.groups())
    elif form := _POINTS.fullmatch(text):
        day, month, year = map(int, form.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
