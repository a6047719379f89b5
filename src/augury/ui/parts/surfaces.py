"""Probabilities over one moved input as a curve, and over two as a heat map."""

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st
from msgspec import Struct

from augury.ui.parts.charts import ACCENT, ink
from augury.ui.parts.gauges import DECISION_COLOURS, Bands
from augury.ui.reader import Reader

_HEIGHT: Final = 300
_AROUND_MAP: Final = 220
_CELL: Final = 26
_BAND_OPACITY: Final = 0.16
_ROOM: Final = 1.15
# From surely good to surely bad; the bounds of the decision lie between the colours.
_COLOURS: Final = ("#2f8f63", "#9fcf9a", "#f0d58a", "#e58b52", "#a8321f")
_MIDDLES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


class Point(Struct, frozen=True):
    """A place on a curve, and what is told of it."""

    at: float
    probability: float
    label: str
    is_base: bool = False


class Cell(Struct, frozen=True):
    """A place on a heat map, and what is told of it."""

    first: str
    second: str
    probability: float
    label: str
    is_base: bool = False


def show_curve(
    points: Sequence[Point],
    bands: Bands | None,
    reader: Reader,
    *,
    base: float,
    title: str,
    alt: str,
) -> None:
    """Show a curve over the bands of the decision, the base marked on it or as a line across."""
    rows = [
        {"at": one.at, "probability": one.probability, "label": one.label, "base": one.is_base}
        for one in points
    ]
    top = _top(max([base, *(one.probability for one in points)]), bands)
    across = {
        "field": "at",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False},
        "axis": {"title": title, "grid": False, "tickCount": 5, "format": ",~f"},
    }
    curve = {
        "data": {"values": rows},
        "encoding": {
            "x": across,
            "y": _height(top),
            "tooltip": {"field": "label", "type": "nominal", "title": " "},
        },
        "layer": [
            {"mark": {"type": "line", "color": ACCENT, "strokeWidth": 2}},
            {"mark": {"type": "point", "filled": True, "color": ACCENT, "size": 28}},
            {
                "transform": [{"filter": "datum.base"}],
                "mark": {"type": "point", "filled": True, "color": ink(), "size": 130},
            },
        ],
    }
    spec = {
        "height": _HEIGHT,
        "layer": [*_stripes(bands, top), _across(base, top), curve],
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key="what-if/curve", alt=alt)


def _top(highest: float, bands: Bands | None) -> float:
    """Return where the axis ends: behind the next bound, so that one sees how far it is."""
    bounds = [bands.approve_below, bands.decline_from] if bands else []
    reached = next((bound for bound in bounds if bound > highest), highest)
    return min(1.0, reached * _ROOM) or 1.0


def _height(top: float) -> dict[str, Any]:
    return {
        "field": "probability",
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"title": None, "format": ".0%" if top > 0.1 else ".1%", "tickCount": 5},  # noqa: PLR2004 - below, whole percents would repeat
    }


def _stripes(bands: Bands | None, top: float) -> list[dict[str, Any]]:
    """Return the decisions as stripes behind the curve."""
    rows = [
        {"from": begin, "to": min(end, top), "colour": DECISION_COLOURS[name]}
        for name, begin, end in (bands.parts() if bands else ())
        if begin < top
    ]
    if not rows:
        return []
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rect", "opacity": _BAND_OPACITY, "tooltip": None},
            "encoding": {
                "y": _height(top) | {"field": "from"},
                "y2": {"field": "to"},
                "color": {"field": "colour", "type": "nominal", "scale": None},
            },
        }
    ]


def _across(base: float, top: float) -> dict[str, Any]:
    return {
        "data": {"values": [{"probability": base}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": ink(), "opacity": 0.6},
        "encoding": {"y": _height(top)},
    }


def show_heat_map(
    cells: Sequence[Cell],
    bands: Bands | None,
    reader: Reader,
    *,
    titles: tuple[str, str, str],
    alt: str,
) -> None:
    """Show cells of two inputs, the base framed; titles are of both and of what is shown."""
    rows = [
        {
            "first": one.first,
            "second": one.second,
            "probability": one.probability,
            "label": one.label,
            "base": one.is_base,
        }
        for one in cells
    ]
    first = list(dict.fromkeys(one.first for one in cells))
    second = list(dict.fromkeys(one.second for one in cells))
    encoding = {
        "x": _side("first", titles[0], first, {"labelAngle": -45}),
        "y": _side("second", None, second[::-1], {}),
        "tooltip": {"field": "label", "type": "nominal", "title": " "},
    }
    legend = {"title": titles[2], "format": ".0%", "orient": "bottom", "gradientLength": 220}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rect"},
            "encoding": {
                "color": {
                    "field": "probability",
                    "type": "quantitative",
                    "scale": {"domain": _domain(bands), "range": list(_COLOURS)},
                    "legend": legend,
                }
            },
        },
        {
            "transform": [{"filter": "datum.base"}],
            "mark": {"type": "rect", "filled": False, "stroke": "#101820", "strokeWidth": 3},
        },
    ]
    spec = {
        # Its title above and not beside it: a phone has no room there.
        "title": {"text": titles[1], "anchor": "start", "fontSize": 12, "fontWeight": "normal"},
        "height": _AROUND_MAP + _CELL * len(second),
        "data": {"values": rows},
        "encoding": encoding,
        "layer": layers,
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key="what-if/map", alt=alt)


def _side(
    name: str, title: str | None, values: Sequence[str], axis: dict[str, Any]
) -> dict[str, Any]:
    return {
        "field": name,
        "type": "ordinal",
        "sort": list(values),
        "axis": {"title": title, "labelOverlap": True, **axis},
    }


def _domain(bands: Bands | None) -> list[float]:
    if bands is None:
        return list(_MIDDLES)
    low, high = bands.approve_below, bands.decline_from
    return [0.0, low, (low + high) / 2, high, 1.0]
