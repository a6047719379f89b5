"""What was bought: the list, and one prediction in full."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from augury.client import ApiError, Model, Prediction
from augury.ui.answer import outcome_of, show_answer
from augury.ui.documents import title_of
from augury.ui.elements import Pager, plain, show_table, show_way_to
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
    st.title(reader.text("place.predictions"), anchor=False)
    pager = Pager("predictions", "")
    page = visit.ask(lambda api: api.predictions(limit=_PAGE_ROWS, cursor=pager.cursor))
    if page.items:
        show_rows(visit, page.items)
    else:
        st.markdown(reader.text("predictions.none"))
    pager.show(page.next_cursor, reader)


def show_rows(visit: Visit, predictions: Sequence[Prediction]) -> None:
    """Show predictions in short, each with the way to it in full."""
    reader = visit.reader
    titles = {model.name: reader.pick(model.title) for model in visit.ask(lambda api: api.models())}
    for one in predictions:
        with st.container(
            border=True,
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key=f"prediction/{one.id}",
        ):
            title = plain(titles.get(one.model) or one.model)
            st.markdown(f"**{title}**  \n:gray[{plain(reader.moment(one.created_at))}]")
            outcome, colour = outcome_of(reader, one)
            st.badge(plain(outcome), color=colour)
            # What has failed or was cancelled costs nothing; what is unfinished has its price held.
            price = 0 if one.is_over and one.charge is None else one.price
            st.markdown(reader.count("credits", price), width="content")
            show_way_to(
                visit.places["predictions"],
                reader.text("predictions.open"),
                key=f"open/{one.id}",
                query={"id": one.id},
            )


def _show_one(visit: Visit, prediction: Prediction) -> None:
    reader = visit.reader
    show_way_to(
        visit.places["predictions"],
        reader.text("predictions.back"),
        key="predictions/back",
        icon=":material/arrow_back:",
    )
    model = _model_or_none(visit, prediction.model)
    st.title(plain(reader.pick(model.title) if model else prediction.model), anchor=False)
    facts = (
        reader.moment(prediction.created_at),
        reader.named("status", prediction.status),
        reader.text("models.version", version=prediction.version),
        reader.count("rows", prediction.rows),
    )
    st.caption(plain(" · ".join(facts)))
    show_answer(visit, prediction, model)
    if prediction.inputs and len(prediction.inputs) == 1:
        st.header(reader.text("predictions.inputs"), anchor=False)
        _show_inputs(prediction.inputs[0], model, reader)


def _show_inputs(row: Mapping[str, Any], model: Model | None, reader: Reader) -> None:
    schema = model.input_schema if model else {}
    known = read_fields(schema, reader)
    fields = {field.name: field for field in known}
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


def _raw(value: object, reader: Reader) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{reader.named('field', k)} {_raw(v, reader)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return reader.count("rows", len(value))
    if isinstance(value, float):
        return reader.number(value)
    return reader.text("form.unknown") if value is None else str(value)


def _model_or_none(visit: Visit, name: str) -> Model | None:
    try:
        return visit.ask_openly(lambda api: api.model(name))
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise
