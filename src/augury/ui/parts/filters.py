"""Filters of a list that stand in the address: links keep them, and the back button goes back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from msgspec import Struct

from augury.kit.dates import read_date
from augury.ui.reader import Reader

_OWN: Final = "own"
_LAST_DAYS: Final = {"today": 1, "week": 7, "month": 30, "year": 365}
_PERIODS: Final = (*_LAST_DAYS, _OWN)


class Span(Struct, frozen=True):
    """From the beginning of one day until before that of another; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> dict[str, str]:
        """Return it as part of an address."""
        ends = {"from": self.since, "to": self.until}
        return {name: end.isoformat() for name, end in ends.items() if end is not None}


def given(names: Sequence[str]) -> dict[str, str]:
    """Return the filters that stand in the address, to keep them in a link."""
    query = st.query_params.to_dict()
    return {name: query[name] for name in names if name in query}


def address(path: str, query: Mapping[str, str | None]) -> str:
    """Return a path with what is set of a query."""
    present = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(present)}" if present else path


def choose(
    name: str, label: str, options: Sequence[str], title: Callable[[str], str], everything: str
) -> str | None:
    """Return the one of the options that stands in the address, and let it be changed."""
    key = f"filter/{name}"
    wanted = st.query_params.get(name)
    # The address is the truth: it changes by links and by the back button, too.
    st.session_state[key] = wanted if wanted in options else None
    chosen: str | None = st.selectbox(
        label,
        options,
        index=None,
        key=key,
        format_func=title,
        placeholder=everything,
        filter_mode=None,
        on_change=_put,
        args=(name, key),
    )
    return chosen


def choose_span(reader: Reader) -> Span:
    """Return the time that stands in the address, and let it be changed."""
    period = choose(
        "period",
        reader.text("filter.period"),
        _PERIODS,
        lambda name: reader.text(f"filter.period.{name}"),
        reader.text("filter.period.any"),
    )
    if period is None:
        return Span()
    if period != _OWN:
        days = timedelta(days=_LAST_DAYS[period] - 1)
        return Span(reader.midnight(reader.today() - days))
    left, right = st.columns(2)
    with left:
        first = _ask_for_day("from", reader)
    with right:
        last = _ask_for_day("to", reader)
    if first is not None and last is not None and last < first:
        st.error(reader.text("filter.order"), icon=":material/error:")
        return Span(reader.midnight(first), reader.midnight(first))
    return Span(
        None if first is None else reader.midnight(first),
        # The last day is meant with all of its hours.
        None if last is None else reader.midnight(last + timedelta(days=1)),
    )


def _ask_for_day(name: str, reader: Reader) -> date | None:
    """Return a day that was typed; Streamlit's calendar speaks the browser's language only."""
    key = f"filter/{name}"
    wanted = read_date(st.query_params.get(name, ""))
    typed = st.session_state.get(key) or ""
    # What cannot be read stays as it was typed.
    is_unread = bool(typed.strip()) and read_date(typed) is None
    if not is_unread:
        st.session_state[key] = reader.written(wanted) if wanted is not None else ""
    st.text_input(
        reader.text(f"filter.{name}"),
        key=key,
        placeholder=reader.text("filter.day"),
        on_change=_put_day,
        args=(name, key),
    )
    if is_unread:
        st.error(reader.text("filter.not_a_day"), icon=":material/error:")
        return None
    return wanted


def _put(name: str, key: str) -> None:
    value = st.session_state[key]
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def _put_day(name: str, key: str) -> None:
    day = read_date(st.session_state[key])
    if day is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = day.isoformat()
