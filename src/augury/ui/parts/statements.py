"""A month of movements to take away: the choice of the month, and the way to its files."""

from collections.abc import Callable

import streamlit as st

from augury.client import StatementMonth
from augury.ui.parts.elements import (
    REFUSED_DOWNLOAD,
    plain,
    show_refused_download,
    show_way_to_download,
)
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import FORMS, Form, path_of_statement

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
    show_month(reader, months[names.index(chosen)], path_of_statement)


def _forget_refusal() -> None:
    st.query_params.pop(REFUSED_DOWNLOAD, None)


def show_month(
    reader: Reader, month: StatementMonth, path_of: Callable[[str, Form], str], *, whose: str = ""
) -> None:
    """Show the balances of a month and the ways to its files; `whose` if it is not one's own."""
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
                path_of(month.month, form),
                reader.text(f"statements.{form}"),
                key=f"statements/{whose}{form}",
            )
