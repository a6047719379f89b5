"""Open an account."""

import streamlit as st

from augury.client import ApiError
from augury.ui.parts.elements import show_refusal
from augury.ui.screens.sign_in import enter
from augury.ui.visit import Visit


def show(visit: Visit) -> None:
    """Show the form; a new user is signed in at once."""
    reader = visit.reader
    if visit.session is not None:
        st.info(reader.text("sign_in.already"))
        return
    st.title(reader.text("place.register"), anchor=False)
    with st.form("register"):
        username = st.text_input(
            reader.text("field.username"), autocomplete="username", max_chars=64
        )
        email = st.text_input(reader.text("field.email"), autocomplete="email", max_chars=254)
        password = st.text_input(
            reader.text("field.password"),
            type="password",
            autocomplete="new-password",
            max_chars=128,
        )
        st.caption(reader.text("register.password_rule"))
        submitted = st.form_submit_button(reader.text("register.submit"), type="primary")
    if submitted:
        _register(visit, username, email, password)
    st.page_link(visit.places["sign-in"], label=reader.text("register.have_account"))


def _register(visit: Visit, username: str, email: str, password: str) -> None:
    reader = visit.reader
    if not username or not email or not password:
        st.error(reader.text("register.incomplete"))
        return
    try:
        user = visit.ask_openly(lambda api: api.register(username.strip(), email.strip(), password))
        tokens = visit.ask_openly(lambda api: api.sign_in(user.username, password))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    enter(visit, tokens, "/")
