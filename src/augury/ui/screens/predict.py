"""Buy a prediction: a form made from the model's own description, the price, the answer."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from augury.client import Model
from augury.ui.answer import show_answer
from augury.ui.documents import page_of
from augury.ui.elements import plain, prose, show_way_to
from augury.ui.fields import field_titles, read_fields
from augury.ui.sale import bought, buy
from augury.ui.visit import Visit
from augury.ui.widgets import draw_form

_SCREEN = "predict"


def show(visit: Visit) -> None:
    """Show the form for the chosen model and, once bought, the answer."""
    reader = visit.reader
    st.title(reader.text("place.predict"), anchor=False)
    on_sale = visit.ask(lambda api: api.models())
    if not on_sale:
        st.markdown(reader.text("models.none"))
        return
    model = _choose(visit, on_sale)
    st.markdown(prose(reader.pick(model.description)))
    page = page_of(model)
    if page != "predict":
        _show_way_to_its_page(visit, model, page)
        return
    explain = _offer_reasons(visit, model)
    row = _show_form(visit, model, explain=explain)
    if row is not None:
        titles = field_titles(model.input_schema, reader)
        buy(visit, _SCREEN, model, row, titles, explain=explain)
    answer = bought(_SCREEN, model)
    if answer is not None:
        st.header(reader.text("predict.answer"), anchor=False)
        show_answer(visit, answer, model)


def _show_way_to_its_page(visit: Visit, model: Model, page: str) -> None:
    st.markdown(visit.reader.text("predict.own_page"))
    show_way_to(
        visit.places[page],
        visit.reader.text("predict.go"),
        key="predict/own-page",
        icon=":material/arrow_forward:",
        is_primary=True,
        query={"model": model.name},
    )


def _choose(visit: Visit, on_sale: tuple[Model, ...]) -> Model:
    reader = visit.reader
    names = [model.name for model in on_sale]
    wanted = st.query_params.get("model")
    titles = {
        model.name: reader.text(
            "predict.model_with_price",
            title=reader.pick(model.title) or model.name,
            credits=reader.count("credits", model.price),
        )
        for model in on_sale
    }
    chosen = st.selectbox(
        reader.text("predict.model"),
        names,
        index=names.index(wanted) if wanted in names else 0,
        format_func=lambda name: titles.get(name, name),
        filter_mode=None,
    )
    if wanted != chosen:
        st.query_params["model"] = chosen
    return next(model for model in on_sale if model.name == chosen)


def _offer_reasons(visit: Visit, model: Model) -> bool:
    """Return whether reasons are wanted; asked before the form, whose button names the price."""
    if model.explain is None:
        return False
    more = visit.reader.count("credits", model.explain.price)
    return st.checkbox(visit.reader.text("predict.explain", credits=more))


def _show_form(visit: Visit, model: Model, *, explain: bool) -> Mapping[str, Any] | None:
    """Show the form; return the row to buy a prediction for, or None while there is none."""
    reader = visit.reader
    fields = read_fields(model.input_schema, reader)
    # Credits are spent by a click, never by an Enter on the way from field to field.
    with st.form(f"predict/{model.name}", enter_to_submit=False):
        row, empty = draw_form(fields, reader, f"predict/{model.name}/{model.version}")
        reasons = model.explain.price if explain and model.explain else 0
        price = reader.count("credits", model.price + reasons)
        submitted = st.form_submit_button(
            reader.text("predict.buy", credits=price), type="primary", icon=":material/insights:"
        )
        st.caption(reader.text("predict.terms"))
    if not submitted:
        return None
    if empty:
        names = ", ".join(plain(field.title) for field in empty)
        st.error(reader.text("predict.incomplete", fields=names))
        return None
    return row
