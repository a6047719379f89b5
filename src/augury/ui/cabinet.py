"""One run of the script: who is here, where they are, and what frames every screen."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from msgspec import Struct

from augury.client import ApiError, Unreachable
from augury.kit.texts import LANGUAGES
from augury.ui import browser
from augury.ui.elements import plain, show_api_down, show_refusal
from augury.ui.hub import hub
from augury.ui.reader import Reader
from augury.ui.screens import (
    models,
    overview,
    portfolio,
    predict,
    predictions,
    register,
    risk,
    sign_in,
    top_up,
    transactions,
)
from augury.ui.sessions import Session, SignedOut
from augury.ui.visit import LANGUAGE_KEY, Visit, current_path, current_reader, current_session

_ASSETS = Path(__file__).parent / "assets"
_LOGO = _ASSETS / "augury.svg"
# A file and not one of Streamlit's icon names: the browser would fetch those from another host.
_ICON = _ASSETS / "icon.svg"
_STYLE = _ASSETS / "cabinet.css"
_SESSION_OVER_KEY = "session is over"


class _Place(Struct, frozen=True):
    """One address of the cabinet; its name is the path, and the key of its title."""

    path: str
    icon: str
    screen: Callable[[Visit], None]
    is_private: bool = False
    is_for_guests: bool = False
    is_in_menu: bool = True

    def belongs_in_menu(self, *, is_signed_in: bool) -> bool:
        is_closed = self.is_for_guests if is_signed_in else self.is_private
        return self.is_in_menu and not is_closed


_PLACES = (
    _Place("overview", ":material/home:", overview.show),
    _Place("models", ":material/model_training:", models.show),
    _Place("predict", ":material/insights:", predict.show, is_private=True),
    _Place("risk", ":material/show_chart:", risk.show, is_private=True),
    _Place("portfolio", ":material/pie_chart:", portfolio.show, is_private=True),
    _Place("predictions", ":material/history:", predictions.show, is_private=True),
    _Place("transactions", ":material/receipt_long:", transactions.show, is_private=True),
    # Its way in stands under the balance.
    _Place("top-up", ":material/add_card:", top_up.show, is_private=True, is_in_menu=False),
    _Place("sign-in", ":material/login:", sign_in.show, is_for_guests=True),
    _Place("register", ":material/person_add:", register.show, is_for_guests=True),
)


def show() -> None:
    """Show the screen at the visitor's address, framed by menu, balance and language."""
    reader = current_reader()
    st.set_page_config(page_title=reader.text("app.name"), page_icon=str(_ICON), layout="centered")
    st.logo(str(_LOGO), size="large")
    try:
        session, is_api_up = current_session(reader), True
    except Unreachable:
        session, is_api_up = None, False
    places: dict[str, st.Page] = {}
    visit = Visit(reader, session, places)
    for place in _PLACES:
        places[place.path] = _page(place, visit, is_api_up=is_api_up)
    chosen = st.navigation(list(places.values()))
    st.html(_STYLE)
    browser.set_page_language(reader.language)
    browser.keep_links_in_this_tab()
    chosen.run()
    # After the screen: it may have spent credits.
    with st.sidebar:
        _show_account(visit)
        _show_language_switch(reader)
        _show_api_link(reader)
    if session is not None and session.cookie_is_stale():
        browser.tell("/session/renew", {})


def _page(place: _Place, visit: Visit, *, is_api_up: bool) -> st.Page:
    in_menu = place.belongs_in_menu(is_signed_in=visit.session is not None)
    is_front = place is _PLACES[0]
    return st.Page(
        partial(_show_screen, place, visit, is_api_up=is_api_up),
        title=visit.reader.text(f"place.{place.path}"),
        icon=place.icon,
        url_path=None if is_front else place.path,
        default=is_front,
        # Hidden and not absent: a deep link must find its page before signing in, too.
        visibility="visible" if in_menu else "hidden",
    )


def _show_screen(place: _Place, visit: Visit, *, is_api_up: bool) -> None:
    reader = visit.reader
    if not is_api_up:
        show_api_down(reader)
        return
    if st.session_state.pop(_SESSION_OVER_KEY, False):
        st.info(reader.text("sign_in.session_over"), icon=":material/lock_clock:")
    try:
        if place.is_private and visit.session is None:
            sign_in.show_in_place(visit, current_path())
        else:
            place.screen(visit)
    except SignedOut:
        _forget(visit.session)
        # From the top, as a guest: the screen may have drawn its first half.
        st.session_state[_SESSION_OVER_KEY] = True
        st.rerun()
    except Unreachable:
        show_api_down(reader)
    except ApiError as refusal:
        show_refusal(refusal, reader)


def _show_account(visit: Visit) -> None:
    if visit.session is None:
        return
    try:
        me = visit.ask(lambda api: api.me())
    except SignedOut:
        _forget(visit.session)
        return
    except (Unreachable, ApiError):
        # The screen has said so already; the frame stays quiet.
        return
    reader = visit.reader
    st.metric(
        reader.text("account.available"), reader.count("credits", me.balance.available), border=True
    )
    if me.balance.held:
        held = reader.count("credits", me.balance.held)
        st.caption(reader.text("account.held", credits=held))
    st.page_link(
        visit.places["top-up"], label=reader.text("account.top_up"), icon=":material/add_card:"
    )
    st.caption(reader.text("account.signed_in_as", username=plain(me.username)))
    if st.button(reader.text("account.sign_out"), icon=":material/logout:", width="stretch"):
        browser.go("/session/end", {})


def _show_language_switch(reader: Reader) -> None:
    chosen = st.segmented_control(
        reader.text("language.switch"),
        LANGUAGES,
        default=reader.language,
        required=True,
        format_func=lambda language: reader.text(f"language.{language}"),
        key=LANGUAGE_KEY,
        label_visibility="collapsed",
        width="stretch",
        on_change=lambda: st.session_state.update(language_is_new=True),
    )
    if chosen and st.session_state.pop("language_is_new", False):
        browser.tell("/session/language", {"language": chosen})


def _show_api_link(reader: Reader) -> None:
    address = hub().public_api_url
    if address:
        label = reader.text("app.api_reference")
        st.caption(f":material/code: [{label}]({address.rstrip('/')}/docs)")


def _forget(session: Session | None) -> None:
    if session is not None:
        hub().sessions.forget(session.id)
