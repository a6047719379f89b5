"""What if: one or two inputs are moved, every place is predicted, and the answer is a chart."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.client import ApiError, Model, Prediction, Quote
from augury.ui.parts.address import lead_to
from augury.ui.parts.answer import show_answer
from augury.ui.parts.axes import choose_axes
from augury.ui.parts.choosing import choose_model
from augury.ui.parts.documents import page_of
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.experiments import show_experiment
from augury.ui.parts.fields import Field, field_titles, read_fields
from augury.ui.parts.filling import fill, filled
from augury.ui.parts.missing import show_missing
from augury.ui.parts.moves import Axis, experiment_of, rows_of
from augury.ui.parts.sale import find, order
from augury.ui.parts.waiting import wait_for
from augury.ui.parts.widgets import draw_form
from augury.ui.visit import Visit

_SCREEN: Final = "what-if"
_QUOTED: Final = "what-if/quoted"
_RESULT: Final = "what-if/result"
_TAKEN: Final = "what-if/taken"

Row = Mapping[str, Any]


def show(visit: Visit) -> None:
    """Show what to move, the price before it is paid, and the chart of what was bought."""
    reader = visit.reader
    st.title(reader.text("place.what-if"), anchor=False)
    st.markdown(reader.text("what_if.introduction"))
    on_sale = [one for one in visit.ask(lambda api: api.models()) if page_of(one) == "predict"]
    if not on_sale:
        st.markdown(reader.text("models.none"))
        return
    _take_base(visit, on_sale)
    model = choose_model(visit, _SCREEN, on_sale)
    base, fields = _draw_base(visit, model)
    if base is not None:
        st.header(reader.text("what_if.move"), anchor=False)
        axes = choose_axes(fields, base, reader, f"what-if/{model.name}/{model.version}/axes")
        _sell(visit, model, base, axes)
    _show_result(visit, on_sale)


def _take_base(visit: Visit, on_sale: Sequence[Model]) -> None:
    """Take the row of the address's prediction as the base, once."""
    wanted = st.query_params.get("prediction")
    if wanted is None or st.session_state.get(_TAKEN) == wanted:
        return
    st.session_state[_TAKEN] = wanted
    found = find(visit, wanted)
    model = next((one for one in on_sale if found is not None and one.name == found.model), None)
    if found is None or model is None or not found.inputs:
        st.warning(visit.reader.text("what_if.no_base"), icon=":material/info:")
        return
    st.query_params["model"] = model.name
    fill(_form(model), found.inputs[0])


def _form(model: Model) -> str:
    return f"what-if/{model.name}/{model.version}"


def _draw_base(visit: Visit, model: Model) -> tuple[Row | None, Sequence[Field]]:
    """Return the row that stays as it is, or None while a field is empty; and the fields."""
    reader = visit.reader
    fields, prefix = filled(_form(model), read_fields(model.input_schema, reader))
    with st.expander(reader.text("what_if.base_row"), icon=":material/edit_note:"):
        st.caption(reader.text("what_if.about_base"))
        st.button(
            reader.text("form.example"),
            icon=":material/edit_note:",
            key="what-if/example",
            on_click=fill,
            args=(_form(model), None),
        )
        row, empty = draw_form(fields, reader, prefix)
    if empty:
        names = ", ".join(plain(field.title) for field in empty)
        st.error(reader.text("predict.incomplete", fields=names))
        return None, fields
    return row, fields


def _sell(visit: Visit, model: Model, base: Row, axes: Sequence[Axis]) -> None:
    """Show the price first, and sell by a second click."""
    reader = visit.reader
    if not axes:
        return
    rows = rows_of(base, axes)
    titles = field_titles(model.input_schema, reader)
    meant = json.dumps([model.name, model.version, rows], sort_keys=True)
    if st.button(reader.text("what_if.quote"), key="what-if/quote", icon=":material/calculate:"):
        _ask_price(visit, model, rows, titles, meant)
    quoted: tuple[str, Quote] | None = st.session_state.get(_QUOTED)
    if quoted is None or quoted[0] != meant:
        return
    quote = quoted[1]
    calls, price = reader.count("calls", len(rows)), reader.count("credits", quote.price)
    told = reader.text(
        "what_if.costs",
        calls=calls,
        each=reader.count("credits", quote.price // len(rows)),
        price=price,
    )
    st.info(plain(told), icon=":material/receipt:")
    if quote.balance is not None and quote.price > quote.balance.available:
        show_missing(visit, quote.price, quote.balance.available)
    if st.button(
        reader.text("what_if.buy", calls=calls, credits=price),
        key="what-if/buy",
        type="primary",
        icon=":material/insights:",
    ):
        _buy(visit, model, rows, titles)


def _ask_price(
    visit: Visit, model: Model, rows: Sequence[Row], titles: Mapping[str, str], meant: str
) -> None:
    st.session_state.pop(_QUOTED, None)
    try:
        quote = visit.ask(lambda api: api.quote(model.name, rows))
    except ApiError as refusal:
        # The same field is wrong in many rows; it is said once.
        show_refusal(refusal, visit.reader, titles)
        return
    st.session_state[_QUOTED] = (meant, quote)


def _buy(visit: Visit, model: Model, rows: Sequence[Row], titles: Mapping[str, str]) -> None:
    bought = order(visit, _SCREEN, model, rows, titles)
    if bought is None:
        return
    # What is bought is no offer any more: a second click finds no button.
    st.session_state.pop(_QUOTED, None)
    st.session_state[_RESULT] = bought
    lead_to(**(st.query_params.to_dict() | {"result": bought.id}))
    st.rerun()


def _show_result(visit: Visit, on_sale: Sequence[Model]) -> None:
    """Show the experiment of the address: bought just now, or long ago."""
    wanted = st.query_params.get("result")
    if wanted is None:
        return
    reader = visit.reader
    known: Prediction | None = st.session_state.get(_RESULT)
    if known is None or known.id != wanted or not known.is_over:
        known = find(visit, wanted)
        st.session_state[_RESULT] = known
    if known is None:
        st.warning(reader.text("what_if.no_result"), icon=":material/info:")
        return
    st.header(reader.text("what_if.result"), anchor=False)
    if not known.is_over:
        wait_for(visit, known)
        return
    model = next((one for one in on_sale if one.name == known.model), None)
    st.caption(
        plain(f"{reader.pick(model.title) if model else known.model} · ")
        + plain(reader.moment(known.created_at))
    )
    experiment = experiment_of(known.inputs) if known.inputs and known.outputs else None
    if experiment is None or model is None:
        show_answer(visit, known, model)
        return
    show_experiment(known, experiment, model, reader)
    charge = known.charge
    if charge is not None:
        paid = reader.count("credits", charge.amount)
        calls = reader.count("calls", known.rows)
        st.caption(plain(reader.text("what_if.charged", calls=calls, credits=paid)))
