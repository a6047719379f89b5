"""What was bought: the list, and one prediction in full."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from augury.client import ApiError, Model, Prediction
from augury.ui.answer import output_summary, show_answer
from augury.ui.elements import Pager, plain, show_table
from augury.ui.fields import read_fields
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_PAGE_ROWS = 20
_NOT_FOUND = 404


def show(visit: Visit) -> None:
    """Show the prediction of the address's `id`, or the list of all."""
    prediction_id = st.query_params.get("id")
    if prediction_id:
        _show_one(visit, visit.ask(lambda api: api.prediction(prediction_id)))
        return
    reader = visit.reader
    st.title(reader.text("place.predictions"))
    pager = Pager("predictions", "")
    page = visit.ask(lambda api: api.predictions(limit=_PAGE_ROWS, cursor=pager.cursor))
    if page.items:
        show_rows(visit, page.items)
    else:
        st.markdown(reader.text("predictions.none"))
    pager.show(page.next_cursor, reader)


def show_rows(visit: Visit, predictions: Sequence[Prediction]) -> None:
    """Show predictions as a table whose first column leads to each."""
    reader = visit.reader
    titles = {model.name: reader.pick(model.title) for model in visit.ask(lambda api: api.models())}
    columns = ("when", "model", "outcome", "price")
    rows = [
        (
            f"[{reader.moment(one.created_at)}](/predictions?id={one.id})",
            plain(titles.get(one.model) or one.model),
            plain(output_summary(reader, one) or reader.named("status", one.status)),
            reader.count("credits", one.price),
        )
        for one in predictions
    ]
    show_table([reader.text(f"predictions.{column}") for column in columns], rows)


def _show_one(visit: Visit, prediction: Prediction) -> None:
    reader = visit.reader
    st.page_link(
        visit.places["predictions"],
        label=reader.text("predictions.back"),
        icon=":material/arrow_back:",
        query_params={},
    )
    model = _model_or_none(visit, prediction.model)
    st.title(plain(reader.pick(model.title) if model else prediction.model))
    facts = (
        reader.moment(prediction.created_at),
        reader.named("status", prediction.status),
        reader.text("models.version", version=prediction.version),
        reader.count("rows", prediction.rows),
    )
    st.caption(plain(" · ".join(facts)))
    show_answer(reader, prediction, model)
    if prediction.inputs and len(prediction.inputs) == 1:
        st.header(reader.text("predictions.inputs"), divider="gray")
        _show_inputs(prediction.inputs[0], model, reader)


def _show_inputs(row: Mapping[str, Any], model: Model | None, reader: Reader) -> None:
    fields = {field.name: field for field in read_fields(model.input_schema, reader)} if model else {}
    rows = []
    for name, value in row.items():
        field = fields.get(name)
        choices = {choice.value: choice.title for choice in field.choices} if field else {}
        shown = choices.get(value) if isinstance(value, str) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            shown = reader.number(value)
        title = field.title if field else name
        unit = field.unit if field else ""
        rows.append((plain(title), plain(shown or _raw(value, reader)), plain(unit)))
    columns = ("models.input", "models.value", "models.unit")
    show_table([reader.text(key) for key in columns], rows)


def _raw(value: object, reader: Reader) -> str:
    return reader.text("form.unknown") if value is None else str(value)


def _model_or_none(visit: Visit, name: str) -> Model | None:
    try:
        return visit.ask_openly(lambda api: api.model(name))
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise
