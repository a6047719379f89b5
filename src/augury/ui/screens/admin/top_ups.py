"""Everybody's top-ups: which of them need somebody to look, refunds, and bank statements."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from augury.client import AdminTopUp, TopUpFilter
from augury.ui.parts.bank_statements import show_import
from augury.ui.parts.colours import OF_AWAITED
from augury.ui.parts.deeds import ask_first, carry_out, carry_out_once, show_told
from augury.ui.parts.elements import Pager, list_row, plain, show_table, show_way_back, show_way_to
from augury.ui.parts.look_back import PERIODS
from augury.ui.parts.people import choose_person, names_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit

PAGE: Final = "admin-top-ups"
_PAGE_ROWS: Final = 20
_STATUSES: Final = ("pending", "succeeded", "failed", "expired", "refunded")
_PROVIDERS: Final = ("sandbox", "stripe", "yookassa", "invoice")
_SHORTEST_REASON: Final = 3


def show(visit: Visit) -> None:
    """Show the top-up of the address's `id`, or the wanted ones; and import bank statements."""
    top_up_id = st.query_params.get("id")
    if top_up_id:
        _show_one(visit, top_up_id)
        return
    reader = visit.reader
    st.title(reader.text("place.admin-top-ups"), anchor=False)
    show_told(PAGE)
    wanted = _choose(visit)
    pager = Pager(PAGE, urlencode(wanted.query()))
    page = visit.ask(
        lambda api: api.admin.top_ups.page(wanted, limit=_PAGE_ROWS, cursor=pager.cursor)
    )
    if not page.items:
        st.markdown(reader.text("admin_top_ups.none"))
    names = names_of(visit, (one.user_id for one in page.items))
    for one in page.items:
        _show_row(visit, one, names)
    pager.show(page.next_cursor, reader)
    show_import(visit, PAGE)


def _choose(visit: Visit) -> TopUpFilter:
    reader = visit.reader
    is_odd = st.toggle(
        reader.text("admin_top_ups.attention"),
        help=reader.text("admin_top_ups.attention_help"),
        key=f"{PAGE}/attention",
    )
    left, right = st.columns(2)
    with left:
        status = _pick(reader, "status", _STATUSES, "top_up_status")
        user_id = choose_person(visit, reader.text("admin_top_ups.customer"), key=f"{PAGE}/user")
    with right:
        provider = _pick(reader, "provider", _PROVIDERS, "provider")
        period = _pick(reader, "period", tuple(PERIODS), "look_back")
    since = None if period is None else PERIODS[period].first_day()
    return TopUpFilter(
        status=status, provider=provider, user_id=user_id, since=since, attention=is_odd
    )


def _pick(reader: Reader, name: str, options: tuple[str, ...], prefix: str) -> str | None:
    chosen: str | None = st.selectbox(
        reader.text(f"admin_top_ups.{name}"),
        options,
        index=None,
        format_func=lambda one: reader.named(prefix, one),
        placeholder=reader.text("admin_top_ups.all"),
        filter_mode=None,
        key=f"{PAGE}/{name}",
    )
    return chosen


def _show_row(visit: Visit, one: AdminTopUp, names: Mapping[str, str]) -> None:
    reader = visit.reader
    with list_row(f"{PAGE}/{one.id}"):
        facts = (reader.moment(one.created_at), reader.named("provider", one.provider))
        st.markdown(
            f"**{plain(names[one.user_id])}** · {plain(reader.count('credits', one.credits))}"
            f" · {plain(reader.money(one.money))}  \n:gray[{plain(' · '.join(facts))}]"
        )
        _show_status(reader, one)
        show_way_to(
            visit.places[PAGE],
            reader.text("predictions.open"),
            key=f"{PAGE}/open/{one.id}",
            query={"id": one.id},
        )


def _show_status(reader: Reader, one: AdminTopUp) -> None:
    status = plain(reader.named("top_up_status", one.status))
    st.badge(status, color=OF_AWAITED.get(one.status, "gray"))
    if one.attention is not None:
        st.badge(plain(reader.named("attention", one.attention)), color="red")


def _show_one(visit: Visit, top_up_id: str) -> None:
    reader = visit.reader
    show_way_back(
        visit.places[PAGE],
        reader.text("admin_top_ups.back"),
        key=f"{PAGE}/back",
    )
    st.title(reader.text("admin_top_ups.one"), anchor=False)
    show_told(f"{PAGE}/{top_up_id}")
    one = visit.ask(lambda api: api.admin.top_ups.one(top_up_id))
    _show_status(reader, one)
    if one.attention is not None:
        st.warning(reader.named("attention_help", one.attention), icon=":material/warning:")
    names = names_of(visit, [one.user_id])
    none = reader.text("events.nothing")
    facts = {
        "customer": names[one.user_id],
        "credits": reader.number(one.credits),
        "money": reader.money(one.money),
        "provider": reader.named("provider", one.provider),
        "reference": one.reference or none,
        "begun": reader.moment(one.created_at),
        "ended": none if one.completed_at is None else reader.moment(one.completed_at),
        "reason": one.reason or none,
        "movement": one.transfer_id or none,
    }
    rows = [(reader.text(f"admin_top_ups.{name}"), plain(value)) for name, value in facts.items()]
    columns = ("what", "value")
    show_table([reader.text(f"admin_top_ups.{column}") for column in columns], rows)
    _check(visit, one)
    _show_refunds(visit, one)


def _check(visit: Visit, one: AdminTopUp) -> None:
    reader = visit.reader
    is_wanted = ask_first(
        reader,
        f"{PAGE}/check/{one.id}",
        reader.text("admin_top_ups.check"),
        reader.text("admin_top_ups.check_effect"),
        icon=":material/sync:",
    )
    if is_wanted:
        carry_out(
            visit,
            f"{PAGE}/check/{one.id}",
            f"{PAGE}/{one.id}",
            lambda api: api.admin.top_ups.check(one.id),
            lambda after: _checked(reader, one, after),
        )


def _checked(reader: Reader, before: AdminTopUp, after: AdminTopUp) -> str:
    status = reader.named("top_up_status", after.status)
    key = "unchanged" if after.status == before.status else "changed"
    return reader.text(f"admin_top_ups.{key}", status=status)


def _show_refunds(visit: Visit, one: AdminTopUp) -> None:
    reader = visit.reader
    st.header(reader.text("admin_top_ups.refunds"), anchor=False)
    refunds = visit.ask(lambda api: api.admin.top_ups.refunds(one.id))
    if refunds:
        columns = ("begun", "credits", "money", "status", "why")
        rows = [
            (
                reader.moment(each.created_at),
                reader.number(each.credits),
                plain(reader.money(each.money)),
                plain(reader.named("refund_status", each.status)),
                plain(each.reason),
            )
            for each in refunds
        ]
        show_table([reader.text(f"admin_top_ups.{column}") for column in columns], rows)
    else:
        st.markdown(reader.text("admin_top_ups.no_refunds"))
    back = 0 if one.refunded is None else one.refunded.credits
    if one.status == "succeeded" and one.credits > back:
        _refund(visit, one, one.credits - back)


def _refund(visit: Visit, one: AdminTopUp, left: int) -> None:
    reader = visit.reader
    credits_ = st.number_input(
        reader.text("admin_top_ups.refund_credits", left=reader.count("credits", left)),
        min_value=None,
        value=left,
        step=1,
        format="%d",
        key=f"{PAGE}/refund/credits/{one.id}",
        persist_state="session",
    )
    reason = st.text_input(
        reader.text("admin_top_ups.refund_reason"),
        help=reader.text("admin_top_ups.refund_reason_help"),
        key=f"{PAGE}/refund/reason/{one.id}",
        persist_state="session",
    ).strip()
    if len(reason) < _SHORTEST_REASON:
        st.caption(reader.text("admin_top_ups.reason_first"))
        return
    name = f"{PAGE}/refund/{one.id}"
    number = int(credits_ or 0)
    effect = reader.text(
        "admin_top_ups.refund_effect",
        credits=reader.count("credits", number),
        provider=reader.named("provider", one.provider),
    )
    order = f"{number}/{reason}"
    label = reader.text("admin_top_ups.refund")
    if ask_first(reader, name, label, effect, order=order, icon=":material/undo:"):
        carry_out_once(
            visit,
            name,
            f"{PAGE}/{one.id}",
            order,
            lambda api, key: api.admin.top_ups.refund(
                one.id, reason, credits=number, idempotency_key=key
            ),
            lambda made: reader.text(
                "admin_top_ups.refunded", status=reader.named("refund_status", made.status)
            ),
        )
