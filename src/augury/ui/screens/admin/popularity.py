"""What sells: predictions, customers, revenue and speed of each model."""

from collections.abc import Mapping, Sequence

import streamlit as st

from augury.client import ModelSales
from augury.ui.parts.charts import Bar, show_bars
from augury.ui.parts.elements import (
    plain,
    show_refused_download,
    show_table,
    show_way_to_download,
)
from augury.ui.parts.look_back import Period, choose_period
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_sales

# To count customers every prediction is read: in a month there may be millions.
_COUNTED_AT_ONCE = ("day", "week")
_MOST_BARS = 12


def show(visit: Visit) -> None:
    """Show what was sold of each model in a period, the most popular first."""
    reader = visit.reader
    st.title(reader.text("place.admin-popularity"), anchor=False)
    period = choose_period(reader, key="admin-popularity/period", usual="month")
    is_counted = period.name in _COUNTED_AT_ONCE or st.toggle(
        reader.text("popularity.count_customers"),
        help=reader.text("popularity.count_customers_help"),
        key=f"admin-popularity/customers/{period.name}",
    )
    found = visit.ask(lambda api: api.admin.model_sales(period.since(), with_customers=is_counted))
    show_refused_download(reader)
    if not found.items:
        st.markdown(reader.text("load.nothing_sold"))
        return
    titles = {one.name: reader.pick(one.title) for one in visit.ask(lambda api: api.models())}
    _show_totals(reader, found.items)
    _show_revenue(reader, found.items, titles)
    _show_table(reader, found.items, titles)
    _show_speed(reader, found.items, titles)
    _show_file(reader, period)


def _show_totals(reader: Reader, items: Sequence[ModelSales]) -> None:
    totals = {
        "predictions": sum(one.predictions for one in items),
        "rows": sum(one.rows for one in items),
        "revenue": sum(one.revenue for one in items),
        "failures": sum(one.failures for one in items),
    }
    with st.container(horizontal=True):
        for name, total in totals.items():
            st.metric(reader.text(f"popularity.{name}"), reader.number(total), border=True)


def _show_revenue(reader: Reader, items: Sequence[ModelSales], titles: Mapping[str, str]) -> None:
    st.header(reader.text("popularity.by_revenue"), anchor=False)
    dearest = sorted(items, key=lambda one: -one.revenue)[:_MOST_BARS]
    bars = [
        Bar(
            f"{titles.get(one.model, one.model)} · {reader.count('credits', one.revenue)}"
            f" · {_share(reader, one, items)}",
            one.revenue,
        )
        for one in dearest
    ]
    alt = "; ".join(bar.label for bar in bars)
    show_bars(bars, key="admin-popularity/revenue", alt=alt)


def _share(reader: Reader, one: ModelSales, items: Sequence[ModelSales]) -> str:
    total = sum(each.revenue for each in items)
    return reader.percent(one.revenue / total if total else 0.0)


def _show_table(reader: Reader, items: Sequence[ModelSales], titles: Mapping[str, str]) -> None:
    st.header(reader.text("popularity.by_model"), anchor=False)
    with_customers = any(one.customers is not None for one in items)
    columns = ["model", "predictions", "rows", "revenue", "share", "failures"]
    if with_customers:
        columns.insert(3, "customers")
    rows = []
    for one in items:
        row = [
            plain(titles.get(one.model, one.model)),
            reader.number(one.predictions),
            reader.number(one.rows),
            reader.number(one.revenue),
            _share(reader, one, items),
            reader.number(one.failures),
        ]
        if with_customers:
            row.insert(3, reader.number(one.customers or 0))
        rows.append(row)
    show_table([reader.text(f"popularity.{column}") for column in columns], rows)
    st.caption(reader.text("popularity.revenue_help"))


def _show_speed(reader: Reader, items: Sequence[ModelSales], titles: Mapping[str, str]) -> None:
    st.header(reader.text("load.latency"), anchor=False)
    rows = []
    for one in items:
        latency = one.latency_ms
        times = (latency.p50, latency.p95, latency.p99)
        told = ["" if time is None else reader.rounded(time, 1) for time in times]
        rows.append((plain(titles.get(one.model, one.model)), *told))
    show_table([reader.text("popularity.model"), "p50", "p95", "p99"], rows)
    st.caption(reader.text("load.latency_help"))


def _show_file(reader: Reader, period: Period) -> None:
    show_way_to_download(
        path_of_sales(period.name), reader.text("popularity.csv"), key="admin-popularity/csv"
    )
