"""What if: one or two inputs are moved, and everything else stays as it is in the base row."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

from msgspec import Struct

Row = Mapping[str, Any]
Value = Any

MOST_STEPS: Final = 41
MOST_STEPS_OF_TWO: Final = 15
LEAST_STEPS: Final = 2
_DIGITS: Final = 10


class Axis(Struct, frozen=True):
    """An input that is moved, and the values that it takes, in their order."""

    name: str
    values: tuple[Value, ...]


class Experiment(Struct, frozen=True):
    """Rows that were predicted together: the base comes first, and the axes tell the rest.

    `cells` has for each row of the grid where it stands among the rows, by its values. The base
    is one of the cells, or stands apart where it is out of range.
    """

    axes: tuple[Axis, ...]
    base: Row
    cells: Mapping[tuple[Value, ...], int]


def spread(low: float, high: float, steps: int, base: float | None, *, whole: bool) -> list[Value]:
    """Return evenly spread values from low to high; the nearest one is moved onto the base.

    Whole numbers come without repetition, so that there may be fewer.
    """
    low, high = min(low, high), max(low, high)
    gap = (high - low) / max(1, steps - 1)
    values = [round(low + place * gap, _DIGITS) for place in range(steps)]
    if base is not None and low <= base <= high:
        nearest = min(range(steps), key=lambda place: abs(values[place] - base))
        values[nearest] = base
    if whole:
        values = [round(value) for value in values]
    return sorted(set(values))


def rows_of(base: Row, axes: Sequence[Axis]) -> list[dict[str, Value]]:
    """Return the rows to predict: the base, then every other place of the grid."""
    first = dict(base)
    names = [axis.name for axis in axes]
    grid = (
        first | dict(zip(names, values, strict=True))
        for values in product(*(axis.values for axis in axes))
    )
    return [first, *(row for row in grid if not _same(row, first, names))]


def experiment_of(rows: Sequence[Row]) -> Experiment | None:
    """Return what rows were made for by `rows_of`, or None if they were not."""
    if len(rows) < LEAST_STEPS or any(row.keys() != rows[0].keys() for row in rows):
        return None
    base = rows[0]
    moved = [name for name in base if any(row[name] != base[name] for row in rows)]
    if len(moved) not in {1, 2} or any(_is_complex(row[name]) for row in rows for name in moved):
        return None
    for start in (0, 1):
        axes = tuple(Axis(name, _values(rows[start:], name)) for name in moved)
        places = {tuple(row[name] for name in moved): at for at, row in enumerate(rows)}
        grid = set(product(*(axis.values for axis in axes)))
        if len(places) == len(rows) and len(grid) == len(rows) - start and grid <= places.keys():
            return Experiment(axes, base, {values: places[values] for values in places})
    return None


def _values(rows: Sequence[Row], name: str) -> tuple[Value, ...]:
    found = dict.fromkeys(row[name] for row in rows)
    if all(isinstance(value, (int, float)) for value in found):
        return tuple(sorted(found))
    return tuple(found)


def _same(row: Row, other: Row, names: Sequence[str]) -> bool:
    return all(row[name] == other.get(name) for name in names)


def _is_complex(value: object) -> bool:
    return isinstance(value, (list, dict))
