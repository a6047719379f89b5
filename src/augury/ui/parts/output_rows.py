"""Rows of a prediction, a screenful at a time."""

from collections.abc import Sequence
from typing import Final, TypeVar

import streamlit as st

from augury.ui.reader import Reader

T = TypeVar("T")
_ROWS: Final = 25


def choose_rows(rows: Sequence[T], name: str, reader: Reader) -> list[tuple[int, T]]:
    """Return the rows of the screenful that is wanted, numbered from 1, and show the way on."""
    key = f"rows/{name}"
    last = max(0, (len(rows) - 1) // _ROWS)
    at = min(int(st.session_state.get(key, 0)), last)
    first = at * _ROWS
    shown = list(enumerate(rows[first : first + _ROWS], start=first + 1))
    if last == 0:
        return shown
    with st.container(horizontal=True, vertical_alignment="center"):
        told = reader.text(
            "rows.shown",
            first=reader.number(first + 1),
            last=reader.number(first + len(shown)),
            rows=reader.number(len(rows)),
        )
        st.markdown(told, width="content")
        st.button(
            reader.text("rows.before"),
            icon=":material/arrow_back:",
            key=f"{key}/before",
            disabled=at == 0,
            on_click=_turn,
            args=(key, at - 1),
        )
        st.button(
            reader.text("rows.next"),
            icon=":material/arrow_forward:",
            icon_position="right",
            key=f"{key}/next",
            disabled=at == last,
            on_click=_turn,
            args=(key, at + 1),
        )
    return shown


def _turn(key: str, page: int) -> None:
    st.session_state[key] = page
