"""What was sent to a customer's endpoints: the list, and one delivery in full."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import streamlit as st

from augury.client import ApiError, ClientError, Page, WebhookDelivery, WebhookEndpoint
from augury.ui.parts.colours import OF_AWAITED
from augury.ui.parts.elements import (
    Pager,
    list_row,
    plain,
    show_refusal,
    show_way_back,
    show_way_to,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.sessions import SignedOut

_PAGE_ROWS: Final = 20
_STATUSES: Final = ("pending", "succeeded", "failed")
_LOOK_AGAIN_SECONDS: Final = 3
# What is tried again after minutes is not waited for.
_SOON: Final = timedelta(seconds=30)
_RESENT_KEY: Final = "webhooks/resent"


def show_deliveries(visit: Visit, endpoints: Sequence[WebhookEndpoint]) -> None:
    """Show deliveries, newest first, to one endpoint or all, of one status or any."""
    reader = visit.reader
    st.header(reader.text("deliveries.title"), anchor=False)
    urls = {endpoint.id: endpoint.url for endpoint in endpoints}
    endpoint_id, status = _choose(urls, reader)
    pager = Pager("deliveries", f"{endpoint_id}/{status}")
    page = _read(visit, pager.cursor, endpoint_id, status)
    if not page.items:
        is_filtered = endpoint_id is not None or status is not None
        st.markdown(reader.text("deliveries.none_such" if is_filtered else "deliveries.none"))
    for one in page.items:
        _show_row(visit, one, urls)
    pager.show(page.next_cursor, reader)
    _watch(page.items, lambda: _read(visit, pager.cursor, endpoint_id, status).items)


def _choose(urls: Mapping[str, str], reader: Reader) -> tuple[str | None, str | None]:
    left, right = st.columns(2)
    with left:
        endpoint_id = st.selectbox(
            reader.text("deliveries.endpoint"),
            list(urls),
            index=None,
            format_func=lambda id_: urls.get(id_, id_),
            placeholder=reader.text("deliveries.any_endpoint"),
            filter_mode=None,
            # A choice may not outlive the endpoints that it was made from.
            key=f"deliveries/endpoint/{'-'.join(urls)}",
        )
    with right:
        status = st.selectbox(
            reader.text("deliveries.status"),
            _STATUSES,
            index=None,
            format_func=lambda name: reader.named("delivery_status", name),
            placeholder=reader.text("deliveries.any_status"),
            filter_mode=None,
            key="deliveries/status",
        )
    return endpoint_id, status


def _read(
    visit: Visit, cursor: str | None, endpoint_id: str | None, status: str | None
) -> Page[WebhookDelivery]:
    return visit.ask(
        lambda api: api.webhooks.deliveries(
            limit=_PAGE_ROWS, cursor=cursor, endpoint_id=endpoint_id, status=status
        )
    )


def _watch(shown: Sequence[WebhookDelivery], read: Callable[[], Sequence[WebhookDelivery]]) -> None:
    """Draw the page anew when something changes about deliveries that are on their way."""
    if any(_is_awaited(one) for one in shown):
        st.fragment(_look_again, run_every=_LOOK_AGAIN_SECONDS)(_states(shown), read, count())


def _look_again(
    known: Mapping[str, tuple[str, int]],
    read: Callable[[], Sequence[WebhookDelivery]],
    turns: Iterator[int],
) -> None:
    if next(turns) == 0:
        # They have just been read and drawn.
        return
    try:
        found = read()
    except ClientError:
        return
    except SignedOut:
        st.rerun()
    if _states(found) != known or not any(_is_awaited(one) for one in found):
        st.rerun()


def _states(shown: Sequence[WebhookDelivery]) -> dict[str, tuple[str, int]]:
    return {one.id: (one.status, one.attempts) for one in shown}


def _is_awaited(one: WebhookDelivery) -> bool:
    next_at = one.next_attempt_at
    return one.status == "pending" and next_at is not None and next_at < datetime.now(UTC) + _SOON


def _show_row(visit: Visit, one: WebhookDelivery, urls: Mapping[str, str]) -> None:
    reader = visit.reader
    with list_row(f"delivery/{one.id}"):
        url = urls.get(one.endpoint_id)
        to = f":gray[{plain(reader.text('deliveries.gone'))}]" if url is None else address(url)
        st.markdown(
            f"**{plain(reader.named('event', one.type))}**  \n"
            f":gray[{plain(reader.moment(one.created_at))}]  \n{to}"
        )
        status = plain(reader.named("delivery_status", one.status))
        st.badge(status, color=OF_AWAITED.get(one.status, "gray"))
        show_way_to(
            visit.places["webhooks"],
            reader.text("deliveries.open"),
            key=f"delivery/open/{one.id}",
            query={"id": one.id},
        )


def address(url: str) -> str:
    """Return an address as Markdown: to read, for a click on it would lead a person to a server."""
    return f"`{url.replace('`', '%60')}`"


def show_delivery(visit: Visit, delivery_id: str) -> None:
    """Show one delivery: how it went, what was answered, and what was sent."""
    reader = visit.reader
    show_way_back(
        visit.places["webhooks"],
        reader.text("deliveries.back"),
        key="deliveries/back",
    )
    one = visit.ask(lambda api: api.webhooks.delivery(delivery_id))
    st.title(plain(reader.named("event", one.type)), anchor=False)
    if st.session_state.pop(_RESENT_KEY, None) == one.id:
        st.success(reader.text("deliveries.resent"), icon=":material/check_circle:")
    status = plain(reader.named("delivery_status", one.status))
    st.badge(status, color=OF_AWAITED.get(one.status, "gray"))
    st.markdown("  \n".join(plain(fact) for fact in _facts(one, reader)))
    if st.button(reader.text("deliveries.resend"), key="deliveries/resend", icon=":material/send:"):
        _resend(visit, one)
    st.header(reader.text("deliveries.answer"), anchor=False)
    _show_answer(one, reader)
    st.header(reader.text("deliveries.body"), anchor=False)
    st.code(_laid_out(one.body or ""), language="json", wrap_lines=True)
    _watch((one,), lambda: (visit.ask(lambda api: api.webhooks.delivery(delivery_id)),))


def _facts(one: WebhookDelivery, reader: Reader) -> list[str]:
    facts = [
        reader.text("deliveries.made_at", moment=reader.moment(one.created_at)),
        reader.count("deliveries.attempts", one.attempts),
    ]
    if one.next_attempt_at is not None and one.status == "pending":
        moment = reader.moment(one.next_attempt_at)
        facts.append(reader.text("deliveries.next_at", moment=moment))
    if one.completed_at is not None:
        moment = reader.moment(one.completed_at)
        facts.append(reader.text("deliveries.over_at", moment=moment))
    facts.append(f"webhook-id: {one.event_id}")
    return facts


def _show_answer(one: WebhookDelivery, reader: Reader) -> None:
    if one.answer_status is not None:
        st.markdown(reader.text("deliveries.answered", status=one.answer_status))
        if one.answer:
            st.code(one.answer, language=None, wrap_lines=True)
    elif one.answer:
        # Nobody answered: the API gives a code of why.
        st.markdown(plain(reader.named("no_answer", one.answer)))
    else:
        st.markdown(reader.text("deliveries.no_answer_yet"))


def _laid_out(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _resend(visit: Visit, one: WebhookDelivery) -> None:
    try:
        visit.ask(lambda api: api.webhooks.resend_delivery(one.id))
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    st.session_state[_RESENT_KEY] = one.id
    st.rerun()
