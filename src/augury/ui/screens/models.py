"""The catalogue: every model on sale, and one model in full."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from augury.client import Model
from augury.ui.parts.documents import page_of
from augury.ui.parts.elements import plain, prose, show_table, show_way_back, show_way_to
from augury.ui.parts.fields import Field, read_fields
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_DIGITS = 4
_LANGUAGES = {"python": "Python"}
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_HEADING = re.compile(r"^(#{2,5} )", re.MULTILINE)


def show(visit: Visit) -> None:
    """Show the model of the address's `model`, or all of them."""
    name = st.query_params.get("model")
    if name:
        _show_one(visit, visit.ask_openly(lambda api: api.model(name)))
        return
    st.title(visit.reader.text("place.models"), anchor=False)
    st.markdown(visit.reader.text("models.introduction"))
    show_catalogue(visit)


def show_catalogue(visit: Visit) -> Sequence[Model]:
    """Show a card for each model on sale, and return them."""
    on_sale = visit.ask_openly(lambda api: api.models())
    if not on_sale:
        st.markdown(visit.reader.text("models.none"))
    for model in on_sale:
        with st.container(border=True):
            _show_summary(visit, model, is_alone=False)
            with st.container(horizontal=True):
                _show_way_to_predict(visit, model)
                show_way_to(
                    visit.places["models"],
                    visit.reader.text("models.details"),
                    key=f"details/{model.name}",
                    icon=":material/description:",
                    query={"model": model.name},
                )
    return on_sale


def _show_one(visit: Visit, model: Model) -> None:
    reader = visit.reader
    show_way_back(
        visit.places["models"],
        reader.text("models.back"),
        key="models/back",
    )
    _show_summary(visit, model, is_alone=True)
    _show_way_to_predict(visit, model)
    show_details(model, reader)


def show_details(model: Model, reader: Reader) -> None:
    """Show everything below a model's summary: measures, inputs, examples, card."""
    measures = list(_measures(model.metrics))
    if measures:
        st.header(reader.text("models.metrics"), anchor=False)
        rows = [
            (reader.named("metric", name), reader.rounded(value, _DIGITS))
            for name, value in measures
        ]
        show_table((reader.text("models.metric"), reader.text("models.value")), rows)
    _show_inputs(read_fields(model.input_schema, reader), reader)
    _show_examples(model.examples, reader)
    card = reader.pick(model.card)
    if card:
        st.header(reader.text("models.card"), anchor=False)
        with st.container(border=True):
            st.markdown(prose(_without_what_the_page_has(card)))


def _show_summary(visit: Visit, model: Model, *, is_alone: bool) -> None:
    reader = visit.reader
    title = plain(reader.pick(model.title) or model.name)
    (st.title if is_alone else st.subheader)(title, anchor=False)
    st.markdown(prose(reader.pick(model.description)))
    with st.container(horizontal=True, gap="small"):
        price = reader.text("models.price", credits=reader.count("credits", model.price))
        st.badge(price, icon=":material/sell:", color="primary")
        st.badge(plain(reader.named("task", model.task)), color="gray")
        st.badge(reader.text("models.version", version=model.version), color="gray")
    change = model.price_change
    if change is not None:
        told = reader.text(
            "models.price_change",
            moment=reader.moment(change.begins_at),
            credits=reader.count("credits", change.price),
        )
        st.caption(f":material/schedule: {plain(told)}")


def _show_examples(examples: Mapping[str, str], reader: Reader) -> None:
    if not examples:
        return
    st.header(reader.text("models.examples"), anchor=False)
    for language, program in examples.items():
        st.markdown(f"**{plain(_LANGUAGES.get(language, language))}**")
        st.code(program, language="bash" if language == "curl" else language)


def _show_way_to_predict(visit: Visit, model: Model) -> None:
    show_way_to(
        visit.places[page_of(model)],
        visit.reader.text("models.predict"),
        key=f"predict-with/{model.name}",
        icon=":material/insights:",
        is_primary=True,
        query={"model": model.name},
    )


def _show_inputs(fields: tuple[Field, ...], reader: Reader) -> None:
    if not fields:
        return
    st.header(reader.text("models.inputs"), anchor=False)
    rows = [
        (plain(field.title), plain(field.unit), _domain(field, reader), plain(field.description))
        for field in fields
    ]
    columns = ("models.input", "models.unit", "models.values", "models.meaning")
    show_table([reader.text(key) for key in columns], rows)


def _without_what_the_page_has(card: str) -> str:
    # The page has shown the title; pictures beside the card's file are not served with it.
    body = _PICTURE.sub("", card.lstrip())
    body = body.partition("\n")[2] if body.startswith("# ") else body
    return _HEADING.sub(r"#\1", body)


def _domain(field: Field, reader: Reader) -> str:
    if field.choices:
        return ", ".join(plain(choice.title) for choice in field.choices)
    low, high = (
        reader.number(bound) if bound is not None else ""
        for bound in (field.minimum, field.maximum)
    )
    if low and high:
        return f"{low}\N{EN DASH}{high}"
    if low:
        return f"≥ {low}"
    return f"≤ {high}" if high else ""


def _measures(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _measures(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, value
