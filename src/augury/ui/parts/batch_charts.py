"""What came of a batch, drawn from the beginning of its results: no more is ever read."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from augury.client import ApiError, Batch, Model
from augury.ui.parts.batch_results import BINS, Sample, can_sample, sample
from augury.ui.parts.charts import ACCENT, Bar, show_bars
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.gauges import DECISION_COLOURS, bands_of, probability_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_HEIGHT = 240


def show_results(visit: Visit, batch: Batch, model: Model | None) -> None:
    """Show how probabilities are spread, how it was decided, and which rows failed."""
    reader = visit.reader
    name = probability_of(model.output_schema) if model else None
    if name is None or model is None:
        return
    found = _sample(visit, batch, name)
    if found is None:
        return
    if not found.rows:
        st.caption(reader.text("batches.no_charts"))
        return
    if not found.is_whole:
        rows = reader.count("rows", found.rows)
        st.caption(plain(reader.text("batches.first_of_results", rows=rows)))
    if found.succeeded:
        _show_spread(found, model, reader)
        _show_decisions(found, reader)
    _show_failures(found, reader)


def _sample(visit: Visit, batch: Batch, probability: str) -> Sample | None:
    """Return the beginning of the results, read once for each tab; None where there are none."""
    key = f"batches/sample/{batch.id}"
    known: Sample | None = st.session_state.get(key)
    if known is not None:
        return known
    try:
        file = visit.ask(lambda api: api.batches.results(batch.id))
    except ApiError as refusal:
        told = visit.reader.named("download_refused", refusal.code, refusal.detail)
        st.info(plain(told), icon=":material/info:")
        return None
    if can_sample(file.media_type):
        found = sample(file, probability)
    else:
        file.pieces.close()
        found = Sample(0, is_whole=True, bins=(), decisions={}, failures=())
    st.session_state[key] = found
    return found


def _show_spread(found: Sample, model: Model, reader: Reader) -> None:
    st.subheader(reader.text("batches.spread"), anchor=False)
    bands = bands_of(model.output_schema)
    rows: list[Mapping[str, Any]] = [
        {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "rows": count,
            "label": f"{reader.share(place / BINS)}–{reader.share((place + 1) / BINS)}: "
            + reader.count("rows", count),
        }
        for place, count in enumerate(found.bins)
    ]
    edges = [bands.approve_below, bands.decline_from] if bands else []
    axis = {"title": None, "format": ".0%", "tickCount": 5, "grid": False}
    spec = {
        "height": _HEIGHT,
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "color": ACCENT, "binSpacing": 2},
                "encoding": {
                    "x": {
                        "field": "from",
                        "type": "quantitative",
                        "bin": {"binned": True},
                        "axis": axis,
                        "scale": {"domain": [0, 1]},
                    },
                    "x2": {"field": "to"},
                    "y": {
                        "field": "rows",
                        "type": "quantitative",
                        "axis": {"title": None, "tickMinStep": 1, "format": ",d"},
                    },
                    "tooltip": {"field": "label", "type": "nominal", "title": " "},
                },
            },
            {
                "data": {"values": [{"at": edge} for edge in edges]},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": "#8593a0"},
                "encoding": {"x": {"field": "at", "type": "quantitative"}},
            },
        ],
        "config": {"locale": reader.chart_words(), "view": {"stroke": None}},
    }
    st.vega_lite_chart(spec=spec, width="stretch", key="batches/spread", alt=_told(rows, reader))
    if bands:
        st.caption(
            reader.text(
                "answer.thresholds",
                approve=reader.percent(bands.approve_below),
                decline=reader.percent(bands.decline_from),
            )
        )


def _told(rows: list[Mapping[str, Any]], reader: Reader) -> str:
    filled = "; ".join(str(row["label"]) for row in rows if row["rows"])
    return reader.text("batches.spread_alt", bins=filled)


def _show_decisions(found: Sample, reader: Reader) -> None:
    if not found.decisions:
        return
    st.subheader(reader.text("batches.decisions"), anchor=False)
    total = sum(found.decisions.values())
    bars = [
        Bar(
            reader.text(
                "batches.decision",
                decision=reader.named("decision", name),
                rows=reader.count("rows", found.decisions[name]),
                share=reader.percent(found.decisions[name] / total),
            ),
            found.decisions[name],
            DECISION_COLOURS.get(name, ACCENT),
        )
        for name in sorted(found.decisions, key=_order)
    ]
    alt = "; ".join(bar.label for bar in bars)
    show_bars(bars, key="batches/decisions", alt=alt)


def _order(decision: str) -> int:
    known = list(DECISION_COLOURS)
    return known.index(decision) if decision in known else len(known)


def _show_failures(found: Sample, reader: Reader) -> None:
    if not found.failures:
        return
    st.subheader(reader.text("batches.failed_rows"), anchor=False)
    rows = [[reader.number(one.line), plain(one.error)] for one in found.failures]
    show_table([reader.text("batches.line"), reader.text("batches.fault")], rows)
    st.caption(reader.text("batches.about_lines"))
