"""Two distributions over the same bins, side by side."""

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from augury.ui.parts.charts import ACCENT, WORSE
from augury.ui.reader import Reader

_HEIGHT_PIXELS: Final = 240


def show_pairs(
    labels: Sequence[str],
    pairs: tuple[tuple[str, Sequence[float]], tuple[str, Sequence[float]]],
    reader: Reader,
    *,
    key: str,
    alt: str,
) -> None:
    """Show for each bin its share in two distributions, each named; shares are of one."""
    names = [name for name, _ in pairs]
    rows = [
        {"bin": label, "who": name, "share": share}
        for name, shares in pairs
        for label, share in zip(labels, shares, strict=True)
    ]
    spec: dict[str, Any] = {
        "height": _HEIGHT_PIXELS,
        "data": {"values": rows},
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": {
                "field": "bin",
                "type": "nominal",
                "sort": None,
                "axis": {"title": None, "labelAngle": -40, "labelOverlap": "greedy"},
            },
            "xOffset": {"field": "who", "type": "nominal", "sort": None},
            "y": {
                "field": "share",
                "type": "quantitative",
                "axis": {"title": None, "format": ".0%", "tickCount": 5},
            },
            "color": {
                "field": "who",
                "type": "nominal",
                "scale": {"domain": names, "range": [ACCENT, WORSE]},
                "legend": {"orient": "top", "title": None},
            },
        },
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key=key, alt=alt)
