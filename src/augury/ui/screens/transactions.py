"""Every movement on the balance, one of them in full, and whole months to take away."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from augury.client import Transaction
from augury.ui.parts.elements import Pager, list_row, plain, show_way_back, show_way_to
from augury.ui.parts.filters import choose, choose_span, given
from augury.ui.parts.one_movement import amount_of, show_movement
from augury.ui.parts.statements import show_statements
from augury.ui.visit import Visit

_PAGE_ROWS: Final = 20
_TYPES: Final = (
    "top_up",
    "charge",
    "hold",
    "capture",
    "release",
    "refund",
    "promotion",
    "adjustment",
)
_FILTERS: Final = ("type", "period", "from", "to")


def show(visit: Visit) -> None:
    """Show the movements of the address's `reference`, or all that its filters let through."""
    reader = visit.reader
    reference = st.query_params.get("reference")
    if reference:
        show_way_back(
            visit.places["transactions"],
            reader.text("transactions.back"),
            key="transactions/back",
            query=given(_FILTERS),
        )
        show_movement(visit, reference, st.query_params.get("id"))
        return
    st.title(reader.text("place.transactions"), anchor=False)
    left, right = st.columns(2)
    with left:
        wanted = choose(
            "type",
            reader.text("transactions.filter"),
            _TYPES,
            lambda name: reader.named("transaction", name),
            reader.text("transactions.all"),
        )
    with right:
        span = choose_span(reader)
    pager = Pager("transactions", f"{wanted} {span}")
    page = visit.ask(
        lambda api: api.transactions(
            limit=_PAGE_ROWS,
            cursor=pager.cursor,
            type=wanted,
            since=span.since,
            until=span.until,
        )
    )
    if page.items:
        _show_rows(visit, page.items)
    else:
        is_filtered = wanted or span.query()
        told = "transactions.none_such" if is_filtered else "transactions.none"
        st.markdown(reader.text(told))
    pager.show(page.next_cursor, reader)
    show_statements(visit)


def _show_rows(visit: Visit, movements: Sequence[Transaction]) -> None:
    """Show movements as rows that narrow screens can show, each with the way to its details."""
    reader, kept = visit.reader, given(_FILTERS)
    for one in movements:
        with list_row(f"movement/{one.id}"):
            kind = plain(reader.named("transaction", one.type))
            about = [reader.moment(one.created_at), *([one.reason] if one.reason else [])]
            st.markdown(f"**{kind}**  \n:gray[{plain(' · '.join(about))}]")
            st.markdown(_moved(one, visit), width="content")
            if one.reference:
                show_way_to(
                    visit.places["transactions"],
                    reader.text("transactions.details"),
                    key=f"details/{one.id}",
                    query={**kept, "reference": one.reference, "id": one.id},
                )


def _moved(one: Transaction, visit: Visit) -> str:
    reader = visit.reader
    moved = f"**{plain(amount_of(one, reader))}**"
    if one.balance_after is None:
        return moved
    left = reader.text("transactions.left", credits=reader.count("credits", one.balance_after))
    return f"{moved}  \n:gray[{plain(left)}]"
