"""Every movement on the balance."""

import streamlit as st

from augury.client import Transaction
from augury.ui.elements import Pager, plain, show_table
from augury.ui.reader import Reader
from augury.ui.statements import show_statements
from augury.ui.visit import Visit

_PAGE_ROWS = 20
_TYPES = (
    "top_up",
    "charge",
    "hold",
    "capture",
    "release",
    "refund",
    "promotion",
    "adjustment",
)


def show(visit: Visit) -> None:
    """Show the movements, newest first, of one type or of all; and whole months to take away."""
    reader = visit.reader
    st.title(reader.text("place.transactions"), anchor=False)
    wanted = st.selectbox(
        reader.text("transactions.filter"),
        _TYPES,
        index=None,
        format_func=lambda name: reader.named("transaction", name),
        placeholder=reader.text("transactions.all"),
        filter_mode=None,
    )
    pager = Pager("transactions", wanted or "")
    page = visit.ask(
        lambda api: api.transactions(limit=_PAGE_ROWS, cursor=pager.cursor, type=wanted)
    )
    if page.items:
        columns = ("when", "type", "amount", "balance_after")
        titles = [reader.text(f"transactions.{column}") for column in columns]
        rows = [_row(one, reader) for one in page.items]
        if any(one.reason for one in page.items):
            titles.append(reader.text("transactions.reason"))
            rows = [
                (*row, plain(one.reason or "")) for row, one in zip(rows, page.items, strict=True)
            ]
        show_table(titles, rows)
    else:
        st.markdown(reader.text("transactions.none"))
    pager.show(page.next_cursor, reader)
    show_statements(visit)


def _row(one: Transaction, reader: Reader) -> tuple[str, ...]:
    left = reader.number(one.balance_after) if one.balance_after is not None else ""
    return (
        reader.moment(one.created_at),
        plain(reader.named("transaction", one.type)),
        plain(reader.signed(one.amount)),
        left,
    )
