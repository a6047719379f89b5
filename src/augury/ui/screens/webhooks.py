"""Webhooks: the addresses that hear of events, and what was sent to them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.client import ApiError, WebhookEndpoint
from augury.ui.parts.deeds import ask_first, settle
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.secrets_once import keep, show_kept
from augury.ui.parts.webhook_deliveries import address, show_deliveries, show_delivery
from augury.ui.visit import Visit

EVENTS: Final = (
    "prediction.succeeded",
    "prediction.failed",
    "batch.succeeded",
    "batch.failed",
    "top_up.succeeded",
    "top_up.failed",
    "top_up.refunded",
    "balance.low",
    "webhook_endpoint.disabled",
)
# Customers may subscribe to it, too, but nobody would ever send it to them.
EVENTS_OF_ADMINS: Final = ("model.drifted",)

_PLACE: Final = "webhooks"
_LONGEST_URL: Final = 1000
_STATES: Final[Mapping[str, Any]] = {"active": "green", "failing": "orange", "disabled": "red"}
_TOLD_KEY: Final = "webhooks/told"


def show(visit: Visit) -> None:
    """Show the delivery of the address's `id`; else the endpoints, and what was sent to them."""
    delivery_id = st.query_params.get("id")
    if delivery_id:
        show_delivery(visit, delivery_id)
        return
    reader = visit.reader
    st.title(reader.text("place.webhooks"), anchor=False)
    st.markdown(reader.text("webhooks.introduction"))
    told = st.session_state.pop(_TOLD_KEY, None)
    if told is not None:
        st.success(reader.text(told), icon=":material/check_circle:")
    # While a new secret waits to be copied there is no form: a double click cannot add two.
    if not show_kept(visit, _PLACE):
        _show_form(visit)
    endpoints = visit.ask(lambda api: api.webhooks.endpoints())
    st.header(reader.text("webhooks.endpoints"), anchor=False)
    if not endpoints:
        st.markdown(reader.text("webhooks.no_endpoints"))
    for endpoint in endpoints:
        _show_endpoint(visit, endpoint)
    show_deliveries(visit, endpoints)


def _show_form(visit: Visit) -> None:
    reader = visit.reader
    edition = st.session_state.setdefault("webhooks/edition", 0)
    offered = _offered(visit)
    st.header(reader.text("webhooks.new"), anchor=False)
    with st.form("webhooks", enter_to_submit=False):
        url = st.text_input(
            reader.text("webhooks.url"),
            max_chars=_LONGEST_URL,
            placeholder=reader.text("webhooks.url_example"),
            help=reader.text("webhooks.about_url"),
            autocomplete="url",
            key=f"webhooks/url/{edition}",
            persist_state="session",
        )
        events = st.pills(
            reader.text("webhooks.events"),
            offered,
            selection_mode="multi",
            default=offered,
            format_func=lambda name: reader.named("event", name),
            key=f"webhooks/events/{edition}",
            persist_state="session",
        )
        submitted = st.form_submit_button(
            reader.text("webhooks.add"), type="primary", icon=":material/add:"
        )
    if submitted:
        _add(visit, url.strip(), events)


def _offered(visit: Visit) -> tuple[str, ...]:
    is_admin = visit.ask(lambda api: api.me()).role == "admin"
    return (*EVENTS, *EVENTS_OF_ADMINS) if is_admin else EVENTS


def _add(visit: Visit, url: str, events: Sequence[str]) -> None:
    reader = visit.reader
    if not url or not events:
        st.error(reader.text("webhooks.incomplete"), icon=":material/error:")
        return
    titles = {"url": reader.text("webhooks.url"), "events": reader.text("webhooks.events")}
    try:
        made = visit.ask(lambda api: api.webhooks.add_endpoint(url, events))
    except ApiError as refusal:
        show_refusal(refusal, reader, titles)
        return
    keep(visit, _PLACE, made.url, made.secret)
    st.session_state["webhooks/edition"] += 1
    st.rerun()


def _show_endpoint(visit: Visit, endpoint: WebhookEndpoint) -> None:
    reader = visit.reader
    with st.container(border=True, key=f"endpoint/{endpoint.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(address(endpoint.url), width="content")
            state = _state(endpoint)
            st.badge(reader.text(f"endpoint_state.{state}"), color=_STATES.get(state, "gray"))
        events = (reader.named("event", name) for name in endpoint.events)
        st.caption(plain(", ".join(events)))
        added = reader.text("webhooks.added_at", moment=reader.moment(endpoint.created_at))
        st.caption(plain(added))
        if state == "failing":
            st.caption(reader.count("webhooks.failures", endpoint.failures))
        if state == "disabled":
            st.warning(reader.text("webhooks.is_disabled"), icon=":material/link_off:")
        _show_deeds(visit, endpoint, state)


def _show_deeds(visit: Visit, endpoint: WebhookEndpoint, state: str) -> None:
    reader = visit.reader
    id_ = endpoint.id
    removal = f"webhooks/remove/{id_}"
    with st.container(horizontal=True):
        if state == "disabled":
            enabled = st.button(
                reader.text("webhooks.enable"), key=f"webhooks/enable/{id_}", icon=":material/link:"
            )
            if enabled:
                _do(visit, lambda: visit.ask(lambda api: api.webhooks.enable_endpoint(id_)))
        elif st.button(
            reader.text("webhooks.test"), key=f"webhooks/test/{id_}", icon=":material/send:"
        ):
            _do(
                visit,
                lambda: visit.ask(lambda api: api.webhooks.test_endpoint(id_)),
                told="webhooks.tested",
            )
        is_sure = ask_first(
            reader,
            removal,
            reader.text("webhooks.remove"),
            reader.text("webhooks.remove_question", url=address(endpoint.url)),
            icon=":material/delete:",
            yes=reader.text("webhooks.remove"),
        )
    if is_sure:
        settle(removal)
        _do(visit, lambda: visit.ask(lambda api: api.webhooks.remove_endpoint(id_)))


def _do(visit: Visit, deed: Callable[[], object], told: str | None = None) -> None:
    """Do something about an endpoint and draw the page anew, or say why it was refused."""
    try:
        deed()
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    if told is not None:
        st.session_state[_TOLD_KEY] = told
    st.rerun()


def _state(endpoint: WebhookEndpoint) -> str:
    if endpoint.status == "active" and endpoint.failures:
        return "failing"
    return endpoint.status
