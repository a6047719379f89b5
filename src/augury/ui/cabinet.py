"""One run of the script: who is here, where they are, and what frames every screen."""

from functools import partial
from pathlib import Path

import streamlit as st

from augury.client import ApiError, Unreachable
from augury.kit.texts import LANGUAGES
from augury.ui import browser
from augury.ui.parts import address
from augury.ui.parts.elements import plain, show_api_down, show_refusal
from augury.ui.parts.mending import mend_streamlit
from augury.ui.places import CUSTOMER, FRONT, SECTIONS, Place
from augury.ui.reader import Reader
from augury.ui.screens import sign_in
from augury.ui.visit import LANGUAGE_KEY, Visit, current_reader, current_session
from augury.ui.web.hub import hub
from augury.ui.web.sessions import Session, SignedOut
from augury.ui.whose import SESSION_KEY, SomebodyElse, forget_everything, owner, take_over

_ASSETS = Path(__file__).parent / "assets"
_LOGO = _ASSETS / "augury.svg"
# A file and not one of Streamlit's icon names: the browser would fetch those from another host.
_ICON = _ASSETS / "icon.svg"
_STYLE = _ASSETS / "cabinet.css"


def show() -> None:
    """Show the screen at the visitor's address, framed by menu, balance and language."""
    reader = current_reader()
    st.set_page_config(page_icon=str(_ICON), layout="centered")
    st.logo(str(_LOGO), size="large")
    places: dict[str, st.Page] = {}
    visit, role, is_api_up = Visit(reader, None, places), None, True
    try:
        visit = Visit(reader, current_session(reader), places)
        role = _role(visit)
    except Unreachable:
        is_api_up = False
    except SignedOut:
        _forget(visit.session)
        visit = Visit(reader, None, places)
    except SomebodyElse:
        forget_everything()
        browser.reload()
        return
    for place in (place for section in SECTIONS.values() for place in section):
        places[place.path] = _page(place, visit, role, is_api_up=is_api_up)
    menu = {
        # The first section needs no title: it is where one starts.
        reader.text(f"section.{name}") if number else "": [places[one.path] for one in section]
        for number, (name, section) in enumerate(SECTIONS.items())
        if section
    }
    chosen = st.navigation(menu, expanded=True)
    st.set_page_config(page_title=_title(reader, chosen.title))
    st.html(_STYLE)
    browser.set_page_language(reader.language)
    mend_streamlit(reader)
    browser.keep_drafts()
    address.begin(chosen.url_path)
    chosen.run()
    # After the screen: it may have spent credits.
    with st.sidebar:
        _show_account(visit)
        _show_language_switch(reader)
        _show_api_link(reader)
    if visit.session is not None:
        _deliver(visit.session)


def _deliver(session: Session) -> None:
    """See to it that the browser's cookie has the session's newest token."""
    if not session.cookie_is_stale():
        return
    if st.session_state.get(SESSION_KEY) == session.id and not session.is_in_a_cookie:
        browser.tell("/session/accept", {"ticket": hub().tickets.issue(session.id)})
    else:
        browser.tell("/session/renew", {})


def _title(reader: Reader, page: str) -> str:
    return reader.text("app.title", page=page, app=reader.text("app.name"))


def _role(visit: Visit) -> str | None:
    """Return what the menu should offer; who is here is asked once per tab and session.

    SomebodyElse when the tab has what another person typed, SignedOut when the session is over.
    """
    session, known = visit.session, owner()
    if session is None:
        return None
    if known is not None and known.session_id == session.id:
        return known.role
    try:
        me = visit.ask(lambda api: api.me())
    except ApiError as refusal:
        if known is not None:
            # Nobody can tell whether it is still the same person.
            raise SomebodyElse from refusal
        # The screen will meet the same and say so.
        return CUSTOMER
    session.user_id = me.id
    return take_over(session.id, me).role


def _page(place: Place, visit: Visit, role: str | None, *, is_api_up: bool) -> st.Page:
    is_front = place is FRONT
    return st.Page(
        partial(_show_screen, place, visit, is_api_up=is_api_up),
        title=visit.reader.text(f"place.{place.path}"),
        icon=place.icon,
        url_path=None if is_front else place.path,
        default=is_front,
        # Hidden and not absent: a deep link must find its page before signing in, too.
        visibility="visible" if place.belongs_in_menu(role) else "hidden",
    )


def _show_screen(place: Place, visit: Visit, *, is_api_up: bool) -> None:
    reader = visit.reader
    if not is_api_up:
        show_api_down(reader)
        return
    if visit.session is None and owner() is not None:
        st.info(reader.text("sign_in.session_over"), icon=":material/lock_clock:")
    try:
        if place.role is not None and visit.session is None:
            sign_in.show_in_place(visit)
        else:
            place.screen(visit)
    except SignedOut:
        _forget(visit.session)
        # From the top, as a guest: the screen may have drawn its first half.
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
        # Here and not only by the cookie, which may be another tab's by now.
        _forget(visit.session)
        visit.session.end()
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
