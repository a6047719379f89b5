"""Filling in a form at once: with the model's example, or with a row of the visitor's own."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from msgspec.structs import replace

from augury.ui.parts.fields import Field

Row = Mapping[str, Any]


def fill(place: str, row: Row | None) -> None:
    """Let the form at `place` hold a row from now on; None is the example of its model."""
    number, _ = _filled(place)
    st.session_state[_key(place)] = (number + 1, None if row is None else dict(row))


def filled(place: str, fields: Sequence[Field]) -> tuple[tuple[Field, ...], str]:
    """Return the fields with what they hold at first, and the prefix of their widgets' keys."""
    number, row = _filled(place)
    if row is not None:
        fields = [replace(field, example=row.get(field.name)) for field in fields]
    # Widgets of their own for each filling: what a widget holds cannot be changed once it is drawn.
    return tuple(fields), f"{place}/{number}" if number else place


def _filled(place: str) -> tuple[int, Row | None]:
    found: tuple[int, Row | None] = st.session_state.get(_key(place), (0, None))
    return found


def _key(place: str) -> str:
    return f"filling/{place}"
