"""Moving one or two inputs: which rows that makes, and how they are known again."""

from typing import Any

import pytest

from augury.ui.parts.gauges import bands_of, probability_of
from augury.ui.parts.moves import Axis, experiment_of, rows_of, spread
from augury.ui.parts.reasons import contributions

BASE: dict[str, Any] = {"age": 30, "income": 50000.0, "home": "RENT"}


def test_the_nearest_place_is_moved_onto_the_base() -> None:
    assert spread(0, 100, 5, 30, whole=False) == [0, 30, 50, 75, 100]
    assert spread(0, 100, 5, 300, whole=False) == [0, 25, 50, 75, 100]


def test_whole_numbers_come_once() -> None:
    assert spread(18, 20, 41, None, whole=True) == [18, 19, 20]
    assert all(isinstance(one, int) for one in spread(18, 60, 7, 30, whole=True))


def test_a_range_may_be_given_from_its_end() -> None:
    assert spread(10, 0, 3, None, whole=False) == [0, 5, 10]


@pytest.mark.parametrize(
    ("axes", "count"),
    [
        ([Axis("age", (20, 30, 40))], 3),
        ([Axis("age", (20, 40))], 3),
        ([Axis("home", ("RENT", "OWN"))], 2),
        ([Axis("age", (20, 30)), Axis("home", ("RENT", "OWN"))], 4),
        ([Axis("age", (20, 40)), Axis("income", (1.0, 2.0))], 5),
    ],
)
def test_rows_tell_what_was_moved_and_where_the_base_is(axes: list[Axis], count: int) -> None:
    """The base comes first, costs a row of its own only when it is out of range."""
    rows = rows_of(BASE, axes)
    assert (len(rows), rows[0]) == (count, BASE)
    found = experiment_of(rows)
    assert found is not None
    assert found.base == BASE
    assert [(axis.name, set(axis.values)) for axis in found.axes] == [
        (axis.name, {*axis.values} | ({BASE[axis.name]} if len(axes) == 1 else set()))
        for axis in axes
    ]
    for values, place in found.cells.items():
        assert tuple(rows[place][axis.name] for axis in found.axes) == values


@pytest.mark.parametrize(
    "rows",
    [
        [BASE],
        [BASE, BASE],
        [BASE, {**BASE, "age": 1, "income": 2.0, "home": "OWN"}],
        [BASE, {"age": 31}],
        [BASE, {**BASE, "age": 31, "income": 1.0}, {**BASE, "age": 32, "income": 3.0}, BASE],
    ],
)
def test_other_rows_are_no_experiment(rows: list[dict[str, Any]]) -> None:
    assert experiment_of(rows) is None


def test_bands_decide_as_the_schema_says() -> None:
    bands = bands_of({"x-decision": {"approve_below": 0.15, "decline_from": 0.4}})
    assert bands is not None
    told = [bands.decision(one) for one in (0.0, 0.1499, 0.15, 0.3999, 0.4, 1.0)]
    assert told == ["approve", "approve", "review", "review", "decline", "decline"]
    assert bands_of({}) is None
    assert bands_of({"x-decision": {"approve_below": 0.15}}) is None


def test_the_first_share_is_the_probability() -> None:
    share = {"type": "number", "minimum": 0, "maximum": 1}
    schema = {"properties": {"decision": {"type": "string"}, "risk": share, "good": share}}
    assert probability_of(schema) == "risk"
    assert probability_of({}) is None


def test_bars_show_every_field_that_was_felt_the_strongest_first() -> None:
    told = {"age": 0.2, "income": -1.5, "home": 0.001}
    reasons = [{"feature": "age", "contribution": 0.2}]
    explained = {"reasons": reasons, "explanation": {"contributions": told}}
    assert contributions(explained) == {"income": -1.5, "age": 0.2}
    assert contributions({"reasons": reasons}) == {"age": 0.2}
