"""What came of moving one or two inputs: a curve, bars or a heat map, and the table."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st
from msgspec import Struct

from augury.client import Model, Prediction
from augury.ui.parts.charts import Bar, show_bars
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.fields import Field, read_fields
from augury.ui.parts.gauges import DECISION_COLOURS, Bands, bands_of, probability_of
from augury.ui.parts.moves import Experiment
from augury.ui.parts.surfaces import Cell, Point, show_curve, show_heat_map
from augury.ui.reader import Reader

_BASE_COLOUR: Final = "#8593a0"
_ROWS_IN_SIGHT: Final = 41


class _Found(Struct, frozen=True):
    """An experiment, the probability of each of its rows, and the words for both."""

    experiment: Experiment
    probabilities: Sequence[float]
    bands: Bands | None
    fields: Mapping[str, Field]
    title: str
    reader: Reader

    def of(self, values: tuple[Any, ...]) -> float:
        """Return the probability where the inputs have these values."""
        return self.probabilities[self.experiment.cells[values]]

    def name(self, axis: int) -> str:
        """Return what people call an input that is moved, with its unit."""
        name = self.experiment.axes[axis].name
        field = self.fields.get(name)
        if field is None:
            return name
        return f"{field.title}, {field.unit}" if field.unit else field.title

    def value(self, axis: int, value: Any) -> str:
        """Return one value of an input as people read it."""
        field = self.fields.get(self.experiment.axes[axis].name)
        titles = {choice.value: choice.title for choice in field.choices} if field else {}
        if value in titles:
            return titles[value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.reader.number(value)
        return self.reader.text("form.unknown") if value is None else str(value)

    def decision(self, probability: float) -> str:
        """Return the name of the decision, or nothing where nothing is decided."""
        return self.bands.decision(probability) if self.bands else ""

    def is_number(self, axis: int) -> bool:
        """Tell whether an input that is moved is a number."""
        values = self.experiment.axes[axis].values
        return all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values)

    def ordered(self, axis: int) -> list[Any]:
        """Return the values of an input in the order of its schema."""
        values = list(self.experiment.axes[axis].values)
        field = self.fields.get(self.experiment.axes[axis].name)
        known = [choice.value for choice in field.choices] if field else []
        return sorted(values, key=lambda one: known.index(one) if one in known else 0)


def show_experiment(
    prediction: Prediction, experiment: Experiment, model: Model, reader: Reader
) -> None:
    """Show the probabilities of an experiment that has succeeded."""
    name = probability_of(model.output_schema)
    outputs = prediction.outputs or ()
    values = [one.get(name) for one in outputs] if name is not None else []
    probabilities = [float(one) for one in values if isinstance(one, (int, float))]
    if name is None or len(probabilities) != prediction.rows:
        return
    rules = model.output_schema["properties"][name]
    found = _Found(
        experiment=experiment,
        probabilities=probabilities,
        bands=bands_of(model.output_schema),
        fields={field.name: field for field in read_fields(model.input_schema, reader)},
        title=reader.pick(rules.get("x-title")) or reader.named("output", name),
        reader=reader,
    )
    _show_base(found)
    if len(experiment.axes) > 1:
        _show_surface(found)
    elif found.is_number(0):
        _show_line(found)
    else:
        _show_categories(found)
    _show_rows(found)


def _show_base(found: _Found) -> None:
    reader = found.reader
    probability = found.probabilities[0]
    values = ", ".join(
        f"{found.name(at)}: {found.value(at, found.experiment.base[axis.name])}"
        for at, axis in enumerate(found.experiment.axes)
    )
    told = reader.text("what_if.base", values=values, probability=reader.percent(probability))
    st.markdown(plain(told))


def _show_line(found: _Found) -> None:
    (axis,) = found.experiment.axes
    points = [
        Point(
            float(value),
            found.of((value,)),
            _label(found, (value,)),
            is_base=value == found.experiment.base[axis.name],
        )
        for value in axis.values
    ]
    show_curve(
        points,
        found.bands,
        found.reader,
        base=found.probabilities[0],
        title=found.name(0),
        alt=found.reader.text("what_if.alt", outcome=found.title, inputs=found.name(0)),
    )


def _show_categories(found: _Found) -> None:
    reader = found.reader
    (axis,) = found.experiment.axes
    bars = []
    for value in found.ordered(0):
        probability = found.of((value,))
        label = _label(found, (value,))
        if value == found.experiment.base[axis.name]:
            label = reader.text("what_if.is_base", label=label)
        colour = DECISION_COLOURS.get(found.decision(probability), _BASE_COLOUR)
        bars.append(Bar(label, probability, colour))
    alt = reader.text("what_if.alt", outcome=found.title, inputs=found.name(0))
    show_bars(bars, key="what-if/bars", alt=alt)


def _show_surface(found: _Found) -> None:
    reader, base = found.reader, found.experiment.base
    first, second = found.experiment.axes
    cells = [
        Cell(
            found.value(0, one),
            found.value(1, other),
            found.of((one, other)),
            _label(found, (one, other)),
            is_base=(one, other) == (base[first.name], base[second.name]),
        )
        for one in found.ordered(0)
        for other in found.ordered(1)
    ]
    inputs = f"{found.name(0)}; {found.name(1)}"
    show_heat_map(
        cells,
        found.bands,
        reader,
        titles=(found.name(0), found.name(1), found.title),
        alt=reader.text("what_if.alt", outcome=found.title, inputs=inputs),
    )
    st.caption(reader.text("what_if.about_map"))


def _show_rows(found: _Found) -> None:
    if len(found.probabilities) <= _ROWS_IN_SIGHT:
        _show_table(found)
        return
    with st.expander(found.reader.text("what_if.table")):
        _show_table(found)


def _show_table(found: _Found) -> None:
    reader, axes = found.reader, found.experiment.axes
    columns = [*(found.name(at) for at in range(len(axes))), found.title]
    if found.bands:
        columns.append(reader.text("output.decision"))
    rows = []
    for values, place in sorted(found.experiment.cells.items(), key=lambda item: _order(item[0])):
        probability = found.probabilities[place]
        row = [*(found.value(at, value) for at, value in enumerate(values))]
        row.append(reader.percent(probability))
        if found.bands:
            row.append(reader.named("decision", found.decision(probability)))
        rows.append([plain(cell) for cell in row])
    show_table([plain(name) for name in columns], rows)


def _label(found: _Found, values: tuple[Any, ...]) -> str:
    """Return one place of the grid in a few words: its values, the probability, the decision."""
    probability = found.of(values)
    parts = [*(found.value(at, value) for at, value in enumerate(values))]
    parts.append(found.reader.percent(probability))
    if found.bands:
        parts.append(found.reader.named("decision", found.decision(probability)))
    return " · ".join(parts)


def _order(values: Sequence[Any]) -> tuple[tuple[bool, float, str], ...]:
    return tuple(
        (not isinstance(one, (int, float)), one if isinstance(one, (int, float)) else 0.0, str(one))
        for one in values
    )
