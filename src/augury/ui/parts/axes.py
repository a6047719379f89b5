"""Which inputs are moved, and over which values: the widgets, and what came of them."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any, Final

import streamlit as st

from augury.ui.parts.elements import plain
from augury.ui.parts.fields import Field
from augury.ui.parts.moves import LEAST_STEPS, MOST_STEPS, MOST_STEPS_OF_TWO, Axis, spread
from augury.ui.reader import Reader

_KEPT: Final = "session"
_USUAL_STEPS: Final = 21
_USUAL_STEPS_OF_TWO: Final = 7
_HUNDRED: Final = 100.0


def choose_axes(
    fields: Sequence[Field], base: Mapping[str, Any], reader: Reader, place: str
) -> list[Axis]:
    """Return the one or two inputs to move with their values; fewer while a choice is open."""
    movable = {field.name: field for field in fields if field.kind != "text"}
    titles = {name: field.title for name, field in movable.items()}
    left, right = st.columns(2)
    with left:
        first = st.selectbox(
            reader.text("what_if.first"),
            list(movable),
            format_func=lambda name: titles.get(name, name),
            filter_mode=None,
            key=f"{place}/first",
            persist_state=_KEPT,
        )
    with right:
        second = st.selectbox(
            reader.text("what_if.second"),
            [name for name in movable if name != first],
            index=None,
            format_func=lambda name: titles.get(name, name),
            placeholder=reader.text("what_if.none"),
            filter_mode=None,
            key=f"{place}/second",
            persist_state=_KEPT,
        )
    chosen = [name for name in (first, second) if name is not None]
    most = MOST_STEPS if len(chosen) == 1 else MOST_STEPS_OF_TWO
    axes = [
        Axis(name, tuple(_values(movable[name], base.get(name), most, reader, f"{place}/{name}")))
        for name in chosen
    ]
    return [axis for axis in axes if axis.values]


def _values(field: Field, base: Any, most: int, reader: Reader, key: str) -> Sequence[Any]:
    if field.kind == "flag":
        return [False, True]
    if field.kind == "choice":
        return _choices(field, most, reader, key)
    return _numbers(field, base, most, reader, f"{key}/{most}")


def _choices(field: Field, most: int, reader: Reader, key: str) -> Sequence[Any]:
    titles = {choice.value: choice.title for choice in field.choices}
    chosen = st.pills(
        plain(field.title),
        list(titles),
        selection_mode="multi",
        default=list(titles)[:most],
        format_func=lambda value: plain(titles.get(value, str(value))),
        key=key,
        persist_state=_KEPT,
    )
    return _checked(chosen, most, field, reader)


def _numbers(field: Field, base: Any, most: int, reader: Reader, key: str) -> Sequence[Any]:
    whole = field.kind == "integer"
    low, high = _range(field, base)
    unit = f", {field.unit}" if field.unit else ""
    columns = st.columns(3)
    ends = []
    for column, name, usual in zip(columns, ("from", "to"), (low, high), strict=False):
        with column:
            label = plain(f"{field.title}, {reader.text(f'what_if.{name}')}{unit}")
            ends.append(_number(label, usual, field, f"{key}/{name}"))
    with columns[2]:
        steps = st.number_input(
            plain(reader.text("what_if.steps", most=most)),
            value=_USUAL_STEPS if most == MOST_STEPS else _USUAL_STEPS_OF_TWO,
            step=1,
            key=f"{key}/steps",
            persist_state=_KEPT,
        )
    if None in ends or not LEAST_STEPS <= steps <= most:
        st.error(reader.text("what_if.bad_range", title=plain(field.title), most=most))
        return ()
    known = float(base) if isinstance(base, (int, float)) else None
    values = spread(float(ends[0]), float(ends[1]), steps, known, whole=whole)
    return _checked(values, most, field, reader)


def _checked(values: Sequence[Any], most: int, field: Field, reader: Reader) -> Sequence[Any]:
    if not LEAST_STEPS <= len(values) <= most:
        st.error(reader.text("what_if.bad_range", title=plain(field.title), most=most))
        return ()
    return values


def _number(label: str, usual: float, field: Field, key: str) -> Any:
    whole = field.kind == "integer"
    return st.number_input(
        label,
        value=int(usual) if whole else float(usual),
        step=1 if whole else float(field.step or 0.01),
        format="%d" if whole else "%.15g",
        key=key,
        persist_state=_KEPT,
    )


def _range(field: Field, base: Any) -> tuple[float, float]:
    """Return from where to where an input is moved at first: half to double, within its limits."""
    known = base if isinstance(base, (int, float)) and base else field.example
    middle = float(known) if isinstance(known, (int, float)) and known else _HUNDRED
    low, high = sorted((middle / 2, middle * 2))
    low = max(low, field.minimum) if field.minimum is not None else low
    high = min(high, field.maximum) if field.maximum is not None else high
    if field.kind == "integer":
        return float(floor(low)), float(ceil(high))
    return low, high
