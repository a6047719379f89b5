"""Buy credits: how many, by whom paid, the way to the payment, and what became of the last ones."""

from collections.abc import Sequence
from typing import Final

import msgspec
import streamlit as st
from msgspec import Struct
from streamlit.delta_generator import DeltaGenerator

from augury.client import ApiError, Buyer, Money, Pack, Packs, Provider, TopUp
from augury.ui.parts.elements import plain, show_refusal, show_way_to_pay
from augury.ui.parts.extras import show_alert, show_voucher
from augury.ui.parts.intents import order_once
from augury.ui.parts.latest_top_ups import read_latest, show_latest
from augury.ui.parts.prices import better_buy, price_of
from augury.ui.parts.saved_methods import show_saved_methods
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_BEGUN_KEY: Final = "top-up/begun"
_OTHER: Final = 0
_USUAL_CREDITS: Final = 1000
_STEP: Final = 100
_INVOICES: Final = "invoice"
# What was chosen outlives a switch of pages.
_KEPT: Final = "session"


class _Wish(Struct, frozen=True):
    """What the visitor wants to buy."""

    credits: int
    provider: str
    currency: str
    save_method: bool
    buyer: Buyer | None


class _Begun(Struct, frozen=True):
    """The top-up that a wish has become."""

    wish: _Wish
    top_up_id: str


def show(visit: Visit) -> None:
    """Show what there is to choose, the way to pay for it, and the latest top-ups."""
    reader = visit.reader
    st.title(reader.text("place.top-up"), anchor=False)
    offer = visit.ask_openly(lambda api: api.money.packs())
    if offer.packs and offer.providers:
        latest = _sell(visit, offer)
    else:
        st.info(reader.text("top_up.off"))
        latest = read_latest(visit)
    show_latest(visit, latest)
    show_voucher(visit)
    show_alert(visit)
    show_saved_methods(visit, offer)


def _sell(visit: Visit, offer: Packs) -> Sequence[TopUp]:
    """Show the form and, under it, the button that begins a top-up or the way to pay for it."""
    reader = visit.reader
    provider = _choose_provider(reader, offer.providers)
    currency = _choose_currency(reader, provider)
    packs = [pack for pack in offer.packs if pack.money.currency == currency]
    credits_ = _choose_credits(reader, packs)
    price = price_of(credits_, packs)
    if price is not None:
        _show_better_buy(reader, credits_, price, packs)
    buyer = _ask_for_buyer(reader) if provider.name == _INVOICES else None
    save_method = provider.saves_methods and st.checkbox(
        reader.text("top_up.remember"), key="top-up/remember", persist_state=_KEPT
    )
    wish = _Wish(credits_, provider.name, currency, save_method, buyer)
    place = st.empty()
    if _show_start(reader, wish, price, place):
        if buyer is None and provider.name == _INVOICES:
            st.error(reader.text("top_up.who_pays"), icon=":material/error:")
        else:
            _begin(visit, wish)
    st.caption(reader.text("top_up.terms"))
    latest = read_latest(visit)
    begun: _Begun | None = st.session_state.get(_BEGUN_KEY)
    if begun is not None and begun.wish == wish:
        top_up = next((one for one in latest if one.id == begun.top_up_id), None)
        if top_up is not None and top_up.status == "pending":
            _show_way_to_pay(reader, top_up, place)
    return latest


def _choose_provider(reader: Reader, providers: Sequence[Provider]) -> Provider:
    if len(providers) == 1:
        return providers[0]
    names = [provider.name for provider in providers]
    chosen = st.radio(
        reader.text("top_up.provider"),
        names,
        format_func=lambda name: plain(reader.named("provider", name)),
        key=_key("provider", names),
        persist_state=_KEPT,
    )
    return providers[names.index(chosen)]


def _choose_currency(reader: Reader, provider: Provider) -> str:
    currencies = provider.currencies
    if len(currencies) == 1:
        return currencies[0]
    return (
        st.segmented_control(
            reader.text("top_up.currency"),
            currencies,
            default=currencies[0],
            required=True,
            key=_key("currency", currencies),
            persist_state=_KEPT,
        )
        or currencies[0]
    )


def _choose_credits(reader: Reader, packs: Sequence[Pack]) -> int:
    options = [*(pack.credits for pack in packs), _OTHER]
    titles = {pack.credits: _pack_title(reader, pack) for pack in packs}
    chosen = st.radio(
        reader.text("top_up.pack"),
        options,
        format_func=lambda size: titles.get(size) or reader.text("top_up.other"),
        captions=[plain(reader.money(pack.money)) for pack in packs]
        + [reader.text("top_up.other_caption")],
        horizontal=True,
        width="stretch",
        key=_key("pack", options),
        persist_state=_KEPT,
    )
    if chosen != _OTHER:
        return chosen
    typed = st.number_input(
        reader.text("field.credits"),
        value=_USUAL_CREDITS,
        step=_STEP,
        key="top-up/credits",
        persist_state=_KEPT,
    )
    return int(typed or 0)


def _key(name: str, options: Sequence[object]) -> str:
    # A choice that was kept may not outlive the options that it was made from.
    return f"top-up/{name}/{'-'.join(str(option) for option in options)}"


def _pack_title(reader: Reader, pack: Pack) -> str:
    title = f"**{plain(reader.count('credits', pack.credits))}**"
    if pack.discount <= 0:
        return title
    discount = reader.text("top_up.discount", percent=reader.whole_percent(pack.discount))
    return f"{title} :green-badge[{plain(discount)}]"


def _show_better_buy(reader: Reader, credits_: int, price: Money, packs: Sequence[Pack]) -> None:
    pack = better_buy(credits_, price, packs)
    if pack is not None:
        told = reader.text(
            "top_up.better",
            credits=reader.count("credits", pack.credits),
            money=reader.money(pack.money),
        )
        st.info(plain(told), icon=":material/lightbulb:")


def _ask_for_buyer(reader: Reader) -> Buyer | None:
    name = st.text_input(
        reader.text("field.name"), max_chars=200, key="top-up/buyer/name", persist_state=_KEPT
    )
    tax_id = st.text_input(
        reader.text("field.tax_id"), max_chars=32, key="top-up/buyer/tax_id", persist_state=_KEPT
    )
    address = st.text_input(
        reader.text("field.address"), max_chars=300, key="top-up/buyer/address", persist_state=_KEPT
    )
    return Buyer(name.strip(), tax_id.strip(), address.strip()) if name.strip() else None


def _show_start(reader: Reader, wish: _Wish, price: Money | None, place: DeltaGenerator) -> bool:
    credits_ = reader.count("credits", wish.credits)
    label = (
        reader.text("top_up.start_unpriced")
        if price is None
        else reader.text("top_up.start", credits=credits_, money=reader.money(price))
    )
    pressed: bool = place.button(
        plain(label), type="primary", icon=":material/add_card:", key="top-up/start"
    )
    return pressed


def _begin(visit: Visit, wish: _Wish) -> None:
    try:
        with st.spinner(visit.reader.text("top_up.working")):
            top_up = order_once(
                visit,
                "top-up",
                msgspec.json.encode(wish).decode(),
                lambda api, key: api.money.start_top_up(
                    wish.credits,
                    provider=wish.provider,
                    currency=wish.currency,
                    save_method=wish.save_method,
                    buyer=wish.buyer,
                    idempotency_key=key,
                ),
            )
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return
    st.session_state[_BEGUN_KEY] = _Begun(wish, top_up.id)


def _show_way_to_pay(reader: Reader, top_up: TopUp, place: DeltaGenerator) -> None:
    with place.container(border=True):
        ready = reader.text(
            "top_up.ready",
            credits=reader.count("credits", top_up.credits),
            money=reader.money(top_up.money),
        )
        st.markdown(plain(ready))
        pay = reader.text("top_up.go", money=reader.money(top_up.money))
        label = reader.named("way_to_pay", top_up.provider, pay)
        show_way_to_pay(top_up.checkout_url, plain(label), key="top-up/go", is_primary=True)
