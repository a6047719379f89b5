"""One's own account: address, language, password, sessions, and how to leave."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from augury.client import ApiError, Client, Me
from augury.kit.texts import LANGUAGES
from augury.ui.parts.closing import show_closing
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.own_sessions import show_sessions
from augury.ui.visit import Visit

_DONE_KEY: Final = "profile/done"
_LANGUAGE_KEY: Final = "profile/language"


def show(visit: Visit) -> None:
    """Show who one is, with a form for each thing that can be changed."""
    reader = visit.reader
    me = visit.ask(lambda api: api.me())
    st.title(reader.text("place.profile"), anchor=False)
    done = st.session_state.pop(_DONE_KEY, None)
    if done:
        st.success(reader.text(done), icon=":material/check_circle:")
    st.markdown(
        reader.text(
            "profile.who",
            username=plain(me.username),
            email=plain(me.email),
            since=reader.moment(me.created_at),
        )
    )
    _show_language(visit, me)
    _show_email(visit)
    _show_password(visit)
    show_sessions(visit)
    show_closing(visit, me)


def _show_language(visit: Visit, me: Me) -> None:
    reader = visit.reader
    chosen = st.segmented_control(
        reader.text("profile.language"),
        LANGUAGES,
        default=me.language,
        required=True,
        format_func=lambda language: reader.text(f"language.{language}"),
        help=reader.text("profile.language_help"),
        key=_LANGUAGE_KEY,
    )
    language = next((one for one in LANGUAGES if one == chosen), me.language)
    if language != me.language:
        _do(visit, lambda api: api.account.set_language(language), "profile.language_set")


def _show_email(visit: Visit) -> None:
    reader = visit.reader
    st.header(reader.text("profile.email_title"), anchor=False)
    with st.form("email"):
        email = st.text_input(
            reader.text("profile.new_email"),
            autocomplete="email",
            max_chars=254,
            key="profile/email",
            persist_state="session",
        )
        password = _current_password(visit, "email")
        submitted = st.form_submit_button(reader.text("profile.change_email"))
    if submitted and _complete(visit, email, password):
        wished = (email or "").strip()
        _do(visit, lambda api: api.account.change_email(wished, password), "profile.email_changed")


def _show_password(visit: Visit) -> None:
    reader = visit.reader
    st.header(reader.text("profile.password_title"), anchor=False)
    with st.form("password"):
        current = _current_password(visit, "password")
        new = st.text_input(
            reader.text("field.new_password"),
            type="password",
            autocomplete="new-password",
            max_chars=128,
            key=_fresh_key("new"),
        )
        st.caption(reader.text("register.password_rule"))
        st.caption(reader.text("profile.password_ends"))
        submitted = st.form_submit_button(reader.text("profile.change_password"))
    if submitted and _complete(visit, current, new):
        done = "profile.password_changed"
        _do(visit, lambda api: api.account.change_password(current, new), done)


def _current_password(visit: Visit, form: str) -> str:
    return st.text_input(
        visit.reader.text("field.current_password"),
        type="password",
        autocomplete="current-password",
        max_chars=128,
        key=_fresh_key(form),
    )


def _fresh_key(name: str) -> str:
    # Under a new name after each deed: a password that was used is not left standing there.
    return f"profile/{name}/{st.session_state.get('profile/deeds', 0)}"


def _complete(visit: Visit, *values: str | None) -> bool:
    if all(values):
        return True
    st.error(visit.reader.text("profile.incomplete"))
    return False


def _do(visit: Visit, work: Callable[[Client], object], done: str) -> None:
    try:
        visit.ask(work)
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    st.session_state[_DONE_KEY] = done
    st.session_state["profile/deeds"] = st.session_state.get("profile/deeds", 0) + 1
    st.session_state.pop("profile/email", None)
    st.rerun()
