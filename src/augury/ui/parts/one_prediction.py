"""One prediction in full: the answer, its price, what was asked, and what can be done with it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.client import ApiError, Model, Prediction
from augury.ui.parts.answer import show_answer
from augury.ui.parts.documents import title_of
from augury.ui.parts.elements import (
    plain,
    show_refused_download,
    show_table,
    show_way_to,
    show_way_to_download,
)
from augury.ui.parts.fields import read_fields
from augury.ui.parts.output_rows import choose_rows
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.hub import hub
from augury.ui.web.prediction_files import path_of_rows

_NOT_FOUND: Final = 404
_MOST_COLUMNS: Final = 12


def show_one(visit: Visit, prediction: Prediction) -> None:
    """Show a prediction of the visitor."""
    reader = visit.reader
    model = _model_or_none(visit, prediction.model)
    st.title(plain(reader.pick(model.title) if model else prediction.model), anchor=False)
    facts = (
        reader.moment(prediction.created_at),
        reader.named("status", prediction.status),
        reader.text("models.version", version=prediction.version),
        reader.count("rows", prediction.rows),
    )
    st.caption(plain(" · ".join(facts)))
    show_refused_download(reader)
    show_answer(visit, prediction, model)
    _show_money(visit, prediction)
    if prediction.inputs:
        st.header(reader.text("predictions.inputs"), anchor=False)
        if len(prediction.inputs) == 1:
            _show_inputs(prediction.inputs[0], model, reader)
        else:
            _show_input_rows(prediction.inputs, model, reader)
    _show_in_api(prediction, reader)


def _show_money(visit: Visit, prediction: Prediction) -> None:
    """Show the way to what was moved for it, and say what is held and what a failure costs."""
    reader = visit.reader
    if not prediction.is_over:
        held = reader.count("credits", prediction.price)
        st.caption(plain(reader.text("predictions.held", credits=held)))
    elif prediction.charge is None:
        st.caption(reader.text("predictions.free"))
    if prediction.charge is not None or prediction.is_over:
        query = {"reference": prediction.id}
        if prediction.charge is not None:
            query["id"] = prediction.charge.transfer_id
        show_way_to(
            visit.places["transactions"],
            reader.text("predictions.movement"),
            key="prediction/movement",
            icon=":material/receipt_long:",
            query=query,
        )


def _show_inputs(row: Mapping[str, Any], model: Model | None, reader: Reader) -> None:
    schema = model.input_schema if model else {}
    fields = {field.name: field for field in read_fields(schema, reader)}
    rows = []
    for name, value in row.items():
        field = fields.get(name)
        choices = {choice.value: choice.title for choice in field.choices} if field else {}
        shown = reader.named(name, choices.get(value, value)) if isinstance(value, str) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            shown = reader.number(value)
        title = field.title if field else title_of(schema, name, reader)
        unit = field.unit if field else ""
        rows.append((plain(title), plain(shown or _raw(value, reader)), plain(unit)))
    columns = ("models.input", "models.value", "models.unit")
    show_table([reader.text(key) for key in columns], rows)


def _show_input_rows(
    inputs: Sequence[Mapping[str, Any]], model: Model | None, reader: Reader
) -> None:
    schema = model.input_schema if model else {}
    titles = {field.name: field.title for field in read_fields(schema, reader)}
    names = list(dict.fromkeys(name for row in inputs for name in row))[:_MOST_COLUMNS]
    shown = [
        [reader.number(number), *(plain(_raw(row.get(name), reader)) for name in names)]
        for number, row in choose_rows(inputs, "inputs", reader)
    ]
    columns = [titles.get(name) or title_of(schema, name, reader) for name in names]
    show_table([reader.text("answer.row"), *columns], shown)


def _raw(value: object, reader: Reader) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{reader.named('field', k)} {_raw(v, reader)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return reader.count("rows", len(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return reader.number(value)
    return reader.text("form.unknown") if value is None else str(value)


def _show_in_api(prediction: Prediction, reader: Reader) -> None:
    """Show by what the prediction is found in the API, and its rows as a file."""
    st.header(reader.text("predictions.in_api"), anchor=False)
    address = (hub().public_api_url or "").rstrip("/")
    st.markdown(reader.text("predictions.id"))
    st.code(prediction.id, language=None)
    st.code(f"GET {address}/v1/predictions/{prediction.id}", language=None, wrap_lines=True)
    if prediction.inputs or prediction.outputs:
        show_way_to_download(
            path_of_rows(prediction.id), reader.text("predictions.rows_csv"), key="prediction/csv"
        )


def _model_or_none(visit: Visit, name: str) -> Model | None:
    try:
        return visit.ask_openly(lambda api: api.model(name))
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise
