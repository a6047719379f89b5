"""Sign in, on its own page or in the place of a page that needs it."""

import streamlit as st

from augury.client import ApiError, Tokens
from augury.ui import browser
from augury.ui.parts.elements import show_refusal
from augury.ui.visit import Visit, current_caller, current_path
from augury.ui.web.hub import hub
from augury.ui.whose import SESSION_KEY, owner


def show(visit: Visit) -> None:
    """Show the form; whoever signs in here goes to the front page."""
    if visit.session is not None:
        st.info(visit.reader.text("sign_in.already"))
        return
    tokens = _ask(visit)
    if tokens is not None and enter(visit, tokens, "/"):
        st.switch_page(visit.places["overview"])


def show_in_place(visit: Visit) -> None:
    """Show the form; whoever signs in sees the page that it stands in for."""
    tokens = _ask(visit)
    if tokens is not None and enter(visit, tokens, current_path()):
        st.rerun()


def enter(visit: Visit, tokens: Tokens, next_path: str) -> bool:
    """Start the session: return True in the owner's own tab, else leave for `next_path`.

    Whoever comes back after their session has ended finds what they typed: it lives with the tab,
    so the tab must not be loaded anew. For anybody else it is.
    """
    session = hub().sessions.start(tokens)
    me = session.call(lambda api: api.me(), current_caller(visit.reader))
    session.user_id = me.id
    before = owner()
    if before is not None and before.user_id == me.id:
        st.session_state[SESSION_KEY] = session.id
        return True
    ticket = hub().tickets.issue(session.id)
    browser.go("/session/accept", {"ticket": ticket, "next": next_path})
    return False


def _ask(visit: Visit) -> Tokens | None:
    """Show the form; return what it was good for."""
    reader, before = visit.reader, owner()
    st.title(reader.text("place.sign-in"), anchor=False)
    if before is not None:
        st.caption(reader.text("sign_in.typed_is_kept"))
    with st.form("sign-in"):
        username = st.text_input(
            reader.text("field.username"),
            value=before.username if before is not None else "",
            autocomplete="username",
        )
        password = st.text_input(
            reader.text("field.password"), type="password", autocomplete="current-password"
        )
        submitted = st.form_submit_button(reader.text("sign_in.submit"), type="primary")
    # Drawn after the form, and before it is known what comes of it.
    place = st.container()
    st.page_link(visit.places["forgot"], label=reader.text("forgot.link"))
    st.page_link(visit.places["register"], label=reader.text("sign_in.no_account"))
    if not submitted:
        return None
    with place:
        return _tokens(visit, username, password)


def _tokens(visit: Visit, username: str, password: str) -> Tokens | None:
    reader = visit.reader
    if not username or not password:
        st.error(reader.text("sign_in.incomplete"))
        return None
    try:
        return visit.ask_openly(lambda api: api.sign_in(username.strip(), password))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return None
