"""A live sample: what a model on sale makes of its own example, for people who have not paid."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from augury.client import ClientError, Model, Sample
from augury.ui.parts.colours import OF_DECISIONS
from augury.ui.parts.documents import page_of, properties_of
from augury.ui.parts.elements import plain, show_way_to
from augury.ui.parts.fields import Field, read_fields, value_title
from augury.ui.parts.gauges import bands_of, probability_of, show_gauge
from augury.ui.reader import Reader
from augury.ui.visit import Visit

# A model that cannot answer is passed over, but nobody waits for the whole catalogue.
_TRIES: Final = 3


def show_sample(visit: Visit, on_sale: Sequence[Model]) -> None:
    """Show the sample of the first model that has one; nothing if none can be had."""
    asked = [model for model in on_sale if page_of(model) == "predict"]
    for model in asked[:_TRIES]:
        sample = _sample_or_none(visit, model.name)
        # A new champion between the two calls: its fields may be other ones.
        if sample is None or sample.version != model.version:
            continue
        share = _share(sample, model)
        if share is not None:
            _show_card(visit, model, sample, share)
            return


def _sample_or_none(visit: Visit, name: str) -> Sample | None:
    try:
        return visit.ask_openly(lambda api: api.sample(name))
    except ClientError:
        return None


def _share(sample: Sample, model: Model) -> str | None:
    """Return the member of the output that is a probability."""
    name = probability_of(model.output_schema)
    return name if isinstance(sample.output.get(name or ""), (int, float)) else None


def _show_card(visit: Visit, model: Model, sample: Sample, share: str) -> None:
    reader = visit.reader
    st.header(reader.text("sample.title"), anchor=False)
    with st.container(border=True, key="sample"):
        title = plain(reader.pick(model.title) or model.name)
        st.markdown(reader.text("sample.introduction", model=title, version=sample.version))
        asked, answered = st.columns(2, gap="medium")
        with asked:
            st.markdown(f"**{plain(reader.text('sample.input'))}**")
            st.markdown(_inputs(sample.input, read_fields(model.input_schema, reader), reader))
        with answered:
            st.markdown(f"**{plain(reader.text('sample.output'))}**")
            _show_output(model, sample, share, reader)
        show_way_to(
            visit.places["predict"],
            reader.text("sample.try", credits=reader.count("credits", model.price)),
            key="sample/try",
            icon=":material/insights:",
            query={"model": model.name},
        )


def _inputs(row: Mapping[str, Any], fields: Sequence[Field], reader: Reader) -> str:
    known = {field.name: field for field in fields}
    lines = []
    for name, value in row.items():
        field = known.get(name)
        if field is None or value is None:
            continue
        choices = {choice.value: choice.title for choice in field.choices}
        shown = str(choices.get(value, value))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            shown = reader.number(value)
        told = f"{shown} {field.unit}" if field.unit else shown
        lines.append(f"{plain(field.title)}: **{plain(told)}**")
    return "  \n".join(lines)


def _show_output(model: Model, sample: Sample, share: str, reader: Reader) -> None:
    rules, value = properties_of(model.output_schema), float(sample.output[share])
    title = reader.pick(rules[share].get("x-title")) or reader.named("output", share)
    st.metric(title, reader.percent(value))
    bands = bands_of(model.output_schema)
    word = reader.named("decision", bands.decision(value)) if bands else ""
    show_gauge(value, bands, reader, title=title, word=word, key="sample/gauge")
    for name, word in sample.output.items():
        if isinstance(word, str):
            named = reader.named(name, word)
            text = value_title(rules.get(name, {}), word, reader) if named == word else named
            st.badge(plain(text), color=OF_DECISIONS.get(word, "blue"))
    st.caption(reader.text("sample.free"))
