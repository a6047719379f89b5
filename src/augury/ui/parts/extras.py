"""The small things beside a top-up: a voucher's code, and the word when few credits are left."""

import streamlit as st

from augury.client import ApiError
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.intents import order_once
from augury.ui.visit import Visit

_LONGEST_CODE = 64
_STEP = 100


def show_voucher(visit: Visit) -> None:
    """Show the field for a code, and what it gave."""
    reader = visit.reader
    with st.expander(reader.text("voucher.title"), icon=":material/redeem:"):
        with st.form("voucher", border=False):
            code = st.text_input(
                reader.text("field.code"),
                max_chars=_LONGEST_CODE,
                autocomplete="off",
                key="voucher/code",
                persist_state="session",
            )
            submitted = st.form_submit_button(reader.text("voucher.redeem"))
        if submitted:
            _redeem(visit, code.strip())


def _redeem(visit: Visit, code: str) -> None:
    reader = visit.reader
    if not code:
        st.error(reader.text("voucher.empty"), icon=":material/error:")
        return
    try:
        redeemed = order_once(
            visit,
            "voucher",
            code,
            lambda api, key: api.money.redeem_voucher(code, idempotency_key=key),
        )
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    told = reader.text(
        "voucher.redeemed",
        credits=reader.count("credits", redeemed.credits),
        balance=reader.count("credits", redeemed.balance_after),
    )
    st.success(plain(told), icon=":material/check_circle:")


def show_alert(visit: Visit) -> None:
    """Show below how many credits the visitor is told, and let it be changed."""
    reader = visit.reader
    with st.expander(reader.text("alert.title"), icon=":material/notifications:"):
        st.markdown(reader.text("alert.introduction"))
        with st.form("alert", border=False):
            below = st.number_input(
                reader.text("field.below"),
                value=None,
                step=_STEP,
                key=_seeded(visit.ask(lambda api: api.money.balance_alert())),
                placeholder=reader.text("alert.never"),
                persist_state="session",
            )
            submitted = st.form_submit_button(reader.text("form.save"))
        if submitted:
            _set_alert(visit, None if below is None else int(below))


def _seeded(below: int | None) -> str:
    # Not as the widget's default: emptying such a widget brings the default back.
    key = f"alert/below/{below}"
    st.session_state.setdefault(key, below)
    return key


def _set_alert(visit: Visit, below: int | None) -> None:
    reader = visit.reader
    try:
        visit.ask(lambda api: api.money.set_balance_alert(below))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    told = (
        reader.text("alert.is_off")
        if below is None
        else reader.text("alert.is_on", credits=reader.count("credits", below))
    )
    st.success(plain(told), icon=":material/check_circle:")
