"""API keys: what the visitor's programs sign in with."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from augury.client import ApiError, ApiKey, Scope
from augury.ui.parts.deeds import ask_first, settle
from augury.ui.parts.documents import page_of
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.secrets_once import keep, show_kept
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.hub import hub

_PLACE: Final = "keys"
_SCOPES: Final[tuple[Scope, ...]] = ("predict", "read")
# In days; 0 is a key that lasts until it is revoked.
_LIFETIMES: Final = (30, 90, 365, 0)
_LONGEST_NAME: Final = 100
_STEP: Final = 100
# What was typed outlives a switch of pages, and a session that ends meanwhile.
_KEPT: Final = "session"


def show(visit: Visit) -> None:
    """Show the new key if there is one, else the form for it; and every key there is."""
    reader = visit.reader
    st.title(reader.text("place.keys"), anchor=False)
    st.markdown(reader.text("keys.introduction"))
    # While a new key waits to be copied there is no form: a double click cannot make two.
    if not show_kept(visit, _PLACE):
        _show_form(visit)
    keys = visit.ask(lambda api: tuple(api.api_keys.list()))
    st.header(reader.text("keys.list"), anchor=False)
    if not keys:
        st.markdown(reader.text("keys.none"))
    for key in keys:
        _show_key(visit, key)


def _show_form(visit: Visit) -> None:
    reader = visit.reader
    edition = st.session_state.setdefault("keys/edition", 0)
    st.header(reader.text("keys.new"), anchor=False)
    with st.form("keys", enter_to_submit=False):
        name = st.text_input(
            reader.text("keys.name"),
            max_chars=_LONGEST_NAME,
            placeholder=reader.text("keys.name_example"),
            key=f"keys/name/{edition}",
            persist_state=_KEPT,
        )
        scopes = [
            scope
            for scope in _SCOPES
            if st.checkbox(
                reader.text(f"keys.scope.{scope}"),
                value=True,
                key=f"keys/scope/{scope}/{edition}",
                persist_state=_KEPT,
            )
        ]
        lifetime, limit = _draw_ends(reader, edition)
        submitted = st.form_submit_button(
            reader.text("keys.create"), type="primary", icon=":material/add:"
        )
    if submitted:
        _create(visit, name.strip(), scopes, lifetime, limit)


def _draw_ends(reader: Reader, edition: int) -> tuple[int, int | None]:
    left, right = st.columns(2)
    with left:
        lifetime = st.selectbox(
            reader.text("keys.lifetime"),
            _LIFETIMES,
            index=1,
            format_func=lambda days: _lifetime(reader, days),
            filter_mode=None,
            key=f"keys/lifetime/{edition}",
            persist_state=_KEPT,
        )
    with right:
        limit = st.number_input(
            reader.text("keys.limit"),
            value=None,
            step=_STEP,
            placeholder=reader.text("keys.no_limit"),
            help=reader.text("keys.about_limit"),
            key=f"keys/limit/{edition}",
            persist_state=_KEPT,
        )
    return lifetime, None if limit is None else int(limit)


def _lifetime(reader: Reader, days: int) -> str:
    return reader.count("keys.days", days) if days else reader.text("keys.forever")


def _create(
    visit: Visit, name: str, scopes: Sequence[Scope], lifetime: int, limit: int | None
) -> None:
    reader = visit.reader
    if not name or not scopes:
        st.error(reader.text("keys.incomplete"), icon=":material/error:")
        return
    expires_at = datetime.now(UTC) + timedelta(days=lifetime) if lifetime else None
    titles = {
        "name": reader.text("keys.name"),
        "credit_limit": reader.text("keys.limit"),
        "scopes": reader.text("keys.scopes"),
        "expires_at": reader.text("keys.lifetime"),
    }
    try:
        made = visit.ask(
            lambda api: api.api_keys.create(
                name, scopes=scopes, credit_limit=limit, expires_at=expires_at
            )
        )
    except ApiError as refusal:
        show_refusal(refusal, reader, titles)
        return
    keep(visit, _PLACE, made.name, made.key, _example(visit, made.key, scopes))
    st.session_state["keys/edition"] += 1
    st.rerun()


def _example(visit: Visit, key: str, scopes: Sequence[Scope]) -> str:
    """Return a first call with a key: reading is free, a prediction is the model's own example."""
    token = f"export AUGURY_TOKEN={shlex.quote(key)}"
    if "read" in scopes:
        url = (hub().public_api_url or "").rstrip("/")
        call = f'curl {shlex.quote(f"{url}/v1/balance")} -H "Authorization: Bearer $AUGURY_TOKEN"'
        return f"{token}\n{call}" if url else ""
    try:
        on_sale = visit.ask_openly(lambda api: api.models())
    except ApiError:
        return ""
    calls = (one.examples.get("curl", "") for one in on_sale if page_of(one) == "predict")
    call = next((one for one in calls if one), "")
    return f"{token}\n{call}" if call else ""


def _show_key(visit: Visit, key: ApiKey) -> None:
    reader = visit.reader
    with st.container(border=True, key=f"key/{key.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(key.name)}**", width="content")
            st.markdown(f"`{key.start}…`", width="content")
            for scope in key.scopes:
                st.badge(plain(reader.named("keys.scope_short", scope)), color="gray")
            if _has_expired(key):
                st.badge(reader.text("keys.expired"), color="red")
        st.caption(plain(" · ".join(_facts(key, reader))))
        if key.credit_limit is not None:
            limit = reader.count("credits", key.credit_limit)
            spent = reader.count("credits", key.credits_used)
            told = reader.text("keys.used_of", used=spent, limit=limit)
            st.progress(min(1.0, key.credits_used / key.credit_limit), text=told)
        if ask_first(
            reader,
            _deed_of(key),
            reader.text("keys.revoke"),
            reader.text("keys.revoke_question", name=plain(key.name)),
            icon=":material/delete:",
            yes=reader.text("keys.revoke"),
        ):
            _revoke(visit, key)


def _facts(key: ApiKey, reader: Reader) -> list[str]:
    used = (
        reader.text("keys.used_at", moment=reader.moment(key.last_used_at))
        if key.last_used_at
        else reader.text("keys.never_used")
    )
    ends = (
        reader.text("keys.ends_at", moment=reader.moment(key.expires_at))
        if key.expires_at
        else reader.text("keys.no_end")
    )
    facts = [reader.text("keys.made_at", moment=reader.moment(key.created_at)), used, ends]
    if key.credit_limit is None:
        spent = reader.count("credits", key.credits_used)
        facts.append(reader.text("keys.used", used=spent))
    return facts


def _has_expired(key: ApiKey) -> bool:
    return key.expires_at is not None and key.expires_at <= datetime.now(UTC)


def _revoke(visit: Visit, key: ApiKey) -> None:
    try:
        visit.ask(lambda api: api.api_keys.revoke(key.id))
    except ApiError as refusal:
        if refusal.code != "not_found":  # it is gone already: that is what was wanted
            show_refusal(refusal, visit.reader)
            return
    settle(_deed_of(key))
    st.rerun()


def _deed_of(key: ApiKey) -> str:
    return f"keys/revoke/{key.id}"
