"""Ways to pay that a provider remembers, and the automatic top-up that uses one of them."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from augury.client import ApiError, AutomaticTopUp, Client, Packs, PaymentMethod
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.prices import minor_units, price_of, whole_units
from augury.ui.visit import Visit

_NOT_FOUND: Final = 404
_KEPT: Final = "session"
_DONE_KEY: Final = "methods/done"
_USUAL_BELOW: Final = 500
_USUAL_CREDITS: Final = 5000
_USUAL_TIMES_A_MONTH: Final = 3
_STEP: Final = 100


def show_saved_methods(visit: Visit, offer: Packs) -> None:
    """Show the saved methods and the automatic top-up, if anybody can remember a method."""
    reader = visit.reader
    methods = visit.ask(lambda api: api.money.payment_methods())
    if not methods and not any(provider.saves_methods for provider in offer.providers):
        return
    with st.expander(reader.text("methods.title"), icon=":material/autorenew:"):
        done = st.session_state.pop(_DONE_KEY, None)
        if done:
            st.success(reader.text(done), icon=":material/check_circle:")
        if not methods:
            st.markdown(reader.text("methods.none"))
            return
        for method in methods:
            _show_method(visit, method)
        _show_automatic(visit, offer, methods)


def _show_method(visit: Visit, method: PaymentMethod) -> None:
    reader = visit.reader
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"method/{method.id}",
    ):
        st.markdown(
            f"**{plain(method.title)}**  \n:gray[{plain(reader.moment(method.created_at))}]"
        )
        if st.button(reader.text("methods.forget"), key=f"forget/{method.id}"):
            _do(visit, lambda api: api.money.remove_payment_method(method.id), "methods.forgotten")


def _show_automatic(visit: Visit, offer: Packs, methods: Sequence[PaymentMethod]) -> None:
    reader = visit.reader
    order = _order_or_none(visit)
    st.subheader(reader.text("automatic.title"), anchor=False)
    st.markdown(reader.text("automatic.introduction"))
    if order is not None and order.resting:
        st.warning(reader.text("automatic.resting"), icon=":material/pause_circle:")
    wanted = _ask_for_order(visit, offer, methods, order)
    with st.container(horizontal=True):
        label = reader.text("automatic.set" if order is None else "form.save")
        if wanted is not None and st.button(label, key="automatic/set"):
            _set(visit, offer, wanted)
        if order is not None and st.button(reader.text("automatic.end"), key="automatic/end"):
            _do(visit, lambda api: api.money.remove_automatic_top_up(), "automatic.is_off")


def _ask_for_order(
    visit: Visit, offer: Packs, methods: Sequence[PaymentMethod], order: AutomaticTopUp | None
) -> AutomaticTopUp | None:
    """Return the automatic top-up that the visitor describes; None if no method can pay one."""
    reader = visit.reader
    currencies = {one.name: one.currencies for one in offer.providers if one.saves_methods}
    usable = {method.id: method for method in methods if currencies.get(method.provider)}
    if not usable:
        return None
    ids = list(usable)
    method_id = st.selectbox(
        reader.text("automatic.method"),
        ids,
        index=ids.index(order.payment_method_id)
        if order is not None and order.payment_method_id in ids
        else 0,
        format_func=lambda one: usable[one].title,
        filter_mode=None,
        key=f"automatic/method/{'-'.join(ids)}",
        persist_state=_KEPT,
    )
    taken = currencies[usable[method_id].provider]
    currency = order.currency if order is not None and order.currency in taken else taken[0]
    # With the order that stands in their names: one that was changed elsewhere is shown as it is.
    stands = "" if order is None else f"{order.below}-{order.credits}-{order.monthly_cap_minor}"
    below = st.number_input(
        reader.text("field.below"),
        value=order.below if order else _USUAL_BELOW,
        step=_STEP,
        key=f"automatic/below/{stands}",
        persist_state=_KEPT,
    )
    credits_ = st.number_input(
        reader.text("automatic.credits"),
        value=order.credits if order else _USUAL_CREDITS,
        step=_STEP,
        key=f"automatic/credits/{stands}",
        persist_state=_KEPT,
    )
    cap = st.number_input(
        reader.text("automatic.cap", currency=currency),
        value=whole_units(_cap(offer, order, currency), currency),
        step=_STEP,
        key=f"automatic/cap/{currency}/{stands}",
        persist_state=_KEPT,
    )
    return AutomaticTopUp(
        method_id, int(below), int(credits_), currency, minor_units(int(cap), currency)
    )


def _cap(offer: Packs, order: AutomaticTopUp | None, currency: str) -> int:
    if order is not None and order.currency == currency:
        return order.monthly_cap_minor
    price = price_of(_USUAL_CREDITS, [one for one in offer.packs if one.money.currency == currency])
    return _USUAL_TIMES_A_MONTH * price.amount_minor if price is not None else 0


def _set(visit: Visit, offer: Packs, wanted: AutomaticTopUp) -> None:
    reader = visit.reader
    packs = [one for one in offer.packs if one.money.currency == wanted.currency]
    price = price_of(wanted.credits, packs)
    if price is not None and price.amount_minor > wanted.monthly_cap_minor:
        # The API says so, too, but in minor units.
        st.error(plain(reader.text("automatic.cap_too_low", money=reader.money(price))))
        return
    _do(
        visit,
        lambda api: api.money.set_automatic_top_up(
            wanted.payment_method_id,
            below=wanted.below,
            credits=wanted.credits,
            currency=wanted.currency,
            monthly_cap_minor=wanted.monthly_cap_minor,
        ),
        "automatic.is_on",
    )


def _order_or_none(visit: Visit) -> AutomaticTopUp | None:
    try:
        return visit.ask(lambda api: api.money.automatic_top_up())
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise


def _do(visit: Visit, work: Callable[[Client], object], done: str) -> None:
    """Do `work`, and say `done` on the page drawn anew."""
    try:
        visit.ask(work)
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    st.session_state[_DONE_KEY] = done
    st.rerun()
