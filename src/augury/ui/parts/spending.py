"""What was bought on which day, put together for the dashboard."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from msgspec import Struct

from augury.client import UsageItem
from augury.ui.visit import Visit

SHOWN_DAYS: Final = 30


class Spending(Struct, frozen=True):
    """Credits of this month and of the last one until the same day, and predictions by day."""

    this_month: int
    last_month_so_far: int
    predictions: Mapping[date, int]


def read_spending(visit: Visit, today: date | None = None) -> Spending:
    """Return what the visitor has bought lately, as of `today`; days are those of UTC."""
    last = today or datetime.now(UTC).date()
    since = min(first_of_last_month(last), _first_shown(last))
    found = visit.ask(lambda api: api.money.usage(group_by="day", since=midnight(since)))
    return spending(found.items, last)


def spending(items: Sequence[UsageItem], today: date) -> Spending:
    """Return the sums of days that the API has told, as of `today`."""
    days = {item.day: item for item in items if item.day is not None}
    begun, begun_before = today.replace(day=1), first_of_last_month(today)
    shown = (_first_shown(today) + timedelta(days=n) for n in range(SHOWN_DAYS))
    return Spending(
        this_month=sum(item.credits for day, item in days.items() if begun <= day <= today),
        last_month_so_far=sum(
            item.credits
            for day, item in days.items()
            if begun_before <= day < begun and day.day <= today.day
        ),
        predictions={day: days[day].predictions if day in days else 0 for day in shown},
    )


def first_of_last_month(day: date) -> date:
    """Return the first day of the month before that of `day`."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def midnight(day: date) -> datetime:
    """Return when a day of UTC begins."""
    return datetime.combine(day, time(), UTC)


def midnight_after(day: date) -> datetime:
    """Return when a day of UTC is over; the last day that a calendar has is over as it begins."""
    return midnight(day + timedelta(days=1) if day < date.max else day)


def _first_shown(today: date) -> date:
    return today - timedelta(days=SHOWN_DAYS - 1)
