"""Days as texts and numbers, and the ends of their periods."""

from datetime import date, timedelta

import numpy as np
import pytest

from augury.market.days import day_of, iso, period_ends, read_day
from augury.market.series import Frequency
from support.market import day


@pytest.mark.parametrize(
    "text",
    ["2026-11-22", " 2026-11-22 ", "22.11.2026", "2026-11-22 00:00:00", "2026-11-22T00:00:00Z", "2026-11-22T16:00:00+03:00", "2026-11-22 00:00:00.000000"],
)  # fmt: skip
def test_a_day_is_read_as_people_and_programs_write_it(text: str) -> None:
    assert iso(day(text)) == "2026-11-22"


@pytest.mark.parametrize(
    "text", ["", "today", "2026-13-01", "2026-02-30", "11/22/2026", "20261122", "22.11.26", "1.2", "２０２６-11-22x"]
)  # fmt: skip
def test_what_names_no_day_for_certain_is_none(text: str) -> None:
    """Americans and Europeans read 11/12 differently, so nobody guesses."""
    assert read_day(text) is None


@pytest.mark.parametrize(
    ("frequency", "inside", "end"),
    [
        ("daily", "2024-02-10", "2024-02-10"),
        ("weekly", "2024-02-12", "2024-02-18"),
        ("weekly", "2024-02-18", "2024-02-18"),
        ("monthly", "2024-02-01", "2024-02-29"),
        ("monthly", "1969-12-31", "1969-12-31"),
        ("quarterly", "2024-01-01", "2024-03-31"),
        ("quarterly", "1959-12-01", "1959-12-31"),
        ("yearly", "2023-05-05", "2023-12-31"),
    ],
)
def test_a_period_ends_on_its_last_day(frequency: Frequency, inside: str, end: str) -> None:
    (found,) = period_ends(np.array([day(inside)], np.int32), frequency)
    assert iso(int(found)) == end


def test_the_end_of_a_month_is_that_of_the_calendar_for_two_centuries() -> None:
    days = np.arange(day("1900-01-01"), day("2100-01-01"), dtype=np.int32)
    found = period_ends(days, "monthly")
    for place in range(0, len(days), 97):
        inside = date.fromisoformat(iso(int(days[place])))
        following = (inside.replace(day=28) + timedelta(days=4)).replace(day=1)
        assert int(found[place]) == day_of(following) - 1
