"""The risk of a portfolio: what is held, what is asked, for what price, and the answer."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, Final, Literal, cast

import pandas as pd
import streamlit as st

from augury.client import Model
from augury.ui.parts.asking import show_page
from augury.ui.parts.documents import title_of
from augury.ui.parts.elements import choose_csv, plain
from augury.ui.parts.own_files import Unread, read_positions
from augury.ui.parts.questions import (
    KEPT,
    draw_rest,
    known_prices,
    share_of,
    show_troubles,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_SCREEN: Final = "portfolio"
_HUNDRED: Final = 100
_EXAMPLE: Final = (("AAPL", 50.0, 5000.0), ("JPM", 30.0, 3000.0), ("XOM", 20.0, 2000.0))
Held = Literal["weight", "value"]
Row = dict[str, Any]


def show(visit: Visit) -> None:
    """Show the form for a portfolio and, once bought, where its risk comes from."""
    show_page(visit, _SCREEN, _show_form)


def _show_form(visit: Visit, model: Model) -> dict[str, Any] | None:
    """Show the form; return the question to buy an answer to, or None while there is none."""
    reader = visit.reader
    known = known_prices(visit)
    _take_file(reader)
    held: Held = st.segmented_control(
        reader.text("portfolio.held"),
        ["weight", "value"],
        default="weight",
        required=True,
        format_func=lambda name: reader.text(f"portfolio.by.{name}"),
        key="portfolio/held",
        persist_state=KEPT,
    )
    rows = _edit_positions(held, reader)
    _show_total(rows, held, reader)
    with st.expander(reader.text("portfolio.own_shocks"), icon=":material/thunderstorm:"):
        st.markdown(reader.text("portfolio.about_shocks"))
        shocks = _edit_shocks(reader)
    # Credits are spent by a click, never by an Enter on the way from field to field.
    with st.form("portfolio", enter_to_submit=False):
        limits = _draw_limits(reader)
        rest = draw_rest(model, known, reader, _SCREEN, with_value=held == "weight")
        price = reader.count("credits", model.price)
        submitted = st.form_submit_button(
            reader.text("predict.buy", credits=price), type="primary", icon=":material/insights:"
        )
        st.caption(reader.text("investing.terms"))
    if not submitted:
        return None
    if not rows:
        title = plain(title_of(model.input_schema, "positions", reader))
        st.error(reader.text("predict.incomplete", fields=title))
        return None
    return {"positions": rows, **shocks, **limits, **rest}


def _take_file(reader: Reader) -> None:
    """Put the positions of a file into the table, once for each file."""
    file = choose_csv(
        reader,
        reader.text("portfolio.file"),
        reader.text("portfolio.file_help"),
        key="portfolio/file",
    )
    if file is None or st.session_state.get("portfolio/taken") == file.file_id:
        return
    try:
        held, positions = read_positions(file.getvalue())
    except Unread as unread:
        show_troubles(unread.troubles, reader)
        return
    st.session_state["portfolio/taken"] = file.file_id
    st.session_state["portfolio/held"] = held
    times = _HUNDRED if held == "weight" else 1
    table = [{"symbol": one["symbol"], held: one[held] * times} for one in positions]
    _renew(f"portfolio/{held}", table)


def _edit_positions(held: Held, reader: Reader) -> list[Row]:
    """Return the positions of the table as the question has them."""
    example = [
        {"symbol": symbol, held: weight if held == "weight" else value}
        for symbol, weight, value in _EXAMPLE
    ]
    columns = {
        "symbol": st.column_config.TextColumn(reader.text("parts.symbol"), required=True),
        held: st.column_config.NumberColumn(
            reader.text(f"portfolio.column.{held}"), required=True, format="localized"
        ),
    }
    rows = _edit(f"portfolio/{held}", example, columns)
    return [
        {"symbol": one["symbol"], held: share_of(one[held]) if held == "weight" else one[held]}
        for one in rows
    ]


def _edit_shocks(reader: Reader) -> dict[str, Any]:
    columns = {
        "symbol": st.column_config.TextColumn(reader.text("parts.symbol"), required=True),
        "change": st.column_config.NumberColumn(
            reader.text("portfolio.change"), required=True, format="localized"
        ),
    }
    rows = _edit("portfolio/shocks", [], columns)
    return {"shocks": {one["symbol"]: share_of(one["change"]) for one in rows}} if rows else {}


def _edit(name: str, first: Sequence[Row], columns: Mapping[str, Any]) -> list[Row]:
    """Return the full rows of a table that can be edited; it outlives a switch of pages.

    The editor remembers changes of the data it was given, and forgets them when the page is left.
    So it keeps its data while it lives, and begins with the last rows when it comes back.
    """
    edition = st.session_state.setdefault(f"{name}/edition", 0)
    key = f"{name}/editor/{edition}"
    if key not in st.session_state:
        st.session_state[f"{name}/given"] = st.session_state.get(f"{name}/rows", list(first))
    given = pd.DataFrame(st.session_state[f"{name}/given"], columns=list(columns))
    numbers = [column for column in columns if column != "symbol"]
    given = given.astype({"symbol": "object", **dict.fromkeys(numbers, "float64")})
    edited = st.data_editor(
        given,
        column_config=dict(columns),
        num_rows="dynamic",
        hide_index=True,
        key=key,
        on_change=_note,
        args=(name, key, tuple(columns)),
    )
    rows = [_cleaned(row) for row in cast("list[Row]", edited.to_dict("records"))]
    st.session_state[f"{name}/rows"] = rows
    return [row for row in rows if all(value is not None for value in row.values())]


def _note(name: str, key: str, columns: Sequence[str]) -> None:
    """Keep the rows as they are after an edit, also when the page cannot be drawn after it."""
    edits = st.session_state[key]
    rows = [
        dict(row) | edits["edited_rows"].get(number, {})
        for number, row in enumerate(st.session_state[f"{name}/given"])
        if number not in edits["deleted_rows"]
    ]
    rows += [dict.fromkeys(columns) | row for row in edits["added_rows"]]
    st.session_state[f"{name}/rows"] = [_cleaned(row) for row in rows]


def _renew(name: str, rows: Sequence[Row]) -> None:
    st.session_state[f"{name}/rows"] = list(rows)
    st.session_state[f"{name}/edition"] = st.session_state.get(f"{name}/edition", 0) + 1


def _cleaned(row: Mapping[str, Any]) -> Row:
    return {
        str(name): None
        if value is None or (isinstance(value, float) and isnan(value))
        else (value.strip() or None)
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }


def _draw_limits(reader: Reader) -> dict[str, Any]:
    """Return what the weights of lower risk have to keep to."""
    limits = {}
    for column, name in zip(st.columns(2), ("max_weight", "max_turnover"), strict=True):
        with column:
            typed = st.number_input(
                reader.text(f"portfolio.limit.{name}"),
                value=None,
                step=5.0,
                format="%g",
                placeholder=reader.text("portfolio.no_limit"),
                help=reader.text(f"portfolio.about.{name}"),
                key=f"portfolio/{name}",
                persist_state=KEPT,
            )
        if typed is not None:
            limits[name] = share_of(typed)
    return {"constraints": limits} if limits else {}


def _show_total(rows: Sequence[Row], held: Held, reader: Reader) -> None:
    total = sum(float(one[held]) for one in rows)
    shown = reader.percent(total) if held == "weight" else reader.amount(total)
    st.caption(reader.text("portfolio.total", total=shown))
