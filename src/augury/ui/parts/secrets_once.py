"""Secrets that are shown once: until whoever made them says that they have them, and not after."""

import streamlit as st
from msgspec import Struct

from augury.ui.parts.elements import plain
from augury.ui.visit import Visit


class Secret(Struct, frozen=True):
    """A secret, what it belongs to, and in whose session it was made."""

    session_id: str
    title: str
    text: str
    example: str = ""


def keep(visit: Visit, place: str, title: str, text: str, example: str = "") -> None:
    """Keep a secret of a page for `show_kept`.

    It outlives a rerun, a switch of language and a look at another page: all of them come before
    the visitor has copied it, and nobody can show it again.
    """
    session_id = visit.session.id if visit.session is not None else ""
    st.session_state[_key(place)] = Secret(session_id, title, text, example)


def show_kept(visit: Visit, place: str) -> bool:
    """Show the secret that is kept for a page, with the button that ends it; False without one."""
    secret: Secret | None = st.session_state.get(_key(place))
    if secret is None:
        return False
    if visit.session is None or secret.session_id != visit.session.id:
        # Somebody else sits in front of this tab by now.
        st.session_state.pop(_key(place))
        return False
    reader = visit.reader
    with st.container(border=True, key=f"secret-{place}"):
        st.header(plain(reader.text("secret.made", name=secret.title)), anchor=False)
        st.warning(reader.text("secret.once"), icon=":material/key:")
        st.code(secret.text, language=None, wrap_lines=True)
        if secret.example:
            st.markdown(reader.text("secret.example"))
            st.code(secret.example, language="bash", wrap_lines=True)
        st.button(
            reader.text("secret.saved"),
            type="primary",
            icon=":material/check:",
            key=f"{place}/saved",
            on_click=_forget,
            args=(place,),
        )
    return True


def _forget(place: str) -> None:
    st.session_state.pop(_key(place), None)


def _key(place: str) -> str:
    return f"{place}/secret"
