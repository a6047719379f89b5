"""The choice of how far back an administrator looks."""

from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal

import streamlit as st
from msgspec import Struct

from augury.ui.reader import Reader


class Period(Struct, frozen=True):
    """A time until now, and in which steps a chart of it is drawn."""

    name: str
    length: timedelta
    step: Literal["hour", "day"]

    def since(self) -> datetime:
        """Return when it begins."""
        return datetime.now(UTC) - self.length

    def first_day(self) -> datetime:
        """Return the midnight (UTC) since when its days are; it stays while pages are turned."""
        return datetime.combine(self.since().date(), time.min, UTC)


PERIODS: Final = {
    one.name: one
    for one in (
        Period("day", timedelta(days=1), "hour"),
        Period("week", timedelta(days=7), "hour"),
        Period("month", timedelta(days=30), "day"),
        Period("year", timedelta(days=365), "day"),
    )
}


def choose_period(reader: Reader, *, key: str, usual: str) -> Period:
    """Let the visitor choose a period, and return it."""
    chosen = st.segmented_control(
        reader.text("look_back.label"),
        list(PERIODS),
        default=usual,
        required=True,
        format_func=lambda name: reader.text(f"look_back.{name}"),
        key=key,
    )
    return PERIODS[chosen or usual]
