"""What users are called, where only their ids are known."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import streamlit as st

from augury.client import AdminUser, ApiError, Client
from augury.ui.parts.elements import plain
from augury.ui.visit import Visit

_NAMES_KEY: Final = "people/names"
# Nobody: a filter by it finds nothing. It has the form of an id.
NOBODY: Final = "00000000-0000-0000-0000-000000000000"


def names_of(visit: Visit, ids: Iterable[str | None]) -> Mapping[str, str]:
    """Return what users are called, by their ids; each is asked for once in a tab."""
    known: dict[str, str] = st.session_state.setdefault(_NAMES_KEY, {})
    for id_ in {one for one in ids if one is not None} - known.keys():
        try:
            known[id_] = visit.ask(partial(_user, id_)).username
        except ApiError:
            known[id_] = id_
    return known


def choose_person(visit: Visit, label: str, *, key: str) -> str | None:
    """Let somebody be named by name, e-mail or id; return the id, `NOBODY` if there is none."""
    reader = visit.reader
    typed = st.text_input(
        label, placeholder=reader.text("person.example"), key=key, persist_state="session"
    ).strip()
    if not typed:
        return None
    found = visit.ask(lambda api: api.admin.users_page(typed, limit=20)).items
    wanted = typed.casefold()
    for one in found:
        if wanted in {one.username.casefold(), one.email.casefold(), one.id}:
            return one.id
    st.caption(reader.text("person.unknown", name=plain(typed)))
    return NOBODY


def _user(id_: str, api: Client) -> AdminUser:
    return api.admin.user(id_)
