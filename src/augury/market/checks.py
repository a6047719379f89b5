"""What can be wrong with a series. Pure: days and values in; what is kept, faults and notes out.

A fault keeps a series out; a note says what was repaired, or what somebody should look at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.kit.errors import Fault
from augury.market.days import iso, period_ends
from augury.market.series import MOST_POINTS, Frequency, Kind
from augury.risk.series import Days, Floats

FEW_POINTS = 60
# Of one kind so many are told one by one.
MOST_TOLD = 10
# Holidays of exchanges are shorter, nearly always.
_LONGEST_PAUSE_DAYS = {"daily": 10, "weekly": 20, "monthly": 62, "quarterly": 190, "yearly": 740}
# Days between two prices, in the median: more than a long weekend is no daily series.
_MOST_STEP_DAYS = 4
_FLAT_POINTS = 10
_SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100, 1000)
# How far from a whole ratio, in logarithms: a share also moves on the day of its split.
_NEAR_SPLIT = 0.05
_JUMP = np.log(2)

Where = Callable[[int], str]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Checked:
    """A series as it would be kept: days rise strictly, int32 [n], values float64 [n]."""

    days: Days
    values: Floats
    faults: list[Fault]
    notes: list[Fault]


def finding(pointer: str, key: str, **values: object) -> Fault:
    """Return a finding: where, which text tells it, and what the text needs."""
    return Fault(pointer, key, values)


def examine(
    days: Days,
    values: Floats,
    *,
    today: int,
    kind: Kind = "price",
    frequency: Frequency = "daily",
    where: Where = "/prices/{}".format,
) -> Checked:
    """Return what is kept of days int32 [n] in any order and values float64 [n], and the findings.

    `today` is the last day that is not in the future; `where` turns a place in the arrays as they
    came into a JSON pointer. With faults, the arrays are only what could be sorted out.
    """
    if not len(days) or len(days) > MOST_POINTS:
        wrong = finding(where(0), "fault.market_points", most=MOST_POINTS, got=len(days))
        return Checked(days, values, [wrong], [])
    faults = [
        *_told("fault.market_number", np.flatnonzero(~np.isfinite(values)), days, values, where),
        *_told("fault.market_future", np.flatnonzero(days > today), days, values, where),
    ]
    if kind == "price":
        low = np.flatnonzero(values <= 0)
        faults += _told("fault.market_not_positive", low, days, values, where)
    ends = period_ends(days, frequency)
    kept, ordered, notes = _ordered(ends, values, where)
    faults += ordered
    found, amounts = ends[kept], values[kept]
    if faults:
        return Checked(found, amounts, faults, notes)
    first, last = (where(int(place)) for place in kept[[0, -1]])
    if kind == "price":
        faults = _price_faults(found, amounts, first)
        notes += _jumps(found, amounts, kept, where)
        notes += _flat(found, amounts, kept, where)
    notes += _gaps(found, kept, _LONGEST_PAUSE_DAYS[frequency], where)
    if len(found) < FEW_POINTS:
        notes.append(finding(last, "note.market_few", least=FEW_POINTS, got=len(found)))
    return Checked(found, amounts, faults, notes)


def _told(key: str, places: Places, days: Days, values: Floats, where: Where) -> list[Fault]:
    """Return a finding for each of the first places, and one that counts the others."""
    found = [
        finding(where(int(at)), key, day=iso(int(days[at])), got=f"{values[at]:.10g}")
        for at in places[:MOST_TOLD]
    ]
    if len(places) > MOST_TOLD:
        following = where(int(places[MOST_TOLD]))
        found.append(finding(following, "fault.market_more", more=len(places) - MOST_TOLD))
    return found


def _ordered(days: Days, values: Floats, where: Where) -> tuple[Places, list[Fault], list[Fault]]:
    """Return the places of what is kept, in the order of days; faults; notes."""
    notes = []
    steps = np.diff(days)
    backwards = np.flatnonzero(steps < 0)
    if len(backwards):
        # Newest first is how many sites give their files, so it is no fault.
        at = int(backwards[0]) + 1
        notes.append(finding(where(at), "note.market_order", day=iso(int(days[at]))))
    order = np.argsort(days, kind="stable")
    again = np.flatnonzero(np.diff(days[order]) == 0) + 1
    if not len(again):
        return order, [], notes
    differs = values[order][again] != values[order][again - 1]
    faults = _told("fault.market_twice", order[again[differs]], days, values, where)
    alike = order[again[~differs]]
    if len(alike):
        at = int(alike[0])
        told = finding(where(at), "note.market_twice", day=iso(int(days[at])), points=len(alike))
        notes.append(told)
    return np.delete(order, again), faults, notes


def _price_faults(days: Days, closes: Floats, where: str) -> list[Fault]:
    faults = []
    if len(closes) > 1 and (closes == closes[0]).all():
        faults.append(finding(where, "fault.market_constant", got=f"{closes[0]:.10g}"))
    if len(days) > 1 and (step := float(np.median(np.diff(days)))) > _MOST_STEP_DAYS:
        faults.append(finding(where, "fault.market_not_daily", days=f"{step:g}"))
    return faults


def _jumps(days: Days, closes: Floats, kept: Places, where: Where) -> Iterator[Fault]:
    """Yield what looks like a split that was not adjusted, and other jumps beyond all measure."""
    moves = np.abs(np.diff(np.log(closes)))
    large = np.flatnonzero(moves > _JUMP - _NEAR_SPLIT)
    distances = np.abs(moves[large][:, None] - np.log(_SPLITS)[None, :])
    nearest = distances.argmin(axis=1)
    is_split = distances.min(axis=1) < _NEAR_SPLIT
    odd = np.flatnonzero(is_split | (moves[large] > _JUMP))[:MOST_TOLD]
    for which in odd:
        after = int(large[which]) + 1
        told = {
            "day": iso(int(days[after])),
            "before": f"{closes[after - 1]:.10g}",
            "after": f"{closes[after]:.10g}",
        }
        pointer = where(int(kept[after]))
        if is_split[which]:
            ratio = _SPLITS[nearest[which]]
            yield finding(pointer, "note.market_split", ratio=ratio, **told)
        else:
            yield finding(pointer, "note.market_jump", **told)


def _flat(days: Days, closes: Floats, kept: Places, where: Where) -> Iterator[Fault]:
    """Yield the longest time for which a price stood still, if that is long."""
    changes = np.flatnonzero(np.diff(closes) != 0) + 1
    bounds = np.concatenate([[0], changes, [len(closes)]])
    lengths = np.diff(bounds)
    longest = int(lengths.argmax())
    if (points := int(lengths[longest])) >= _FLAT_POINTS:
        at = int(bounds[longest])
        day = iso(int(days[at]))
        yield finding(where(int(kept[at])), "note.market_flat", day=day, points=points)


def _gaps(days: Days, kept: Places, most_days: int, where: Where) -> Iterator[Fault]:
    """Yield the longest gaps, in the order of days."""
    steps = np.diff(days)
    wide = np.flatnonzero(steps > most_days)
    widest = np.sort(wide[np.argsort(-steps[wide], kind="stable")][:MOST_TOLD])
    for at in widest:
        yield finding(
            where(int(kept[at + 1])),
            "note.market_gap",
            day=iso(int(days[at])),
            until=iso(int(days[at + 1])),
            days=int(steps[at]),
        )
    if len(wide) > MOST_TOLD:
        last = where(int(kept[wide[-1] + 1]))
        yield finding(last, "note.market_more", more=len(wide) - MOST_TOLD)
