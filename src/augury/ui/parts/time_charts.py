"""Charts over time for administrators: ready Vega-Lite specifications, as in `charts`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import streamlit as st
from msgspec import Struct

from augury.ui.parts.charts import ACCENT, BETTER, WORSE
from augury.ui.reader import Reader

COLOURS: Final = (ACCENT, BETTER, WORSE)
_HEIGHT: Final = 200


class Line(Struct, frozen=True):
    """One line of a chart: what it is called, and its values, None where there is none."""

    title: str
    values: Sequence[float | None]


class Look(Struct, frozen=True):
    """How a chart over time is drawn; `is_utc` is for days, which begin at midnight there."""

    unit: str = ""
    time_format: str = "%H:%M"
    number_format: str = ",~f"
    is_utc: bool = False
    is_stepped: bool = False


def show_lines(
    moments: Sequence[datetime], lines: Sequence[Line], reader: Reader, *, alt: str, look: Look
) -> None:
    """Show lines over the same moments, the names of several above them."""
    rows = [
        {"at": moment.isoformat(), "what": line.title, "value": value}
        for line in lines
        for moment, value in zip(moments, line.values, strict=True)
    ]
    colour: dict[str, Any] = {"value": ACCENT}
    if len(lines) > 1:
        names = [line.title for line in lines]
        colour = {
            "field": "what",
            "type": "nominal",
            "scale": {"domain": names, "range": COLOURS[: len(names)]},
            "legend": {"orient": "top", "title": None},
        }
    mark = {
        "type": "line",
        "strokeWidth": 1.8,
        # A value between two that are missing would not be seen.
        "point": {"filled": True, "size": 16},
        "invalid": "break-paths-show-domains",
    }
    _show(rows, mark, {"color": colour}, reader, alt=alt, look=look)


def show_columns(
    moments: Sequence[datetime], values: Sequence[float], reader: Reader, *, alt: str, look: Look
) -> None:
    """Show a column for each moment."""
    rows = [
        {"at": moment.isoformat(), "value": value}
        for moment, value in zip(moments, values, strict=True)
    ]
    mark = {"type": "bar", "color": ACCENT, "width": {"band": 0.8}}
    _show(rows, mark, {}, reader, alt=alt, look=look)


def _show(
    rows: Sequence[Mapping[str, Any]],
    mark: Mapping[str, Any],
    encoding: Mapping[str, Any],
    reader: Reader,
    *,
    alt: str,
    look: Look,
) -> None:
    is_column = mark["type"] == "bar"
    scale = {"scale": {"type": "utc"}} if look.is_utc and not is_column else {}
    across: dict[str, Any] = {
        "field": "at",
        "type": "temporal",
        "axis": {"title": None, "format": look.time_format, "tickCount": 6, "grid": False},
        **scale,
    }
    if is_column:
        # Columns as wide as the time they stand for.
        unit = "utcyearmonthdate" if look.is_utc else "yearmonthdatehours"
        across |= {"timeUnit": unit}
    spec = {
        "height": _HEIGHT,
        "data": {"values": list(rows)},
        "mark": dict(mark),
        "encoding": {
            "x": across,
            "y": {
                "field": "value",
                "type": "quantitative",
                "axis": {
                    "title": look.unit or None,
                    "format": look.number_format,
                    "tickCount": 4,
                },
            },
            "tooltip": [
                {"field": "at", "type": "temporal", "title": " ", "format": "%x %H:%M"},
                {
                    "field": "value",
                    "type": "quantitative",
                    "title": " ",
                    "format": look.number_format,
                },
            ],
            **encoding,
        },
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key=None, alt=alt)
