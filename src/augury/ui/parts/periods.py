"""A choice of days: the usual periods, or two days of one's own."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import streamlit as st
from msgspec import Struct

from augury.ui.parts.spending import first_of_last_month
from augury.ui.reader import Reader

_DAYS: Final = 30
_EARLIEST: Final = date(2000, 1, 1)
_USUAL: Final = ("days_30", "this_month", "last_month", "own")
# What was chosen outlives a switch of pages.
_KEPT: Final = "session"


class Period(Struct, frozen=True):
    """Days of UTC, from the first to the last, both included."""

    first: date
    last: date

    def days(self) -> list[date]:
        """Return every day of the period, the oldest first."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def choose_period(reader: Reader, name: str) -> Period:
    """Return the period that is chosen for the page `name`; own days may be in a wrong order."""
    today = datetime.now(UTC).date()
    chosen = st.segmented_control(
        reader.text("usage.period"),
        _USUAL,
        default=_USUAL[0],
        required=True,
        format_func=lambda one: reader.text(f"usage.period.{one}"),
        key=f"{name}/period",
        persist_state=_KEPT,
    )
    if chosen == "own":
        return _choose_days(reader, name, period_of(_USUAL[0], today))
    return period_of(chosen or _USUAL[0], today)


def period_of(name: str, today: date) -> Period:
    """Return a usual period as of `today`."""
    if name == "this_month":
        return Period(today.replace(day=1), today)
    if name == "last_month":
        return Period(first_of_last_month(today), today.replace(day=1) - timedelta(days=1))
    return Period(today - timedelta(days=_DAYS - 1), today)


def _choose_days(reader: Reader, name: str, usual: Period) -> Period:
    # Two fields and not Streamlit's range: that one speaks English about what is missing.
    ends = []
    bounds = (("first", usual.first), ("last", usual.last))
    for column, (end, day) in zip(st.columns(2), bounds, strict=True):
        with column:
            chosen = st.date_input(
                reader.text(f"usage.{end}"),
                value=day,
                min_value=_EARLIEST,
                max_value=None,
                format="DD.MM.YYYY" if reader.language == "ru" else "YYYY-MM-DD",
                key=f"{name}/{end}",
                persist_state=_KEPT,
            )
        ends.append(chosen if isinstance(chosen, date) else day)
    return Period(*ends)
