"""Sign in, on its own page or in the place of a page that needs it."""

import streamlit as st

from augury.client import ApiError, Tokens
from augury.ui import browser
from augury.ui.elements import show_refusal
from augury.ui.hub import hub
from augury.ui.visit import Visit


def show(visit: Visit) -> None:
    """Show the form; whoever signs in here goes to the front page."""
    if visit.session is not None:
        st.info(visit.reader.text("sign_in.already"))
        return
    show_in_place(visit, "/")


def show_in_place(visit: Visit, next_path: str) -> None:
    """Show the form; whoever signs in goes on to `next_path`."""
    reader = visit.reader
    st.title(reader.text("place.sign-in"), anchor=False)
    with st.form("sign-in"):
        username = st.text_input(reader.text("field.username"), autocomplete="username")
        password = st.text_input(
            reader.text("field.password"), type="password", autocomplete="current-password"
        )
        submitted = st.form_submit_button(reader.text("sign_in.submit"), type="primary")
    if submitted:
        _sign_in(visit, username, password, next_path)
    st.page_link(visit.places["register"], label=reader.text("sign_in.no_account"))


def _sign_in(visit: Visit, username: str, password: str, next_path: str) -> None:
    reader = visit.reader
    if not username or not password:
        st.error(reader.text("sign_in.incomplete"))
        return
    try:
        tokens = visit.ask_openly(lambda api: api.sign_in(username.strip(), password))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    enter(tokens, next_path)


def enter(tokens: Tokens, next_path: str) -> None:
    """Start the session and leave for `next_path` with its cookie."""
    session = hub().sessions.start(tokens)
    ticket = hub().tickets.issue(session.id)
    browser.go("/session/accept", {"ticket": ticket, "next": next_path})
