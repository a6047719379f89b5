"""Buy a prediction: a form made from the model's own description, the price, the answer."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from augury.client import ApiError, Model, Prediction
from augury.ui.answer import show_answer
from augury.ui.elements import plain, prose, show_refusal
from augury.ui.fields import field_titles, read_fields
from augury.ui.intents import order_once
from augury.ui.visit import Visit
from augury.ui.widgets import draw_form

_ANSWER_KEY = "predict/answer"


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
    explain = _offer_reasons(visit, model)
    row = _show_form(visit, model, explain=explain)
    if row is not None:
        _buy(visit, model, row, explain=explain)
    answer: Prediction | None = st.session_state.get(_ANSWER_KEY)
    if answer is not None and answer.model == model.name:
        st.header(reader.text("predict.answer"), anchor=False)
        show_answer(reader, answer, model)


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


def _buy(visit: Visit, model: Model, row: Mapping[str, Any], *, explain: bool) -> None:
    reader = visit.reader
    st.session_state.pop(_ANSWER_KEY, None)
    order = json.dumps([model.name, model.version, dict(row), explain], sort_keys=True)
    try:
        with st.spinner(reader.text("predict.working")):
            st.session_state[_ANSWER_KEY] = order_once(
                visit,
                "predict",
                order,
                lambda api, key: api.predict(model.name, row, explain=explain, idempotency_key=key),
            )
    except ApiError as refusal:
        show_refusal(refusal, reader, field_titles(model.input_schema, reader))
        if refusal.code == "insufficient_credits":
            st.page_link(
                visit.places["top-up"],
                label=reader.text("predict.top_up"),
                icon=":material/add_card:",
            )
