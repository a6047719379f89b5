"""One run of the script for one visitor: who, in which language, and the way to the API."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import streamlit as st
from msgspec import Struct

from augury.client import Client
from augury.kit.texts import LANGUAGES
from augury.ui.reader import Reader, choose_language
from augury.ui.web.cookies import LANGUAGE_COOKIE, RESET_COOKIE, SESSION_COOKIE, session_of
from augury.ui.web.hub import hub
from augury.ui.web.sessions import Caller, Session, SignedOut, agent_of
from augury.ui.whose import SESSION_KEY

T = TypeVar("T")

LANGUAGE_KEY = "language"


class Visit(Struct, frozen=True):
    """What every screen is given."""

    reader: Reader
    session: Session | None
    places: Mapping[str, st.Page]

    def ask(self, work: Callable[[Client], T]) -> T:
        """Return `work` done with the visitor's own rights; SignedOut when they have none."""
        if self.session is None:
            raise SignedOut
        return self.session.call(work, current_caller(self.reader))

    def ask_openly(self, work: Callable[[Client], T]) -> T:
        """Return `work` done without signing in, for what everybody may see."""
        caller = current_caller(self.reader)
        return work(caller.guest_of(hub().api))


def current_reader() -> Reader:
    """Return the reader of this run; a language chosen by hand beats the browser's."""
    chosen = st.session_state.get(LANGUAGE_KEY) or cookie(LANGUAGE_COOKIE)
    accepted = st.context.headers.get("Accept-Language") or st.context.locale
    language = choose_language(chosen if chosen in LANGUAGES else None, accepted)
    return Reader(language, st.context.locale, st.context.timezone)


def current_caller(reader: Reader) -> Caller:
    """Return for whom this run calls the API."""
    return Caller(reader.language, visitor_address(), agent_of(st.context.headers))


def current_session(reader: Reader) -> Session | None:
    """Return the session of this tab or browser; Unreachable when only the API could tell."""
    # The cookies are those that the tab has connected with; who signed in since is known here.
    kept = hub().sessions.find(st.session_state.get(SESSION_KEY, ""))
    return kept or session_of(hub(), cookie(SESSION_COOKIE), current_caller(reader))


def visitor_address() -> str | None:
    """Return the address that this page was asked from; None when it is this machine."""
    return st.context.ip_address


def cookie(name: str) -> str | None:
    """Return a cookie that came with this page."""
    return st.context.cookies.get(name)


def reset_token() -> str | None:
    """Return the token of the link for a new password that this browser came by."""
    return cookie(RESET_COOKIE)


def current_path() -> str:
    """Return where the visitor is, as a path with its query, to come back to."""
    parts = urlsplit(st.context.url or "/")
    # Streamlit's address lacks the query; its own record has it.
    query = urlencode(st.query_params.to_dict())
    return f"{parts.path or '/'}{'?' + query if query else ''}"
