"""A prediction's outputs, as people read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.client import Model, Prediction
from augury.ui.parts.colours import OF_DECISIONS, OF_WORK, Colour
from augury.ui.parts.documents import properties_of
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.fields import value_title
from augury.ui.parts.gauges import bands_of, probability_of, show_gauge
from augury.ui.parts.investing import is_answer, show_investing
from augury.ui.parts.next_steps import show_next_steps
from augury.ui.parts.output_rows import choose_rows
from augury.ui.parts.reasons import show_reasons
from augury.ui.parts.waiting import wait_for
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_DIGITS: Final = 4


def show_answer(visit: Visit, prediction: Prediction, model: Model | None) -> None:
    """Show outputs, warnings and charge; `model` None when it is not on sale any more."""
    reader = visit.reader
    properties = properties_of(model.output_schema if model else {})
    outputs = prediction.outputs or ()
    if len(outputs) == 1 and is_answer(outputs[0]):
        question = prediction.inputs[0] if prediction.inputs else None
        show_investing(visit, outputs[0], question, model)
    elif len(outputs) == 1:
        _show_gauge(outputs[0], model, reader)
        _show_single(outputs[0], properties, reader)
        show_reasons(outputs[0], model, reader)
    elif outputs:
        _show_many(outputs, properties, reader)
    elif prediction.error is not None:
        st.error(plain(prediction.error.message))
    elif prediction.expired_at is not None:
        st.info(reader.text("answer.expired", moment=reader.moment(prediction.expired_at)))
    elif prediction.is_over:
        st.info(reader.named("status", prediction.status))
    else:
        wait_for(visit, prediction)
    thresholds = _thresholds(model.output_schema if model else {}, reader)
    if thresholds and outputs:
        st.caption(thresholds)
    for warning in prediction.warnings:
        name = warning.pointer.rsplit("/", 1)[-1]
        rules = properties_of(model.input_schema if model else {}).get(name, {})
        title = reader.pick(rules.get("x-title")) or rules.get("title") or name
        st.warning(f"**{plain(title)}**: {plain(warning.message)}", icon=":material/warning:")
    _show_charge(reader, prediction)
    show_next_steps(visit, prediction, model)


def outcome_of(reader: Reader, prediction: Prediction) -> tuple[str, Colour]:
    """Return a prediction's outcome in a few words and its colour, for a list."""
    outputs = prediction.outputs or ()
    if len(outputs) == 1 and is_answer(outputs[0]):
        loss = reader.percent(outputs[0]["probability_of_loss"])
        return reader.text("outcome.loss", probability=loss), "blue"
    if len(outputs) != 1 or "decision" not in outputs[0]:
        colour = OF_WORK.get(prediction.status, "blue")
        return reader.named("status", prediction.status), colour
    decision = str(outputs[0]["decision"])
    words = reader.named("decision", decision)
    probability = outputs[0].get("default_probability")
    if isinstance(probability, (int, float)):
        words = f"{words} · {reader.percent(probability)}"
    return words, OF_DECISIONS.get(decision, "blue")


def _show_single(
    output: Mapping[str, Any], properties: Mapping[str, Mapping[str, Any]], reader: Reader
) -> None:
    scalars = {name: value for name, value in output.items() if _is_scalar(value)}
    numbers = {name: value for name, value in scalars.items() if not isinstance(value, str)}
    with st.container(horizontal=True):
        for name, value in numbers.items():
            rules = properties.get(name, {})
            st.metric(_title(name, rules, reader), _shown(value, rules, reader), border=True)
    for name, value in scalars.items():
        if name not in numbers:
            rules = properties.get(name, {})
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(_title(name, rules, reader))}**", width="content")
                word = reader.named(name, str(value))
                text = value_title(rules, value, reader) if word == value else word
                st.badge(plain(text), color=OF_DECISIONS.get(str(value), "blue"))


def _show_gauge(output: Mapping[str, Any], model: Model | None, reader: Reader) -> None:
    schema = model.output_schema if model else {}
    name = probability_of(schema)
    value = output.get(name) if name is not None else None
    if name is None or not isinstance(value, (int, float)):
        return
    bands = bands_of(schema)
    word = reader.named("decision", bands.decision(value)) if bands else ""
    title = _title(name, properties_of(schema)[name], reader)
    show_gauge(value, bands, reader, title=title, word=word, key="answer/gauge")


def _show_many(
    outputs: Sequence[Mapping[str, Any]],
    properties: Mapping[str, Mapping[str, Any]],
    reader: Reader,
) -> None:
    names = [name for name, value in outputs[0].items() if _is_scalar(value)]
    rows = [
        [reader.number(number)]
        + [plain(_shown(output.get(name), properties.get(name, {}), reader)) for name in names]
        for number, output in choose_rows(outputs, "outputs", reader)
    ]
    titles = [_title(name, properties.get(name, {}), reader) for name in names]
    show_table([reader.text("answer.row"), *titles], rows)


def _show_charge(reader: Reader, prediction: Prediction) -> None:
    charge = prediction.charge
    if charge is None:
        return
    charged = reader.text("answer.charged", credits=reader.count("credits", charge.amount))
    if charge.balance_after is None:
        st.caption(charged)
        return
    left = reader.text(
        "answer.balance_after", credits=reader.count("credits", charge.balance_after)
    )
    st.caption(f"{charged} {left}")


def _thresholds(schema: Mapping[str, Any], reader: Reader) -> str:
    bands = bands_of(schema)
    if bands is None:
        return ""
    return reader.text(
        "answer.thresholds",
        approve=reader.percent(bands.approve_below),
        decline=reader.percent(bands.decline_from),
    )


def _title(name: str, rules: Mapping[str, Any], reader: Reader) -> str:
    return reader.pick(rules.get("x-title")) or rules.get("title") or reader.named("output", name)


def _shown(value: object, rules: Mapping[str, Any], reader: Reader) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return reader.named("decision", str(value)) if value is not None else ""
    is_share = rules.get("minimum") == 0 and rules.get("maximum") == 1
    return reader.percent(value) if is_share else reader.rounded(value, _DIGITS)


def _is_scalar(value: object) -> bool:
    return isinstance(value, (int, float, str))
