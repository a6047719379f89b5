"""What stands in the address of a page, so that it shows the same again when it is loaded anew.

A click carries the address that the browser knows. The second of two clicks may have been made
before the browser heard where the first one led; it would lead back to where nothing is shown of
what was bought.
"""

import time
from collections.abc import Mapping
from typing import Final

import streamlit as st
from msgspec import Struct

# Longer than a browser needs to hear of it, shorter than somebody needs to read and go back.
_LATE_CLICK_SECONDS: Final = 3.0
_PAGE: Final = "address/page"
_MOVE: Final = "address/move"

Address = Mapping[str, str]


class _Move(Struct, frozen=True):
    page: str
    before: Address
    after: Address
    at: float


def begin(page: str) -> None:
    """Say on which page a run is; what a late click took from its address is put back."""
    st.session_state[_PAGE] = page
    move: _Move | None = st.session_state.get(_MOVE)
    if (
        move is not None
        and move.page == page
        and time.monotonic() - move.at < _LATE_CLICK_SECONDS
        and st.query_params.to_dict() == move.before
    ):
        st.query_params.from_dict(move.after)


def lead_to(**after: str) -> None:
    """Let the address of this page name these, and nothing else."""
    before = st.query_params.to_dict()
    st.session_state[_MOVE] = _Move(st.session_state[_PAGE], before, after, time.monotonic())
    st.query_params.from_dict(after)
