"""Buy a prediction: a form made from the model's own description, the price, the answer."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from augury.client import Model
from augury.ui.parts.answer import show_answer
from augury.ui.parts.choosing import choose_model, choose_reasons, price_per_row, show_price
from augury.ui.parts.documents import page_of
from augury.ui.parts.elements import plain, prose, show_way_to
from augury.ui.parts.fields import field_titles, read_fields
from augury.ui.parts.filling import fill, filled
from augury.ui.parts.sale import bought, buy
from augury.ui.parts.widgets import draw_form
from augury.ui.visit import Visit

_SCREEN = "predict"


def show(visit: Visit) -> None:
    """Show the form for the chosen model and, once bought, the answer."""
    reader = visit.reader
    st.title(reader.text("place.predict"), anchor=False)
    on_sale = visit.ask(lambda api: api.models())
    if not on_sale:
        st.markdown(reader.text("models.none"))
        return
    model = choose_model(visit, _SCREEN, on_sale)
    st.markdown(prose(reader.pick(model.description)))
    page = page_of(model)
    if page != _SCREEN:
        _show_way_to_its_page(visit, model, page)
        return
    explain = choose_reasons(visit, _SCREEN, model)
    show_price(visit, model, explain=explain)
    row = _show_form(visit, model, explain=explain)
    if row is not None:
        titles = field_titles(model.input_schema, reader)
        buy(visit, _SCREEN, model, row, titles, explain=explain)
    answer = bought(visit, _SCREEN, model)
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


def _show_form(visit: Visit, model: Model, *, explain: bool) -> Mapping[str, Any] | None:
    """Show the form; return the row to buy a prediction for, or None while there is none."""
    reader = visit.reader
    place = f"predict/{model.name}/{model.version}"
    st.button(
        reader.text("form.example"),
        icon=":material/edit_note:",
        key="predict/example",
        on_click=fill,
        args=(place, None),
    )
    fields, prefix = filled(place, read_fields(model.input_schema, reader))
    # Credits are spent by a click, never by an Enter on the way from field to field.
    with st.form(f"predict/{model.name}", enter_to_submit=False):
        row, empty = draw_form(fields, reader, prefix)
        price = reader.count("credits", price_per_row(model, explain=explain))
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
