"""The end of an account: what is lost by it, and a confirmation that nobody gives by mistake."""

import streamlit as st

from augury.client import ApiError, Me
from augury.ui import browser
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.visit import Visit


def show_closing(visit: Visit, me: Me) -> None:
    """Show what closing means, and the form that does it."""
    reader = visit.reader
    st.header(reader.text("closing.title"), anchor=False)
    with st.expander(reader.text("closing.open"), icon=":material/person_remove:"):
        st.markdown(reader.text("closing.means"))
        with st.form("closing", border=False):
            forfeits = False
            if me.balance.available:
                left = reader.count("credits", me.balance.available)
                forfeits = st.checkbox(
                    reader.text("closing.forfeit", credits=left), key="closing/forfeit"
                )
            name = st.text_input(
                reader.text("closing.confirm", username=plain(me.username)),
                autocomplete="off",
                key="closing/name",
            )
            password = st.text_input(
                reader.text("field.current_password"),
                type="password",
                autocomplete="current-password",
                max_chars=128,
                key="closing/password",
            )
            submitted = st.form_submit_button(reader.text("closing.submit"))
        if submitted:
            _close(visit, me, name.strip(), password, forfeits=forfeits)


def _close(visit: Visit, me: Me, name: str, password: str, *, forfeits: bool) -> None:
    reader = visit.reader
    if name != me.username:
        st.error(reader.text("closing.other_name"))
        return
    if not password:
        st.error(reader.text("profile.incomplete"))
        return
    try:
        visit.ask(lambda api: api.account.close(password, forfeit_credits=forfeits))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    browser.go("/session/end", {"next": "/goodbye"})
