"""Bank statements that pay invoices: what an import would do is seen before it does it."""

import hashlib
import json

import streamlit as st

from augury.client import ApiError, BankImport
from augury.ui.parts.deeds import ask_first, carry_out
from augury.ui.parts.elements import plain, show_refusal, show_table
from augury.ui.reader import Reader
from augury.ui.visit import Visit


def show_import(visit: Visit, page: str) -> None:
    """Let a bank statement be chosen and imported, where invoices are sold."""
    reader = visit.reader
    providers = visit.ask_openly(lambda api: api.money.packs()).providers
    if all(one.name != "invoice" for one in providers):
        return
    st.header(reader.text("bank.title"), anchor=False)
    # Streamlit's own words on the button exist in English only.
    words = json.dumps(reader.text("file.choose"), ensure_ascii=False)
    st.html(f"<style>:root {{ --augury-choose-file: {words}; }}</style>")
    file = st.file_uploader(
        reader.text("bank.file"), type=["txt", "xml"], help=reader.text("bank.help"), key="bank"
    )
    if file is None:
        return
    content = file.getvalue()
    preview = _preview(visit, content)
    if preview is None:
        return
    st.markdown(_summary(reader, preview))
    _show_lines(reader, preview)
    digest = hashlib.sha256(content).hexdigest()
    effect = reader.text("bank.effect", paid=reader.number(preview.outcomes.get("matched", 0)))
    label = reader.text("bank.import")
    if ask_first(reader, "bank", label, effect, order=digest, icon=":material/upload_file:"):
        carry_out(
            visit,
            "bank",
            page,
            lambda api: api.admin.top_ups.import_statement(content),
            lambda done: _summary(reader, done),
        )


def _preview(visit: Visit, content: bytes) -> BankImport | None:
    """Return what the import would do; asked for anew at every run, as others import, too."""
    try:
        return visit.ask(lambda api: api.admin.top_ups.preview_statement(content))
    except ApiError as refusal:
        show_refusal(refusal, visit.reader)
        return None


def _summary(reader: Reader, found: BankImport) -> str:
    outcomes = {
        reader.named("bank_outcome", name): count for name, count in found.outcomes.items() if count
    }
    parts = [reader.count("bank_lines", found.lines)]
    parts += [f"{name}: {reader.number(count)}" for name, count in outcomes.items()]
    if found.known:
        parts.append(reader.text("bank.known", number=reader.number(found.known)))
    return " · ".join(parts)


def _show_lines(reader: Reader, found: BankImport) -> None:
    columns = ("day", "money", "payer", "purpose", "invoice", "outcome")
    rows = [
        (
            reader.day(one.booked_on),
            plain(reader.money(one.money)),
            plain(one.payer),
            plain(one.purpose),
            plain(one.invoice or ""),
            plain(reader.named("bank_outcome", "known" if one.known else one.outcome)),
        )
        for one in found.items
    ]
    if rows:
        show_table([reader.text(f"bank.{column}") for column in columns], rows)
    if len(found.items) < found.lines:
        st.caption(reader.text("bank.more", number=reader.number(len(found.items))))
