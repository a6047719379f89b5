"""The risk of one asset: what is asked, for what price, and the answer."""

from typing import Any, Final

import streamlit as st

from augury.client import Model
from augury.ui.parts.asking import show_page
from augury.ui.parts.documents import help_of, title_of
from augury.ui.parts.elements import choose_csv, plain
from augury.ui.parts.own_files import Unread, read_prices
from augury.ui.parts.questions import (
    KEPT,
    choose_symbol,
    draw_rest,
    known_prices,
    show_troubles,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_SCREEN: Final = "risk"
_FIRST: Final = "AAPL"
_OWN_KEY: Final = "risk/own"


def show(visit: Visit) -> None:
    """Show the form for one asset and, once bought, what may become of it."""
    show_page(visit, _SCREEN, _show_form)


def _show_form(visit: Visit, model: Model) -> dict[str, Any] | None:
    """Show the form; return the question to buy an answer to, or None while there is none."""
    reader = visit.reader
    known = known_prices(visit)
    by_symbol = st.segmented_control(
        reader.text("risk.source"),
        ["symbol", "prices"],
        default="symbol" if known else "prices",
        required=True,
        format_func=lambda name: reader.text(f"risk.by.{name}"),
        key="risk/source",
        persist_state=KEPT,
    )
    own = _read_own(reader) if by_symbol == "prices" else None
    # Credits are spent by a click, never by an Enter on the way from field to field.
    with st.form("risk", enter_to_submit=False):
        symbol = None
        if by_symbol == "symbol":
            symbol = choose_symbol(
                title_of(model.input_schema, "symbol", reader),
                known,
                _FIRST if _FIRST in known else next(iter(known), None),
                "risk/symbol",
                help_text=help_of(model.input_schema, "symbol", reader),
            )
        rest = draw_rest(model, known, reader, _SCREEN)
        price = reader.count("credits", model.price)
        submitted = st.form_submit_button(
            reader.text("predict.buy", credits=price), type="primary", icon=":material/insights:"
        )
        st.caption(reader.text("investing.terms"))
    if not submitted:
        return None
    subject = {"symbol": symbol} if symbol else {"prices": own} if own else None
    if subject is None:
        name = "prices" if by_symbol == "prices" else "symbol"
        title = plain(title_of(model.input_schema, name, reader))
        st.error(reader.text("predict.incomplete", fields=title))
        return None
    return subject | rest


def _read_own(reader: Reader) -> list[dict[str, Any]] | None:
    """Return the points of the visitor's file; what is wrong with it is shown at once."""
    file = choose_csv(
        reader, reader.text("risk.file"), reader.text("risk.file_help"), key="risk/file"
    )
    if file is not None:
        try:
            st.session_state[_OWN_KEY] = (file.name, read_prices(file.getvalue()))
        except Unread as unread:
            st.session_state.pop(_OWN_KEY, None)
            show_troubles(unread.troubles, reader)
    # The browser's choice of a file does not outlive the page; what it said does.
    kept: tuple[str, list[dict[str, Any]]] = st.session_state.get(_OWN_KEY, ("", []))
    name, points = kept
    if not points:
        return None
    told = reader.text(
        "risk.file_read",
        points=reader.count("closes", len(points)),
        first=reader.day(points[0]["date"]),
        last=reader.day(points[-1]["date"]),
    )
    st.caption(f":material/check_circle: **{plain(name)}**: {plain(told)}")
    return points
