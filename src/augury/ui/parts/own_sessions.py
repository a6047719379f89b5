"""Where the visitor is signed in, and the buttons that end it."""

from collections.abc import Callable

import streamlit as st

from augury.client import ApiError, Client, Session
from augury.ui.parts.elements import Pager, plain, show_refusal
from augury.ui.visit import Visit

_PER_PAGE = 10


def show_sessions(visit: Visit) -> None:
    """Show the sessions that go on, newest first."""
    reader = visit.reader
    st.header(reader.text("sessions.title"), anchor=False)
    pager = Pager("sessions", "")
    page = visit.ask(lambda api: api.account.sessions(limit=_PER_PAGE, cursor=pager.cursor))
    for session in page.items:
        _show(visit, session)
    pager.show(page.next_cursor, reader)
    if pager.cursor is None and page.next_cursor is None and len(page.items) < 2:  # noqa: PLR2004 - this one and another
        st.caption(reader.text("sessions.only_this"))
        return
    if st.button(reader.text("sessions.end_others"), key="sessions/end-others"):
        _do(visit, lambda api: api.account.end_other_sessions())


def _show(visit: Visit, session: Session) -> None:
    reader = visit.reader
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"session/{session.id}",
    ):
        agent = plain(session.agent or reader.text("sessions.unknown_agent"))
        used = reader.text(
            "sessions.used",
            since=reader.moment(session.created_at),
            last=reader.moment(session.last_used_at),
            address=session.address or reader.text("sessions.unknown_address"),
        )
        st.markdown(f"**{agent}**  \n:gray[{plain(used)}]")
        if session.current:
            st.badge(reader.text("sessions.current"), color="green")
        elif st.button(reader.text("sessions.end"), key=f"end/{session.id}"):
            _do(visit, lambda api: api.account.end_session(session.id))


def _do(visit: Visit, work: Callable[[Client], object]) -> None:
    try:
        visit.ask(work)
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    st.rerun()
