"""How the house is set up: to be looked at, and changed nowhere but outside."""

from collections.abc import Mapping
from typing import Final, Literal

import streamlit as st

from augury.client import Setting
from augury.ui.parts.elements import plain
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_PREFIX: Final = "AUGURY_"
Colour = Literal["green", "blue", "gray"]
_COLOURS: Final[Mapping[str, Colour]] = {
    "environment": "green",
    "file": "green",
    "command": "blue",
}


def show(visit: Visit) -> None:
    """Show every setting with its value and where that came from; secrets the API has masked."""
    reader = visit.reader
    st.title(reader.text("place.admin-settings"), anchor=False)
    found = visit.ask(lambda api: api.admin.settings())
    st.markdown(reader.text("settings.what"))
    left, right = st.columns(2)
    with left:
        wanted = st.text_input(
            reader.text("settings.search"), key="admin-settings/search", persist_state="session"
        )
    with right:
        is_short = st.toggle(reader.text("settings.only_set"), key="admin-settings/set")
    shown = [
        one
        for one in found
        if _fits(reader, one, wanted) and (not is_short or one.origin != "default")
    ]
    if not shown:
        st.markdown(reader.text("settings.none"))
    for one in shown:
        _show_setting(reader, one)


def _fits(reader: Reader, one: Setting, wanted: str) -> bool:
    words = wanted.casefold().split()
    text = f"{one.name} {_about(reader, one)}".casefold()
    return all(word in text for word in words)


def _about(reader: Reader, one: Setting) -> str:
    return reader.named("setting", one.name.removeprefix(_PREFIX).lower(), one.about)


def _show_setting(reader: Reader, one: Setting) -> None:
    with st.container(border=True, key=f"setting/{one.name}"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"**{plain(one.name)}**", width="content")
            origin = plain(reader.named("origin", one.origin))
            st.badge(origin, color=_COLOURS.get(one.origin, "gray"))
        if one.is_secret:
            key = "settings.secret_set" if one.is_set else "settings.secret_empty"
            st.markdown(reader.text(key))
        elif one.is_set:
            st.code(one.value, language=None, wrap_lines=True)
        else:
            st.markdown(reader.text("settings.empty"))
        about = _about(reader, one)
        if about:
            st.caption(about)
