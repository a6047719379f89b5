"""One movement of credits: how much, when, and what for, with the way there."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import streamlit as st

from augury.client import ApiError, Client, Transaction
from augury.ui.parts.elements import plain, show_table, show_way_to, show_way_to_download
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_receipt

T = TypeVar("T")
_NOT_FOUND: Final = 404
_MOST: Final = 50
_OF_SALES: Final = frozenset({"charge", "hold", "capture", "release"})
_VOUCHER: Final = "voucher:"
_WELCOME: Final = "welcome"
_PAID: Final = frozenset({"succeeded", "refunded"})


def amount_of(one: Transaction, reader: Reader) -> str:
    """Return an amount with its sign and its unit, as it can be read out: `−100 credits`."""
    # The plural form is that of the number; the sign stands before it.
    sign = reader.signed(one.amount)[:1] if one.amount else ""
    return f"{sign}{reader.count('credits', abs(one.amount))}"


def show_movement(visit: Visit, reference: str, movement_id: str | None) -> None:
    """Show a movement of a reference, or its newest, and what else was moved for the same."""
    reader = visit.reader
    found = visit.ask(lambda api: api.transactions(limit=_MOST, reference=reference)).items
    one = next((each for each in found if each.id == movement_id), found[0] if found else None)
    if one is None:
        st.title(reader.text("place.transactions"), anchor=False)
        st.markdown(reader.text("transactions.no_such"))
        return
    st.title(plain(reader.named("transaction", one.type)), anchor=False)
    facts = [
        ("transactions.when", reader.moment(one.created_at)),
        ("transactions.amount", amount_of(one, reader)),
    ]
    if one.balance_after is not None:
        left = reader.count("credits", one.balance_after)
        facts.append(("transactions.balance_after", left))
    if one.reason:
        facts.append(("transactions.reason", one.reason))
    shown = [(reader.text(key), plain(value)) for key, value in facts]
    show_table((reader.text("transactions.fact"), reader.text("models.value")), shown)
    st.markdown(reader.named("about_transaction", one.type, ""))
    _show_what_for(visit, one, reference)
    _show_same(found, reader)
    st.caption(reader.text("transactions.id"))
    st.code(one.id, language=None)


def _show_what_for(visit: Visit, one: Transaction, reference: str) -> None:
    """Show the way to what a movement was for."""
    reader = visit.reader
    if one.type in _OF_SALES:
        _show_way_to_sale(visit, reference)
    elif one.type == "top_up":
        top_up = _found(visit, lambda api: api.money.top_up(reference))
        if top_up is not None:
            paid = reader.text(
                "transactions.paid",
                money=reader.money(top_up.money),
                provider=reader.named("provider", top_up.provider),
            )
            st.markdown(plain(paid))
            if top_up.status in _PAID:
                show_way_to_download(
                    path_of_receipt(top_up.id), reader.text("top_up.receipt"), key="receipt"
                )
    elif one.type == "promotion":
        is_known = reference == _WELCOME or reference.startswith(_VOUCHER)
        if is_known:
            key = "transactions.welcome" if reference == _WELCOME else "transactions.voucher"
            st.markdown(reader.text(key))


def _show_way_to_sale(visit: Visit, reference: str) -> None:
    reader = visit.reader
    prediction = _found(visit, lambda api: api.prediction(reference))
    if prediction is not None:
        show_way_to(
            visit.places["predictions"],
            reader.text("transactions.prediction"),
            key="movement/prediction",
            icon=":material/insights:",
            query={"id": reference},
        )
        return
    batch = _found(visit, lambda api: api.batches.batch(reference))
    if batch is None:
        return
    rows = reader.count("rows", batch.rows_done)
    st.markdown(plain(reader.text("transactions.of_batch", rows=rows)))
    if "batches" in visit.places:
        show_way_to(
            visit.places["batches"],
            reader.text("transactions.batch"),
            key="movement/batch",
            icon=":material/table_rows:",
            query={"id": reference},
        )


def _show_same(found: Sequence[Transaction], reader: Reader) -> None:
    """Show what else was moved for the same: a hold and what became of it."""
    if len(found) < 2:  # noqa: PLR2004 - itself and another
        return
    st.header(reader.text("transactions.same"), anchor=False)
    rows = [
        (
            reader.moment(each.created_at),
            plain(reader.named("transaction", each.type)),
            plain(amount_of(each, reader)),
        )
        for each in found
    ]
    columns = ("when", "type", "amount")
    show_table([reader.text(f"transactions.{column}") for column in columns], rows)


def _found(visit: Visit, work: Callable[[Client], T]) -> T | None:
    """Return what is asked for, or None when there is no such."""
    try:
        return visit.ask(work)
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise
