"""A customer's own price history: from dates and closes to a series, with every fault named."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec
import numpy as np

from augury.inference.documents.members import Member, day, list_of, number, object_of
from augury.kit.errors import Fault
from augury.risk.series import Days, Floats, Series

FEWEST_POINTS: Final = 60
MOST_POINTS: Final = 10_000
LEAST_PRICE: Final = 1e-12
LARGEST_PRICE: Final = 1e12
_EPOCH = date(1970, 1, 1).toordinal()
_MOST_FAULTS = 20
# A close this many times the one before, or that part of it, is a mistake and not a market.
_ABSURD = 10.0
# The deviation of a day, beyond which a history is noise: no market has moved by half each day.
_WILD = 0.5


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One close of the history that a customer sends."""

    date: date
    close: float


_point = {
    "date": Member({"type": "string", "format": "date"}, day, required=True),
    "close": Member({"type": "number"}, number(LEAST_PRICE, LARGEST_PRICE), required=True),
}

PRICES: Final = Member(
    {
        "type": ["array", "null"],
        "minItems": FEWEST_POINTS,
        "maxItems": MOST_POINTS,
        "items": {
            "type": "object",
            "properties": {
                "date": {"type": "string", "format": "date"},
                "close": {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_PRICE},
            },
            "required": ["date", "close"],
            "additionalProperties": False,
        },
    },
    list_of(FEWEST_POINTS, MOST_POINTS, object_of(_point), "fault.points"),
)


def series_of(points: Sequence[Point], today: int) -> Series | list[Fault]:
    """Return the series of a history, or its faults with pointers that begin at the document.

    Dates must rise and have come; a close must be above 0, and not absurd beside the one before.
    """
    days = np.array([point.date.toordinal() - _EPOCH for point in points], np.int32)
    closes = np.array([point.close for point in points], np.float64)
    faults = _faults_of_days(days, today) + _faults_of_closes(closes)
    if faults:
        return faults[:_MOST_FAULTS]
    return Series(days, closes)


def _faults_of_days(days: Days, today: int) -> list[Fault]:
    steps = np.diff(days)
    found = [
        _fault(place + 1, "date", "fault.date_twice" if steps[place] == 0 else "fault.date_order")
        for place in np.flatnonzero(steps <= 0)[:_MOST_FAULTS]
    ]
    # A day of grace: the sun is further on in the east.
    return found + [
        _fault(place, "date", "fault.date_future")
        for place in np.flatnonzero(days > today + 1)[:_MOST_FAULTS]
    ]


def _faults_of_closes(closes: Floats) -> list[Fault]:
    bad = ~((closes >= LEAST_PRICE) & (closes <= LARGEST_PRICE))
    if bad.any():
        return [_fault(p, "close", "fault.close") for p in np.flatnonzero(bad)[:_MOST_FAULTS]]
    if closes.min() == closes.max():
        return [Fault("/prices", "fault.closes_constant", {})]
    moves = np.diff(np.log(closes))
    jumps = np.flatnonzero(np.abs(moves) > np.log(_ABSURD))[:_MOST_FAULTS]
    if not len(jumps) and moves.std() > _WILD:
        return [Fault("/prices", "fault.closes_wild", {"most": f"{_WILD:.0%}"})]
    return [_fault(place + 1, "close", "fault.close_jump", times=f"{_ABSURD:g}") for place in jumps]


def _fault(place: int, member: str, key: str, **values: object) -> Fault:
    return Fault(f"/prices/{int(place)}/{member}", key, values)


def day_number(told: date) -> int:
    """Return a date as days since 1970-01-01."""
    return told.toordinal() - _EPOCH


def day_told(day_: int) -> str:
    """Return days since 1970-01-01 as `YYYY-MM-DD`."""
    return date.fromordinal(int(day_) + _EPOCH).isoformat()
