"""What is done only after a question that tells its effect, and what came of it."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import streamlit as st

from augury.client import ApiError, Client
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.intents import order_once
from augury.ui.reader import Reader
from augury.ui.visit import Visit

T = TypeVar("T")

_TOLD_KEY: Final = "deed/told"


def ask_first(
    reader: Reader,
    name: str,
    label: str,
    effect: str,
    *,
    order: str = "",
    icon: str | None = None,
    is_primary: bool = False,
    yes: str | None = None,
) -> bool:
    """Show a button and, once pressed, what would happen; return whether that is wanted.

    `order` is what is to be done in full: when it changes meanwhile, one is asked anew. `yes`
    names the deed where it is always the same. The question stands until `settle` ends it.

    Not Streamlit's dialogue: the button that closes it speaks English only.
    """
    key = _key(name)
    if st.session_state.get(key) != order:
        st.session_state.pop(key, None)
        style: Literal["primary", "secondary"] = "primary" if is_primary else "secondary"
        st.button(
            label, key=f"{key}/ask", icon=icon, type=style, on_click=_begin, args=(key, order)
        )
        return False
    with st.container(border=True, key=f"{key}/question"):
        st.markdown(effect)
        with st.container(horizontal=True):
            is_sure = st.button(yes or reader.text("deed.yes"), key=f"{key}/yes", type="primary")
            st.button(reader.text("deed.no"), key=f"{key}/no", on_click=settle, args=(name,))
    return is_sure


def carry_out(
    visit: Visit,
    name: str,
    subject: str,
    work: Callable[[Client], T],
    told: Callable[[T], str],
) -> None:
    """Do it, and draw the page anew with a sentence about what was done; a refusal is shown."""
    try:
        answer = visit.ask(work)
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    finish(name, subject, told(answer))


def carry_out_once(
    visit: Visit,
    name: str,
    subject: str,
    order: str,
    work: Callable[[Client, str], T],
    told: Callable[[T], str],
) -> None:
    """Do the same with an idempotency key: of two clicks at once, one is done."""
    try:
        answer = order_once(visit, name, order, work)
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    finish(name, subject, told(answer))


def finish(name: str, subject: str, sentence: str) -> None:
    """Draw the page of a subject anew, with a sentence about what was done there."""
    settle(name)
    keep(subject, sentence)
    st.rerun()


def settle(name: str) -> None:
    """Let the question before a deed be over: it was done, or there is nothing left to do."""
    st.session_state.pop(_key(name), None)


def keep(subject: str, outcome: object) -> None:
    """Keep what came of the last thing done, to be shown until something else is begun."""
    st.session_state[_TOLD_KEY] = (subject, outcome)


def kept(subject: str) -> Any:
    """Return what is kept of a subject, or None."""
    told: tuple[str, object] = st.session_state.get(_TOLD_KEY, ("", None))
    return told[1] if told[0] == subject else None


def show_told(subject: str, *others: str) -> None:
    """Show what was done last to a subject; forget it on a page of none of these subjects."""
    told = kept(subject)
    if told is not None:
        st.success(plain(told), icon=":material/check_circle:")
    elif all(kept(other) is None for other in others):
        st.session_state.pop(_TOLD_KEY, None)


def _begin(key: str, order: str) -> None:
    st.session_state[key] = order
    st.session_state.pop(_TOLD_KEY, None)


def _key(name: str) -> str:
    return f"deed/{name}"
