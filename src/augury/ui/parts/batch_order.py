"""Ordering a batch: the file, what is wrong with it, what it costs, and the start."""

import json
import shlex
from collections.abc import Sequence
from typing import Final

import streamlit as st

from augury.client import ApiError, Batch, BatchQuote, Model
from augury.ui.parts.address import lead_to
from augury.ui.parts.choosing import choose_model, choose_reasons, show_price
from augury.ui.parts.elements import plain, show_refusal, show_table
from augury.ui.parts.intents import order_once
from augury.ui.parts.missing import show_missing, show_missing_of
from augury.ui.parts.uploads import Kept, choose_file, forget
from augury.ui.reader import Reader
from augury.ui.theme import MOST_BATCH_MEGABYTES
from augury.ui.visit import Visit
from augury.ui.web.hub import hub

_PLACE: Final = "batches"
_QUOTED: Final = "batches/quoted"
_MOST_COLUMNS: Final = 30


def show_order(visit: Visit, on_sale: Sequence[Model]) -> None:
    """Show the way from a file to a batch, step by step; nothing is bought before the last."""
    reader = visit.reader
    st.header(reader.text("batches.new"), anchor=False)
    model = choose_model(visit, _PLACE, on_sale)
    explain = choose_reasons(visit, _PLACE, model)
    show_price(visit, model, explain=explain)
    kept = choose_file(reader, _PLACE)
    _show_larger(visit, model, explain=explain)
    if kept is None:
        return
    quote = _quote(visit, model, kept, explain=explain)
    if quote is None:
        return
    _show_first_rows(quote, reader)
    _show_faults(quote, reader)
    if not quote.missing_columns:
        _sell(visit, model, kept, quote, explain=explain)


def _quote(visit: Visit, model: Model, kept: Kept, *, explain: bool) -> BatchQuote | None:
    """Return what the API finds in the file; it is asked once for each choice."""
    reader = visit.reader
    asked = (kept.digest, model.name, model.version, explain, reader.language)
    known: tuple[object, BatchQuote] | None = st.session_state.get(_QUOTED)
    if known is not None and known[0] == asked:
        return known[1]
    try:
        with st.spinner(reader.text("batches.checking")):
            quote = visit.ask(
                lambda api: api.batches.quote(
                    kept.content, model.name, explain=explain, name=kept.name
                )
            )
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return None
    st.session_state[_QUOTED] = (asked, quote)
    return quote


def _show_first_rows(quote: BatchQuote, reader: Reader) -> None:
    st.subheader(reader.text("batches.preview"), anchor=False)
    rows = reader.count("rows", quote.rows)
    st.caption(plain(reader.text("batches.read_as", format=quote.format.upper(), rows=rows)))
    if quote.first_rows:
        names = list(quote.first_rows[0])[:_MOST_COLUMNS]
        shown = [[plain(row.get(name) or "") for name in names] for row in quote.first_rows]
        with st.container(key="batches-preview"):
            show_table([plain(name) for name in names], shown)
    if quote.other_columns:
        others = ", ".join(quote.other_columns[:_MOST_COLUMNS])
        st.caption(plain(reader.text("batches.other_columns", columns=others)))
    if quote.missing_columns:
        missing = ", ".join(quote.missing_columns)
        told = reader.text("batches.missing_columns", columns=missing)
        st.error(plain(told), icon=":material/error:")


def _show_faults(quote: BatchQuote, reader: Reader) -> None:
    if quote.missing_columns:
        return
    checked = reader.count("rows", quote.rows_checked)
    if not quote.rows_bad:
        st.success(plain(reader.text("batches.no_faults", rows=checked)), icon=":material/check:")
        return
    bad = reader.count("rows", quote.rows_bad)
    told = reader.text("batches.faults", bad=bad, checked=checked)
    st.warning(plain(told), icon=":material/warning:")
    rows = [[reader.number(one.line), plain(one.message)] for one in quote.faults]
    show_table([reader.text("batches.line"), reader.text("batches.fault")], rows)
    if quote.rows_bad > len(quote.faults):
        shown = reader.number(len(quote.faults))
        st.caption(reader.text("batches.first_faults", shown=shown))


def _sell(visit: Visit, model: Model, kept: Kept, quote: BatchQuote, *, explain: bool) -> None:
    reader = visit.reader
    good = quote.rows - max(quote.rows_bad, quote.rows_failed)
    st.subheader(reader.text("batches.price"), anchor=False)
    told = reader.text(
        "batches.costs",
        rows=reader.count("rows", good),
        each=reader.count("credits", quote.price_per_row),
        price=reader.count("credits", good * quote.price_per_row),
        held=reader.count("credits", quote.price),
    )
    st.markdown(plain(told))
    if quote.balance is not None and quote.price > quote.balance.available:
        show_missing(visit, quote.price, quote.balance.available)
    if st.button(
        reader.text("batches.start"),
        type="primary",
        icon=":material/play_arrow:",
        key="batches/start",
        disabled=not good,
    ):
        batch = _buy(visit, model, kept, explain=explain)
        if batch is not None:
            forget(_PLACE)
            st.session_state.pop(_QUOTED, None)
            lead_to(id=batch.id)
            st.rerun()


def _buy(visit: Visit, model: Model, kept: Kept, *, explain: bool) -> Batch | None:
    meant = json.dumps([kept.digest, model.name, explain])
    try:
        with st.spinner(visit.reader.text("batches.sending")):
            return order_once(
                visit,
                _PLACE,
                meant,
                lambda api, key: api.batches.create(
                    kept.content, model.name, explain=explain, name=kept.name, idempotency_key=key
                ),
            )
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        show_missing_of(refusal, visit)
        return None


def _show_larger(visit: Visit, model: Model, *, explain: bool) -> None:
    """Say what to do with a file that is too large for the page."""
    reader, address = visit.reader, hub().public_api_url
    with st.expander(reader.text("batches.larger"), icon=":material/terminal:"):
        st.markdown(reader.text("batches.about_larger", most=MOST_BATCH_MEGABYTES))
        command = f"augury batch FILE --model {shlex.quote(model.name)}"
        login = f"augury login --url {shlex.quote(address)} --username NAME\n" if address else ""
        st.code(f"{login}{command}{' --explain' if explain else ''}", language="bash")
        if address:
            url = shlex.quote(f"{address.rstrip('/')}/v1/batches")
            more = " -F explain=true" if explain else ""
            st.code(
                f'curl -sS {url} -H "Authorization: Bearer $AUGURY_API_KEY" \\\n'
                f"  -F model={shlex.quote(model.name)}{more} -F file=@FILE",
                language="bash",
                wrap_lines=True,
            )
