"""Set a new password by the link of an e-mail."""

import streamlit as st

from augury.client import ApiError
from augury.ui import browser
from augury.ui.parts.elements import show_refusal, show_way_to
from augury.ui.visit import Visit, reset_token

_DONE_KEY = "reset/done"


def show(visit: Visit) -> None:
    """Show the form to whoever came by a link; whether it works the API says."""
    reader = visit.reader
    st.title(reader.text("place.reset"), anchor=False)
    token = reset_token()
    if st.session_state.get(_DONE_KEY):
        st.success(reader.text("reset.done"), icon=":material/check_circle:")
        browser.tell("/session/forget-link", {})
        show_way_to(
            visit.places["sign-in"],
            reader.text("place.sign-in"),
            key="reset/sign-in",
            is_primary=True,
        )
    elif token is None:
        st.info(reader.text("reset.no_link"))
        show_way_to(visit.places["forgot"], reader.text("reset.again"), key="reset/forgot")
    else:
        _ask(visit, token)


def _ask(visit: Visit, token: str) -> None:
    reader = visit.reader
    st.markdown(reader.text("reset.introduction"))
    with st.form("reset"):
        password = st.text_input(
            reader.text("field.new_password"),
            type="password",
            autocomplete="new-password",
            max_chars=128,
        )
        st.caption(reader.text("register.password_rule"))
        submitted = st.form_submit_button(reader.text("reset.submit"), type="primary")
    if submitted:
        _set(visit, token, password)


def _set(visit: Visit, token: str, password: str) -> None:
    reader = visit.reader
    if not password:
        st.error(reader.text("reset.incomplete"))
        return
    try:
        visit.ask_openly(lambda api: api.account.reset_password(token, password))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        if refusal.code == "reset_link_invalid":
            show_way_to(visit.places["forgot"], reader.text("reset.again"), key="reset/forgot")
        return
    st.session_state[_DONE_KEY] = True
    st.rerun()
