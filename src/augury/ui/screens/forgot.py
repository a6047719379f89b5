"""Ask for a link to set a new password."""

import streamlit as st

from augury.client import ApiError
from augury.ui.parts.elements import show_refusal
from augury.ui.visit import Visit


def show(visit: Visit) -> None:
    """Show the form; what it answers does not depend on whether anybody has the address."""
    reader = visit.reader
    st.title(reader.text("place.forgot"), anchor=False)
    st.markdown(reader.text("forgot.introduction"))
    with st.form("forgot"):
        email = st.text_input(
            reader.text("field.email"),
            autocomplete="email",
            max_chars=254,
            key="forgot/email",
            persist_state="session",
        )
        submitted = st.form_submit_button(reader.text("forgot.submit"), type="primary")
    if submitted:
        _ask(visit, (email or "").strip())
    st.page_link(visit.places["sign-in"], label=reader.text("forgot.back"))


def _ask(visit: Visit, email: str) -> None:
    reader = visit.reader
    if not email:
        st.error(reader.text("forgot.incomplete"))
        return
    try:
        visit.ask_openly(lambda api: api.account.forgot_password(email))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    st.success(reader.text("forgot.sent"), icon=":material/mail:")
