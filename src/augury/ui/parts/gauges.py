"""How sure a model is, drawn: a gauge with the bands of a decision, and what moved the value."""

from collections.abc import Mapping, Sequence
from math import pi
from typing import Any, Final

import streamlit as st
from msgspec import Struct

from augury.ui.parts.charts import ACCENT, BETTER, WORSE, ink
from augury.ui.reader import Reader

BETWEEN: Final = "#d9a13b"
DECISION_COLOURS: Final[Mapping[str, str]] = {
    "approve": BETTER,
    "review": BETWEEN,
    "decline": WORSE,
}
_HEIGHT: Final = 170
_MIDDLE: Final = 140
_INNER: Final = 84
_OUTER: Final = 112
# A mark of about three pixels, in shares of the half circle.
_MARK: Final = 0.006


class Bands(Struct, frozen=True):
    """Below `approve_below` one approves, from `decline_from` one declines."""

    approve_below: float
    decline_from: float

    def decision(self, value: float) -> str:
        """Return what a value leads to."""
        if value < self.approve_below:
            return "approve"
        return "decline" if value >= self.decline_from else "review"

    def parts(self) -> list[tuple[str, float, float]]:
        """Return the decisions, each with where it begins and ends."""
        return [
            ("approve", 0.0, self.approve_below),
            ("review", self.approve_below, self.decline_from),
            ("decline", self.decline_from, 1.0),
        ]


def bands_of(schema: Mapping[str, Any]) -> Bands | None:
    """Return the bands of an output schema, if it decides anything."""
    found = schema.get("x-decision")
    if not isinstance(found, Mapping):
        return None
    bounds = [found.get(name) for name in ("approve_below", "decline_from")]
    numbers = [float(one) for one in bounds if isinstance(one, (int, float))]
    return Bands(*numbers) if len(numbers) == len(bounds) else None


def probability_of(schema: Mapping[str, Any]) -> str | None:
    """Return the name of the output that is the probability: its complement comes after it."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return next(
        (
            name
            for name, rules in properties.items()
            if (rules.get("minimum"), rules.get("maximum")) == (0, 1)
        ),
        None,
    )


def show_gauge(
    value: float, bands: Bands | None, reader: Reader, *, title: str, word: str, key: str
) -> None:
    """Show a probability on a half circle; `word` is what it leads to."""
    shown = reader.percent(value)
    spec = {
        "height": _HEIGHT,
        "layer": [*_arcs(value, bands), *_figures(shown, word), *_bounds(bands, reader)],
        "config": {"view": {"stroke": None}},
        "padding": 0,
    }
    alt = reader.text("gauge.alt", title=title, value=shown, decision=word)
    st.vega_lite_chart(spec=spec, width="stretch", key=key, alt=alt)


def _arcs(value: float, bands: Bands | None) -> list[dict[str, Any]]:
    parts = bands.parts() if bands else [("", 0.0, 1.0)]
    rows = [
        {"from": begin, "to": end, "colour": DECISION_COLOURS.get(name, ACCENT)}
        for name, begin, end in parts
    ]
    at = min(max(value, _MARK), 1 - _MARK)
    mark = [{"from": at - _MARK, "to": at + _MARK}]
    colour = {"field": "colour", "type": "nominal", "scale": None}
    return [
        _arc(rows, _INNER, _OUTER, {"color": colour}, 0.85),
        _arc(mark, _INNER - 10, _OUTER + 6, {"color": {"value": ink()}}, 1.0),
    ]


def _arc(
    rows: Sequence[Mapping[str, Any]],
    inner: int,
    outer: int,
    encoding: Mapping[str, Any],
    opacity: float,
) -> dict[str, Any]:
    return {
        "data": {"values": list(rows)},
        "mark": {
            "type": "arc",
            "innerRadius": inner,
            "outerRadius": outer,
            "opacity": opacity,
            "tooltip": None,
        },
        "encoding": {
            "theta": _angle("from"),
            "theta2": {"field": "to"},
            "y": {"value": _MIDDLE},
            **encoding,
        },
    }


def _angle(name: str) -> dict[str, Any]:
    return {
        "field": name,
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [-pi / 2, pi / 2]},
        "stack": None,
    }


def _figures(shown: str, word: str) -> list[dict[str, Any]]:
    return [
        _words(shown, y=_MIDDLE - 26, size=30, weight=650),
        _words(word, y=_MIDDLE + 4, size=15, weight=400),
    ]


def _words(text: str, *, y: int, size: int, weight: int) -> dict[str, Any]:
    return {
        "data": {"values": [{}]},
        "mark": {
            "type": "text",
            "text": text,
            "fontSize": size,
            "fontWeight": weight,
            "color": ink(),
            "tooltip": None,
        },
        "encoding": {"x": {"value": {"expr": "width / 2"}}, "y": {"value": y}},
    }


def _bounds(bands: Bands | None, reader: Reader) -> list[dict[str, Any]]:
    edges = [bands.approve_below, bands.decline_from] if bands else []
    rows = [{"from": edge, "text": reader.share(edge)} for edge in edges]
    return [
        {
            "data": {"values": rows},
            "mark": {
                "type": "text",
                "radius": _OUTER + 18,
                "fontSize": 12,
                "color": ink(),
                "tooltip": None,
            },
            "encoding": {
                "theta": _angle("from"),
                "text": {"field": "text", "type": "nominal"},
                "y": {"value": _MIDDLE},
            },
        }
    ]
