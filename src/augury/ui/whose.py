"""Whose tab this is: what was typed and answered in it belongs to one person and no other."""

from typing import Final

import streamlit as st
from msgspec import Struct

from augury.client import Me

# What somebody has signed in to in this tab without leaving the page.
SESSION_KEY: Final = "session"
_OWNER_KEY: Final = "owner"


class Owner(Struct, frozen=True):
    """Who was last seen in this tab, and by which session."""

    session_id: str
    user_id: str
    username: str
    role: str


class SomebodyElse(Exception):
    """The browser is somebody else's by now, and this tab still has what its owner typed."""


def owner() -> Owner | None:
    """Return whose tab this is, also when their session is over; None while it is nobody's."""
    found: Owner | None = st.session_state.get(_OWNER_KEY)
    return found


def take_over(session_id: str, me: Me) -> Owner:
    """Remember who is here; SomebodyElse when the tab was another person's."""
    before = owner()
    if before is not None and before.user_id != me.id:
        raise SomebodyElse
    here = Owner(session_id, me.id, me.username, me.role)
    st.session_state[_OWNER_KEY] = here
    return here


def forget_everything() -> None:
    """Empty the tab of all that its owner typed and was answered."""
    for key in list(st.session_state):
        del st.session_state[key]
