"""Charts as ready Vega-Lite specifications: they cost a page milliseconds and load nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import expm1, log1p, sqrt
from typing import Any, Final

import streamlit as st
from msgspec import Struct

from augury.ui.reader import Reader

# Each is told from the background of both themes.
ACCENT: Final = "#1a98ab"
WORSE: Final = "#d9633f"
BETTER: Final = "#3f9b6c"
_QUIET: Final = "#8593a0"
_INK: Final[Mapping[str, str]] = {"dark": "#e4eaef", "light": "#1b2733"}
_ROW_PIXELS: Final = 46
# What the frame of a chart takes of its height: a single bar would lose its label.
_FRAME_PIXELS: Final = 32
_SATURDAY: Final = 5


class Bar(Struct, frozen=True):
    """One bar of a chart; `label` is what is written above it, its figure included."""

    label: str
    value: float
    colour: str = ACCENT


class Closes(Struct, frozen=True):
    """Closes of an asset, the oldest first; days are `YYYY-MM-DD`."""

    days: Sequence[str]
    values: Sequence[float]


def show_bars(bars: Sequence[Bar], *, key: str, alt: str) -> None:
    """Show bars one below the other, each under its label: so that names have room on a phone."""
    rows = [
        {"at": at, "label": one.label, "value": one.value, "colour": one.colour}
        for at, one in enumerate(bars)
    ]
    values = [0.0, *(one.value for one in bars)]
    least, most = min(values), max(values)
    across = {
        "field": "value",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [least, most if most > least else 1.0], "nice": False},
    }
    down = {"field": "at", "type": "ordinal", "axis": None}
    spec = {
        "height": _ROW_PIXELS * len(bars) + _FRAME_PIXELS,
        "data": {"values": rows},
        "encoding": {"y": down},
        "layer": [
            {
                "mark": {"type": "bar", "height": 14, "yOffset": 10, "cornerRadius": 2},
                "encoding": {
                    "x": across,
                    "x2": {"datum": 0},
                    "color": {"field": "colour", "type": "nominal", "scale": None},
                },
            },
            {
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dy": -9,
                    "fontSize": 13,
                    "color": ink(),
                },
                "encoding": {"x": {"value": 0}, "text": {"field": "label", "type": "nominal"}},
            },
        ],
        "config": {"view": {"stroke": None}},
        "padding": 0,
    }
    st.vega_lite_chart(spec=spec, width="stretch", key=key, alt=alt)


def show_days(counts: Mapping[date, int], reader: Reader, *, key: str, alt: str, what: str) -> None:
    """Show one bar for each day; `what` says what is counted."""
    rows = [{"day": day.isoformat(), "count": count} for day, count in counts.items()]
    spec = {
        "height": 180,
        "data": {"values": rows},
        "mark": {"type": "bar", "color": ACCENT, "cornerRadiusEnd": 2},
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "timeUnit": "utcyearmonthdate",
                "axis": {
                    "title": None,
                    "format": "%-d %b",
                    "labelAngle": 0,
                    "labelOverlap": "greedy",
                    "ticks": False,
                },
            },
            "y": {
                "field": "count",
                "type": "quantitative",
                "axis": {"title": None, "format": ",d", "tickMinStep": 1, "tickCount": 4},
            },
            "tooltip": [
                {
                    "field": "day",
                    "type": "temporal",
                    "timeUnit": "utcyearmonthdate",
                    "title": " ",
                    "format": "%x",
                },
                {"field": "count", "type": "quantitative", "title": what, "format": ",d"},
            ],
        },
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key=key, alt=alt)


def show_cone(
    closes: Closes, quantiles: Mapping[str, float], horizon: int, reader: Reader, unit: str
) -> None:
    """Show the closes and, after the last, what is likely: half of all cases, and nine of ten."""
    past = [
        {"day": day, "close": close} for day, close in zip(closes.days, closes.values, strict=True)
    ]
    spec: dict[str, Any] = {
        "height": 300,
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": {"title": None, "format": "%b %Y", "labelFlush": True, "tickCount": 6},
            }
        },
        "layer": [
            _band(0.2, "low", "high"),
            _band(0.35, "lower", "upper"),
            _line("middle", ACCENT, dashed=True),
            _line("close", _QUIET, dashed=False),
        ],
        "data": {"values": [*past, *cone(closes, quantiles, horizon)]},
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    spec["layer"][0]["encoding"]["y"]["title"] = unit or None
    st.vega_lite_chart(spec=spec, width="stretch", key=None, alt=reader.text("cone.title"))


def cone(closes: Closes, quantiles: Mapping[str, float], horizon: int) -> list[dict[str, Any]]:
    """Return the forecast's band for each trading day until the horizon, prices like the closes.

    The quantiles are of the last day. On the way there the middle moves evenly and the width with
    the square root of time, as that of independent days does.
    """
    last, final = date.fromisoformat(closes.days[-1]), closes.values[-1]
    names = {"low": "0.05", "lower": "0.25", "middle": "0.5", "upper": "0.75", "high": "0.95"}
    logs = {name: log1p(quantiles[level]) for name, level in names.items()}
    middle, rows = logs["middle"], []
    for passed in range(horizon + 1):
        share = passed / horizon
        rows.append(
            {"day": last.isoformat()}
            | {
                name: final * (1 + expm1(middle * share + (value - middle) * sqrt(share)))
                for name, value in logs.items()
            }
        )
        last += timedelta(days=1)
        while last.weekday() >= _SATURDAY:
            last += timedelta(days=1)
    return rows


def _band(opacity: float, low: str, high: str) -> dict[str, Any]:
    return {
        "transform": [{"filter": f"isValid(datum.{low})"}],
        "mark": {"type": "area", "color": ACCENT, "opacity": opacity},
        "encoding": {"y": _price(low), "y2": {"field": high}},
    }


def _line(name: str, colour: str, *, dashed: bool) -> dict[str, Any]:
    dash = {"strokeDash": [4, 4]} if dashed else {}
    return {
        "transform": [{"filter": f"isValid(datum.{name})"}],
        "mark": {"type": "line", "color": colour, "strokeWidth": 1.6, **dash},
        "encoding": {
            "y": _price(name),
            "tooltip": [
                {"field": "day", "type": "temporal", "title": " ", "format": "%x"},
                {"field": name, "type": "quantitative", "title": " ", "format": ",.2f"},
            ],
        },
    }


def _price(name: str) -> dict[str, Any]:
    return {
        "field": name,
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {"title": None, "format": ",~f", "tickCount": 6},
    }


def ink() -> str:
    """Return the colour of text: marks do not follow the theme by themselves."""
    return _INK.get(st.context.theme.type or "light", _INK["light"])
