"""What was bought in a period: by day and by model, as charts, as tables, as a file."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import streamlit as st

from augury.client import ApiError, Usage, UsageItem, UsageTotals
from augury.ui.parts.charts import Bar, show_bars, show_days
from augury.ui.parts.elements import (
    plain,
    show_refusal,
    show_refused_download,
    show_table,
    show_way_to,
    show_way_to_download,
)
from augury.ui.parts.periods import Period, choose_period
from augury.ui.parts.spending import midnight, midnight_after
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_usage

_MEASURES: Final = ("credits", "predictions", "rows")
# So many rows of a table are read at sight; a year of days is asked for.
_FIRST_ROWS: Final = 31
_MOST_BARS: Final = 12


def show(visit: Visit) -> None:
    """Show the use of the chosen period."""
    reader = visit.reader
    st.title(reader.text("place.usage"), anchor=False)
    show_refused_download(reader)
    period = choose_period(reader, "usage")
    if period.first > period.last:
        st.error(reader.text("usage.order"), icon=":material/error:")
        return
    since, until = midnight(period.first), midnight_after(period.last)
    try:
        by_day, by_model = visit.ask(
            lambda api: (
                api.money.usage(group_by="day", since=since, until=until),
                api.money.usage(group_by="model", since=since, until=until),
            )
        )
    except ApiError as refusal:
        show_refusal(refusal, reader, {"from": reader.text("usage.first")})
        return
    _show_totals(by_day.totals, reader)
    if not by_day.items:
        st.markdown(reader.text("usage.none"))
        show_way_to(
            visit.places["predict"],
            reader.text("place.predict"),
            key="usage/predict",
            icon=":material/insights:",
        )
        return
    measure = st.segmented_control(
        reader.text("usage.measure"),
        _MEASURES,
        default=_MEASURES[0],
        required=True,
        format_func=lambda name: reader.text(f"usage.{name}"),
        key="usage/measure",
        persist_state="session",
    )
    _show_by_day(by_day, period, measure or _MEASURES[0], reader)
    _show_by_model(visit, by_model, period, measure or _MEASURES[0])


def _show_totals(totals: UsageTotals, reader: Reader) -> None:
    with st.container(horizontal=True):
        for name in _MEASURES:
            shown = reader.number(getattr(totals, name))
            st.metric(reader.text(f"usage.{name}"), shown, border=True)


def _show_by_day(usage: Usage, period: Period, measure: str, reader: Reader) -> None:
    st.header(reader.text("usage.by_day"), anchor=False)
    known = {item.day: getattr(item, measure) for item in usage.items}
    what = reader.text(f"usage.{measure}")
    show_days(
        {day: known.get(day, 0) for day in period.days()},
        reader,
        key=f"usage/days/{measure}",
        alt=f"{reader.text('usage.by_day')}: {what}",
        what=what,
    )
    st.caption(reader.text("usage.utc"))
    shown = _first(usage.items, reader)
    rows = [_row(reader.day(item.day.isoformat()), item, reader) for item in shown if item.day]
    _show_items(reader.text("usage.day"), rows, period, "day", reader)


def _show_by_model(visit: Visit, usage: Usage, period: Period, measure: str) -> None:
    reader = visit.reader
    st.header(reader.text("usage.by_model"), anchor=False)
    titles = {model.name: reader.pick(model.title) for model in visit.ask(lambda api: api.models())}
    named = [(titles.get(item.model or "") or item.model or "", item) for item in usage.items]
    strongest = sorted(named, key=lambda pair: -getattr(pair[1], measure))[:_MOST_BARS]
    bars = [
        Bar(f"{title} · {reader.number(value)}", value)
        for title, value in ((title, getattr(item, measure)) for title, item in strongest)
    ]
    what = reader.text(f"usage.{measure}")
    alt = f"{reader.text('usage.by_model')}, {what}: {'; '.join(bar.label for bar in bars)}"
    show_bars(bars, key=f"usage/models/{measure}", alt=alt)
    rows = [_row(title, item, reader) for title, item in named]
    _show_items(reader.text("usage.model"), rows, period, "model", reader)


def _first(items: Sequence[UsageItem], reader: Reader) -> Sequence[UsageItem]:
    if len(items) <= _FIRST_ROWS:
        return items
    every = reader.text("usage.every_day", days=reader.number(len(items)))
    return items if st.toggle(every, key="usage/every") else items[:_FIRST_ROWS]


def _row(title: str, item: UsageItem, reader: Reader) -> list[str]:
    return [plain(title), *(reader.number(getattr(item, name)) for name in _MEASURES)]


def _show_items(
    title: str, rows: Sequence[Sequence[str]], period: Period, group: str, reader: Reader
) -> None:
    show_table([title, *(reader.text(f"usage.{name}") for name in _MEASURES)], rows)
    show_way_to_download(
        path_of_usage(group, _day(period.first), _day(period.last)),
        reader.text(f"usage.csv.{group}"),
        key=f"usage/csv/{group}",
    )


def _day(day: date) -> str:
    return day.isoformat()
