"""A month of movements to take away: the choice of the month, and the way to its files."""

import streamlit as st

from augury.client import StatementMonth
from augury.ui.downloads import FORMS, path_of_statement
from augury.ui.elements import (
    REFUSED_DOWNLOAD,
    plain,
    show_refused_download,
    show_way_to_download,
)
from augury.ui.visit import Visit

_MOST_MONTHS = 200


def show_statements(visit: Visit) -> None:
    """Show the months that have movements, and for the chosen one its balances and files."""
    reader = visit.reader
    months = visit.ask(lambda api: api.money.statements(limit=_MOST_MONTHS)).items
    if not months:
        return
    st.header(reader.text("statements.title"), anchor=False)
    show_refused_download(reader)
    names = [month.month for month in months]
    chosen = st.selectbox(
        reader.text("statements.month"),
        names,
        format_func=reader.month,
        filter_mode=None,
        key="statements/month",
        on_change=_forget_refusal,
    )
    _show_month(visit, months[names.index(chosen)])


def _forget_refusal() -> None:
    st.query_params.pop(REFUSED_DOWNLOAD, None)


def _show_month(visit: Visit, month: StatementMonth) -> None:
    reader = visit.reader
    facts = [
        reader.text("statements.opening", credits=reader.count("credits", month.opening_balance)),
        reader.text("statements.closing", credits=reader.count("credits", month.closing_balance)),
        reader.count("movements", month.movements),
    ]
    if not month.final:
        facts.append(reader.text("statements.so_far"))
    st.caption(plain(" · ".join(facts)))
    with st.container(horizontal=True):
        for form in FORMS:
            show_way_to_download(
                path_of_statement(month.month, form),
                reader.text(f"statements.{form}"),
                key=f"statements/{form}",
            )
