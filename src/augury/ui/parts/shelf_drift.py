"""Drift: how far the rows that a model is asked of late are from those that it learnt from."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import streamlit as st

from augury.client import ApiError, ModelOnShelf
from augury.client.shelf import ColumnDrift, Drift
from augury.ui.parts.charts import ACCENT, BETTER, WORSE, Bar, show_bars
from augury.ui.parts.elements import plain, show_refusal
from augury.ui.parts.fields import read_fields
from augury.ui.parts.pair_charts import show_pairs
from augury.ui.parts.shelf_choice import choose_version, numbers_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_DAYS: Final = (7, 30, 90)
_SCORE: Final = ""
_COLOURS: Final[Mapping[str | None, str]] = {"calm": BETTER, "watch": ACCENT, "alert": WORSE}
_DIGITS: Final = 3
_EXPECTED: Final = ("no_reference", "model_not_found")


def show_drift(visit: Visit, model: ModelOnShelf) -> None:
    """Show every column's index with its alarm, and one column's distributions, then and now."""
    reader = visit.reader
    st.header(reader.text("shelf_part.drift"), anchor=False)
    st.markdown(reader.text("drift.introduction"))
    number = choose_version(reader, model, numbers_of(model), "drift")
    days = st.segmented_control(
        reader.text("drift.days"),
        _DAYS,
        default=_DAYS[0],
        required=True,
        format_func=lambda count: reader.count("drift.period", count),
        key=f"drift/{model.name}/days",
    )
    try:
        found = visit.ask(
            lambda api: api.registry.drift(model.name, version=number, days=days or _DAYS[0])
        )
    except ApiError as refusal:
        if refusal.code not in _EXPECTED:
            show_refusal(refusal, reader)
        else:
            st.info(reader.text("drift.no_reference"), icon=":material/info:")
        return
    _show_found(visit, model, found)


def _show_found(visit: Visit, model: ModelOnShelf, found: Drift) -> None:
    reader = visit.reader
    st.markdown(
        plain(
            reader.text(
                "drift.rows",
                rows=reader.count("rows", found.rows),
                training=reader.count("rows", found.training_rows),
            )
        )
    )
    columns = {_SCORE: found.score, **found.fields}
    titles = _titles(visit, model.name, found)
    worst = [name for name, one in columns.items() if one.level == "alert"]
    if all(one.level is None for one in columns.values()):
        st.info(reader.text("drift.too_few"), icon=":material/hourglass_empty:")
    elif worst:
        named = ", ".join(titles[name] for name in worst)
        st.error(plain(reader.text("drift.alarm", columns=named)), icon=":material/warning:")
    else:
        st.success(reader.text("drift.no_alarm"), icon=":material/check_circle:")
    ranked = sorted(columns, key=lambda name: -(columns[name].stability_index or 0))
    bars = [_bar(titles[name], columns[name], reader) for name in ranked]
    show_bars(bars, key=f"drift/{model.name}", alt=reader.text("drift.chart"))
    st.caption(reader.text("drift.legend"))
    chosen = st.selectbox(
        reader.text("drift.column"),
        ranked,
        format_func=lambda name: titles.get(name, name),
        filter_mode=None,
        key=f"drift/{model.name}/{found.version}/column",
    )
    _show_column(titles[chosen], columns[chosen], reader)


def _titles(visit: Visit, name: str, found: Drift) -> dict[str, str]:
    version = visit.ask(lambda api: api.registry.version(name, found.version))
    fields = {one.name: one.title for one in read_fields(version.input_schema, visit.reader)}
    score = {_SCORE: visit.reader.text("drift.score")}
    return score | {field: fields.get(field, field) for field in found.fields}


def _bar(title: str, one: ColumnDrift, reader: Reader) -> Bar:
    level = reader.named("drift_level", one.level or "unknown")
    index = one.stability_index
    shown = "–" if index is None else reader.rounded(index, _DIGITS)
    return Bar(f"{title} · {shown} · {level}", index or 0.0, _COLOURS.get(one.level, ACCENT))


def _show_column(title: str, one: ColumnDrift, reader: Reader) -> None:
    missing = reader.text(
        "drift.missing", then=reader.percent(one.missing_then), now=reader.percent(one.missing)
    )
    st.caption(plain(missing))
    if not one.rows:
        st.markdown(reader.text("drift.no_rows"))
        return
    then, now = reader.text("drift.then"), reader.text("drift.now")
    show_pairs(
        _bins(one, reader),
        ((then, one.shares_then), (now, one.shares)),
        reader,
        key="drift/column",
        alt=reader.text("drift.column_chart", column=title),
    )


def _bins(one: ColumnDrift, reader: Reader) -> list[str]:
    if one.categories is not None:
        return list(one.categories)
    edges = [reader.rounded(edge, _DIGITS) for edge in one.edges or ()]
    if not edges:
        return [reader.text("drift.all")] * len(one.shares)
    middle = [f"{low} … {high}" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *middle, f"≥ {edges[-1]}"]
