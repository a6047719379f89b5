"""Every model, drafts and retired ones too: the list, and one of them with what can be done."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import streamlit as st

from augury.client import ModelOnShelf, ModelSales
from augury.ui.parts.deeds import ask_first, carry_out, show_told
from augury.ui.parts.elements import Pager, plain, prose, show_way_back, show_way_to
from augury.ui.parts.shelf_choice import choose_version, numbers_of
from augury.ui.parts.shelf_drift import show_drift
from augury.ui.parts.shelf_price import show_price
from augury.ui.parts.shelf_trial import show_trial
from augury.ui.parts.shelf_upload import show_upload, subject_of
from augury.ui.parts.shelf_versions import show_versions
from augury.ui.reader import Reader
from augury.ui.screens.models import show_details
from augury.ui.visit import Visit

_PAGE_ROWS: Final = 20
_COLOURS: Final[Mapping[str, Literal["green", "orange", "gray"]]] = {
    "active": "green",
    "draft": "orange",
    "retired": "gray",
}


def show(visit: Visit) -> None:
    """Show the model of the address's `model`, or all of them and the way to publish one."""
    name = st.query_params.get("model")
    model = visit.ask(lambda api: api.registry.model(name)) if name else None
    if model is not None:
        _show_one(visit, model)
        return
    reader = visit.reader
    st.title(reader.text("place.admin-models"), anchor=False)
    show_told("", subject_of(None))
    if name:
        st.warning(plain(reader.text("shelf.unknown", name=name)), icon=":material/help:")
    _show_list(visit)
    st.header(reader.text("upload.title"), anchor=False)
    show_upload(visit, None)


def _show_list(visit: Visit) -> None:
    reader = visit.reader
    pager = Pager("shelf", "")
    page = visit.ask(lambda api: api.registry.models(limit=_PAGE_ROWS, cursor=pager.cursor))
    if not page.items:
        st.markdown(reader.text("shelf.none"))
    sales = _sales(visit)
    for model in page.items:
        with st.container(border=True, key=f"shelf/{model.name}"):
            st.subheader(plain(reader.pick(model.title) or model.name), anchor=False)
            _show_badges(model, reader)
            st.caption(plain(_sold(sales.get(model.name), reader)))
            show_way_to(
                visit.places["admin-models"],
                reader.text("shelf.open"),
                key=f"open/{model.name}",
                query={"model": model.name},
            )
    pager.show(page.next_cursor, reader)


def _show_one(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    show_way_back(
        visit.places["admin-models"],
        reader.text("models.back"),
        key="shelf/back",
    )
    st.title(plain(reader.pick(model.title) or model.name), anchor=False)
    _show_badges(model, reader)
    st.caption(plain(f"{model.name} · {_sold(_sales(visit).get(model.name), reader)}"))
    show_told(model.name, subject_of(model.name))
    st.markdown(prose(reader.pick(model.description)))
    _show_status(visit, model)
    chosen = st.segmented_control(
        reader.text("shelf.parts"),
        tuple(_PARTS),
        default=next(iter(_PARTS)),
        required=True,
        format_func=lambda name: reader.text(f"shelf_part.{name}"),
        key="shelf/part",
        label_visibility="collapsed",
    )
    _PARTS[chosen or next(iter(_PARTS))](visit, model)


def _show_badges(model: ModelOnShelf, reader: Reader) -> None:
    champion = model.version(model.champion)
    with st.container(horizontal=True, gap="small"):
        status = plain(reader.named("model_status", model.status))
        st.badge(status, color=_COLOURS.get(model.status, "gray"))
        price = reader.text("models.price", credits=reader.count("credits", champion.price))
        st.badge(price, icon=":material/sell:", color="primary")
        st.badge(reader.text("shelf.champion", version=champion.version), color="gray")
        if model.challenger is not None:
            told = reader.text("shelf.challenger", version=model.challenger.version)
            st.badge(told, icon=":material/science:", color="blue")
        if champion.loaded is False:
            st.badge(reader.text("shelf.not_loaded"), icon=":material/error:", color="red")
    change = champion.price_change
    if change is not None:
        told = reader.text(
            "models.price_change",
            moment=reader.moment(change.begins_at),
            credits=reader.count("credits", change.price),
        )
        st.caption(f":material/schedule: {plain(told)}")


def _sales(visit: Visit) -> dict[str, ModelSales]:
    return {one.model: one for one in visit.ask(lambda api: api.admin.model_sales()).items}


def _sold(sales: ModelSales | None, reader: Reader) -> str:
    if sales is None or not sales.predictions:
        return reader.text("shelf.unsold")
    return reader.text(
        "shelf.sold",
        predictions=reader.number(sales.predictions),
        rows=reader.count("rows", sales.rows),
        credits=reader.count("credits", sales.revenue),
    )


def _show_status(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    title = plain(reader.pick(model.title) or model.name)
    deed, champion = f"sale/{model.name}", model.version(model.champion)
    if model.status == "active":
        effect = reader.text("shelf.retire_effect", title=title)
        label = reader.text("shelf.retire")
        if ask_first(reader, deed, label, effect, order="retire", icon=":material/archive:"):
            carry_out(
                visit,
                deed,
                model.name,
                lambda api: api.registry.set_status(model.name, "retired"),
                lambda _now: reader.text("shelf.retired", name=model.name),
            )
        return
    effect = reader.text(
        "shelf.activate_effect",
        title=title,
        version=champion.version,
        credits=plain(reader.count("credits", champion.price)),
    )
    label = reader.text("shelf.activate")
    order = f"activate/{champion.version}/{champion.price}"
    if ask_first(
        reader, deed, label, effect, order=order, icon=":material/storefront:", is_primary=True
    ):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.set_status(model.name, "active"),
            lambda _now: reader.text("shelf.activated", name=model.name),
        )


def _show_card(visit: Visit, model: ModelOnShelf) -> None:
    """Show a version as customers see it, or would if it were on sale."""
    reader = visit.reader
    number = choose_version(reader, model, numbers_of(model), "card")
    version = visit.ask(lambda api: api.registry.version(model.name, number))
    if not reader.pick(version.card):
        st.caption(reader.text("shelf.no_card"))
    show_details(version, reader)


_PARTS: Final[Mapping[str, Callable[[Visit, ModelOnShelf], None]]] = {
    "versions": show_versions,
    "price": show_price,
    "trial": show_trial,
    "drift": show_drift,
    "card": _show_card,
}
