"""One customer's account, as an administrator looks at it: each part is read when it is wanted."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import streamlit as st

from augury.client import AdminUser, ApiKey, Prediction
from augury.ui.parts.charts import Bar, show_bars
from augury.ui.parts.elements import (
    Pager,
    plain,
    show_refused_download,
    show_table,
)
from augury.ui.parts.movements import movement_table
from augury.ui.parts.statements import show_month
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_customers_statement

_PAGE_ROWS: Final = 20
_MOST_MONTHS: Final = 200
_MOST_KEYS: Final = 50


def show_transactions(visit: Visit, user: AdminUser) -> None:
    """Show the movements on the balance, newest first."""
    reader = visit.reader
    _say_it_is_noted(reader)
    pager = Pager("customer-transactions", user.id)
    page = visit.ask(
        lambda api: api.customers.transactions(user.id, limit=_PAGE_ROWS, cursor=pager.cursor)
    )
    if page.items:
        show_table(*movement_table(page.items, reader))
    else:
        st.markdown(reader.text("transactions.none"))
    pager.show(page.next_cursor, reader)


def show_predictions(visit: Visit, user: AdminUser) -> None:
    """Show what was bought, newest first; what was asked and answered stays the customer's."""
    reader = visit.reader
    _say_it_is_noted(reader)
    pager = Pager("customer-predictions", user.id)
    page = visit.ask(
        lambda api: api.customers.predictions(user.id, limit=_PAGE_ROWS, cursor=pager.cursor)
    )
    if page.items:
        columns = ("when", "model", "rows", "price", "status_column")
        titles = [reader.text(f"customers.{column}") for column in columns]
        show_table(titles, [_prediction_row(one, reader) for one in page.items])
        st.caption(reader.text("customers.outputs_are_theirs"))
    else:
        st.markdown(reader.text("customers.no_predictions"))
    pager.show(page.next_cursor, reader)


def _prediction_row(one: Prediction, reader: Reader) -> tuple[str, ...]:
    # What has failed or was cancelled costs nothing; what is unfinished has its price held.
    price = 0 if one.is_over and one.charge is None else one.price
    return (
        reader.moment(one.created_at),
        plain(f"{one.model} · {one.version}"),
        reader.number(one.rows),
        reader.number(price),
        plain(reader.named("status", one.status)),
    )


def show_usage(visit: Visit, user: AdminUser) -> None:
    """Show the last 30 days by model."""
    reader = visit.reader
    _say_it_is_noted(reader)
    found = visit.ask(lambda api: api.customers.usage(user.id, group_by="model"))
    if not found.items:
        st.markdown(reader.text("customers.no_usage"))
        return
    totals = found.totals
    st.markdown(
        plain(
            reader.text(
                "customers.usage",
                predictions=reader.number(totals.predictions),
                rows=reader.count("rows", totals.rows),
                credits=reader.count("credits", totals.credits),
            )
        )
    )
    if len(found.items) == 1:
        # One bar says nothing about itself.
        st.caption(plain(str(found.items[0].model)))
        return
    bars = [
        Bar(f"{one.model} · {reader.count('credits', one.credits)}", one.credits)
        for one in found.items
    ]
    show_bars(bars, key="customer/usage", alt=reader.text("customers.usage_alt"))


def show_api_keys(visit: Visit, user: AdminUser) -> None:
    """Show the keys that are not revoked, newest first."""
    reader = visit.reader
    _say_it_is_noted(reader)
    page = visit.ask(lambda api: api.customers.api_keys(user.id, limit=_MOST_KEYS))
    if not page.items:
        st.markdown(reader.text("customers.no_keys"))
        return
    columns = ("key", "spent", "last_used", "ends")
    titles = [reader.text(f"customers.{column}") for column in columns]
    show_table(titles, [_key_row(one, reader) for one in page.items])


def _key_row(key: ApiKey, reader: Reader) -> tuple[str, ...]:
    limit = key.credit_limit
    spent = reader.number(key.credits_used)
    return (
        plain(f"{key.name} ({key.start}…)"),
        spent
        if limit is None
        else reader.text("customers.spent_of", spent=spent, limit=reader.number(limit)),
        reader.text("customers.never")
        if key.last_used_at is None
        else reader.moment(key.last_used_at),
        reader.text("customers.no_end")
        if key.expires_at is None
        else reader.moment(key.expires_at),
    )


def show_statements(visit: Visit, user: AdminUser) -> None:
    """Show the months with movements, and the files of the chosen one."""
    reader = visit.reader
    show_refused_download(reader)
    _say_it_is_noted(reader)
    months = visit.ask(lambda api: api.customers.statements(user.id, limit=_MOST_MONTHS)).items
    if not months:
        st.markdown(reader.text("transactions.none"))
        return
    names = [month.month for month in months]
    chosen = st.selectbox(
        reader.text("statements.month"),
        names,
        format_func=reader.month,
        filter_mode=None,
        key=f"customer/{user.id}/month",
    )
    path_of = partial(path_of_customers_statement, user.id)
    show_month(reader, months[names.index(chosen)], path_of, whose="customer/")


def _say_it_is_noted(reader: Reader) -> None:
    st.caption(f":material/visibility: {reader.text('customers.noted')}")


PARTS: Final[Mapping[str, Callable[[Visit, AdminUser], None]]] = {
    "transactions": show_transactions,
    "predictions": show_predictions,
    "usage": show_usage,
    "api_keys": show_api_keys,
    "statements": show_statements,
}
