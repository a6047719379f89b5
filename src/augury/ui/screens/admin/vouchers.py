"""Vouchers: batches of codes, how much of each was redeemed, and making more."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal

import streamlit as st
from msgspec import to_builtins

from augury.client import VoucherBatch, VoucherBatchMade, VoucherOffer
from augury.ui.parts.deeds import ask_first, carry_out, carry_out_once, show_told
from augury.ui.parts.elements import Pager, list_row, plain, show_table, show_way_back, show_way_to
from augury.ui.parts.people import names_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit

PAGE: Final = "admin-vouchers"
_PAGE_ROWS: Final = 20
_LONGEST_NAME: Final = 100
_CODES_KEY: Final = f"{PAGE}/made-codes"

Colour = Literal["green", "orange", "red", "gray"]
_COLOURS: Final[Mapping[str, Colour]] = {"active": "green", "stopped": "red"}


def show(visit: Visit) -> None:
    """Show the batch of the address's `id`, or all of them; and make a new one."""
    batch_id = st.query_params.get("id")
    if batch_id:
        _show_one(visit, batch_id)
        return
    reader = visit.reader
    st.title(reader.text("place.admin-vouchers"), anchor=False)
    pager = Pager(PAGE, "")
    page = visit.ask(lambda api: api.admin.vouchers.page(limit=_PAGE_ROWS, cursor=pager.cursor))
    show_told(PAGE)
    _show_codes(visit)
    if not page.items:
        st.markdown(reader.text("vouchers.none"))
    for one in page.items:
        _show_row(visit, one)
    pager.show(page.next_cursor, reader)
    _make(visit)


def _show_row(visit: Visit, one: VoucherBatch) -> None:
    reader = visit.reader
    with list_row(f"{PAGE}/{one.id}"):
        facts = (
            reader.moment(one.created_at),
            reader.count("voucher_codes", one.code_count),
            reader.count("credits", one.credits),
            _redeemed(reader, one),
        )
        st.markdown(f"**{plain(one.name)}**  \n:gray[{plain(' · '.join(facts))}]")
        _show_status(reader, one)
        show_way_to(
            visit.places[PAGE],
            reader.text("predictions.open"),
            key=f"{PAGE}/open/{one.id}",
            query={"id": one.id},
        )


def _redeemed(reader: Reader, one: VoucherBatch) -> str:
    numbers = {"number": reader.number(one.redeemed), "total": reader.number(one.total_uses)}
    return reader.text("vouchers.redeemed_of", **numbers)


def _show_status(reader: Reader, one: VoucherBatch) -> None:
    status = plain(reader.named("voucher_status", one.status))
    st.badge(status, color=_COLOURS.get(one.status, "gray"))


def _show_codes(visit: Visit) -> None:
    """Show the codes that were just made, until whoever made them says that they have them."""
    made: VoucherBatchMade | None = st.session_state.get(_CODES_KEY)
    session = visit.session
    if made is None or session is None:
        return
    if st.session_state.get(f"{_CODES_KEY}/session") != session.id:
        # Somebody else sits in front of this tab by now.
        _forget_codes()
        return
    reader = visit.reader
    codes = "\n".join(made.codes or ())
    with st.container(border=True, key=f"{PAGE}/made"):
        st.subheader(plain(reader.text("vouchers.codes_of", name=made.name)), anchor=False)
        st.warning(reader.text("vouchers.once"), icon=":material/key:")
        st.code(codes, language=None, height=200)
        with st.container(horizontal=True):
            st.download_button(
                reader.text("vouchers.download"),
                codes + "\n",
                file_name=f"augury-vouchers-{made.id}.txt",
                mime="text/plain",
                icon=":material/download:",
                on_click="ignore",
                key=f"{PAGE}/download",
            )
            st.button(
                reader.text("vouchers.saved"),
                type="primary",
                icon=":material/check:",
                key=f"{PAGE}/saved",
                on_click=_forget_codes,
            )


def _forget_codes() -> None:
    st.session_state.pop(_CODES_KEY, None)
    st.session_state.pop(f"{_CODES_KEY}/session", None)


def _make(visit: Visit) -> None:
    reader = visit.reader
    st.header(reader.text("vouchers.make"), anchor=False)
    name = st.text_input(
        reader.text("vouchers.name"),
        max_chars=_LONGEST_NAME,
        help=reader.text("vouchers.name_help"),
        key=f"{PAGE}/name",
        persist_state="session",
    ).strip()
    left, right = st.columns(2)
    with left:
        credits_ = _number(reader, "credits", 500)
        uses_per_code = _number(reader, "uses_per_code", 1)
    with right:
        codes = _number(reader, "codes", 10)
        uses_per_user = _number(reader, "uses_per_user", 1)
    expires_at = _choose_end(reader)
    if not name:
        st.caption(reader.text("vouchers.name_first"))
        return
    offer = VoucherOffer(
        name=name,
        credits=credits_,
        codes=codes,
        uses_per_code=uses_per_code,
        uses_per_user=uses_per_user,
        expires_at=expires_at,
    )
    effect = reader.text(
        "vouchers.effect",
        codes=reader.count("voucher_codes", codes),
        credits=reader.count("credits", credits_),
        total=reader.count("credits", codes * uses_per_code * credits_),
    )
    deed, order = f"{PAGE}/make", str(to_builtins(offer))
    label = reader.text("vouchers.make_now")
    if ask_first(reader, deed, label, effect, order=order, icon=":material/redeem:"):
        carry_out_once(
            visit,
            deed,
            PAGE,
            order,
            lambda api, key: api.admin.vouchers.make(offer, idempotency_key=key),
            lambda made: _keep(visit, made),
        )


def _number(reader: Reader, name: str, usual: int) -> int:
    number = st.number_input(
        reader.text(f"vouchers.{name}"),
        min_value=None,
        value=usual,
        step=1,
        format="%d",
        key=f"{PAGE}/{name}",
        persist_state="session",
    )
    return int(number or 0)


def _choose_end(reader: Reader) -> datetime | None:
    if not st.toggle(reader.text("vouchers.ends"), key=f"{PAGE}/ends", persist_state="session"):
        return None
    chosen = st.date_input(
        reader.text("vouchers.last_day"),
        value=datetime.now(UTC).date() + timedelta(days=90),
        format="DD.MM.YYYY" if reader.language == "ru" else "YYYY-MM-DD",
        key=f"{PAGE}/last-day",
        persist_state="session",
    )
    return datetime.combine(chosen + timedelta(days=1), time.min, UTC)


def _keep(visit: Visit, made: VoucherBatchMade) -> str:
    reader = visit.reader
    if made.codes is None or visit.session is None:
        return reader.text("vouchers.made_before")
    st.session_state[_CODES_KEY] = made
    st.session_state[f"{_CODES_KEY}/session"] = visit.session.id
    return reader.text("vouchers.made", codes=reader.count("voucher_codes", made.code_count))


def _show_one(visit: Visit, batch_id: str) -> None:
    reader = visit.reader
    show_way_back(
        visit.places[PAGE],
        reader.text("vouchers.back"),
        key=f"{PAGE}/back",
    )
    pager = Pager(f"{PAGE}/redemptions", batch_id)
    one = visit.ask(
        lambda api: api.admin.vouchers.batch(batch_id, limit=_PAGE_ROWS, cursor=pager.cursor)
    )
    st.title(plain(one.name), anchor=False)
    place = f"{PAGE}/{one.id}"
    show_told(place)
    _show_status(reader, one)
    _show_facts(visit, one)
    if one.status == "active":
        _stop(visit, one, place)
    st.header(reader.text("vouchers.redemptions"), anchor=False)
    redemptions = one.redemptions.items
    if not redemptions:
        st.markdown(reader.text("vouchers.not_redeemed"))
    else:
        names = names_of(visit, (each.user_id for each in redemptions))
        rows = [
            (reader.moment(each.created_at), plain(names[each.user_id])) for each in redemptions
        ]
        columns = ("when", "customer")
        show_table([reader.text(f"vouchers.{column}") for column in columns], rows)
    pager.show(one.redemptions.next_cursor, reader)


def _show_facts(visit: Visit, one: VoucherBatch) -> None:
    reader = visit.reader
    names = names_of(visit, [one.created_by, one.stopped_by])
    never = reader.text("vouchers.never")
    facts = {
        "codes": reader.number(one.code_count),
        "credits": reader.number(one.credits),
        "uses_per_code": reader.number(one.uses_per_code),
        "uses_per_user": reader.number(one.uses_per_user),
        "redeemed": _redeemed(reader, one),
        "given": reader.count("credits", one.redeemed_credits),
        "until": never if one.expires_at is None else reader.moment(one.expires_at),
        "made_by": names[one.created_by],
        "made_at": reader.moment(one.created_at),
    }
    if one.stopped_at is not None:
        who = names.get(one.stopped_by or "", "")
        facts["stopped"] = f"{reader.moment(one.stopped_at)} · {who}"
    rows = [(reader.text(f"vouchers.{name}"), plain(value)) for name, value in facts.items()]
    columns = ("what", "value")
    show_table([reader.text(f"admin_top_ups.{column}") for column in columns], rows)


def _stop(visit: Visit, one: VoucherBatch, place: str) -> None:
    reader = visit.reader
    left = reader.number(one.total_uses - one.redeemed)
    effect = reader.text("vouchers.stop_effect", left=left)
    deed = f"{PAGE}/stop/{one.id}"
    if ask_first(reader, deed, reader.text("vouchers.stop"), effect, icon=":material/block:"):
        carry_out(
            visit,
            deed,
            place,
            lambda api: api.admin.vouchers.stop(one.id),
            lambda _: reader.text("vouchers.stopped_now"),
        )
