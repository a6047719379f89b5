"""What an administrator can do about one customer: adjust the balance, block, let in again."""

from typing import Final

import streamlit as st

from augury.client import AdminUser, ApiError
from augury.ui.parts.deeds import ask_first, carry_out, finish
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.intents import order_once
from augury.ui.visit import Visit

_LONGEST_REASON: Final = 500
_SHORTEST_REASON: Final = 3
_STEP: Final = 100


def show_deeds(visit: Visit, user: AdminUser) -> None:
    """Show the forms of both."""
    _show_adjustment(visit, user)
    _show_status(visit, user)


def _show_adjustment(visit: Visit, user: AdminUser) -> None:
    reader = visit.reader
    st.header(reader.text("adjustment.title"), anchor=False)
    # Fields of the next adjustment are new ones: the last one's amount may not stay in them.
    number = st.session_state.get(_made_key(user), 0)
    amount = st.number_input(
        reader.text("adjustment.amount"),
        value=None,
        step=_STEP,
        format="%d",
        help=reader.text("adjustment.about_amount"),
        key=f"adjustment/{user.id}/{number}/amount",
        persist_state="session",
    )
    reason = st.text_area(
        reader.text("adjustment.reason"),
        max_chars=_LONGEST_REASON,
        height="content",
        help=reader.text("adjustment.about_reason"),
        key=f"adjustment/{user.id}/{number}/reason",
        persist_state="session",
    )
    amount, reason = int(amount or 0), (reason or "").strip()
    if not amount or len(reason) < _SHORTEST_REASON:
        st.caption(reader.text("adjustment.incomplete"))
        return
    before = user.balance.available
    preview = reader.text(
        "adjustment.preview",
        amount=reader.signed(amount),
        before=reader.number(before),
        after=reader.number(before + amount),
    )
    st.markdown(plain(preview))
    if before + amount < 0:
        st.warning(reader.text("adjustment.too_much"), icon=":material/warning:")
    effect = reader.text(
        "adjustment.effect",
        name=plain(user.username),
        preview=plain(preview),
        reason=plain(reason),
    )
    label = reader.text("adjustment.ask")
    if ask_first(
        reader,
        f"adjust/{user.id}",
        label,
        effect,
        order=f"{amount}/{reason}",
        icon=":material/balance:",
    ):
        _adjust(visit, user, amount, reason)


def _adjust(visit: Visit, user: AdminUser, amount: int, reason: str) -> None:
    reader = visit.reader
    try:
        made = order_once(
            visit,
            f"adjust/{user.id}",
            f"{amount}/{reason}",
            lambda api, key: api.admin.adjust(user.id, amount, reason, idempotency_key=key),
        )
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    st.session_state[_made_key(user)] = st.session_state.get(_made_key(user), 0) + 1
    balance = made.balance_after or 0
    told = reader.text(
        "adjustment.done",
        name=user.username,
        amount=reader.signed(made.amount),
        before=reader.number(balance - made.amount),
        after=reader.number(balance),
    )
    finish(f"adjust/{user.id}", user.id, told)


def _made_key(user: AdminUser) -> str:
    return f"adjustment/{user.id}/made"


def _show_status(visit: Visit, user: AdminUser) -> None:
    reader = visit.reader
    is_blocked = user.status == "blocked"
    st.header(reader.text("blocking.title"), anchor=False)
    st.markdown(reader.text("blocking.is_blocked" if is_blocked else "blocking.is_active"))
    name = plain(user.username)
    if is_blocked:
        label, icon = reader.text("blocking.unblock"), ":material/lock_open:"
        effect = reader.text("blocking.unblock_effect", name=name)
    else:
        label, icon = reader.text("blocking.block"), ":material/block:"
        effect = reader.text("blocking.block_effect", name=name)
    deed = f"status/{user.id}"
    if ask_first(reader, deed, label, effect, order=user.status, icon=icon):
        done = "blocking.unblocked" if is_blocked else "blocking.blocked"
        carry_out(
            visit,
            deed,
            user.id,
            lambda api: api.admin.set_status(user.id, "active" if is_blocked else "blocked"),
            lambda now: reader.text(done, name=now.username),
        )
