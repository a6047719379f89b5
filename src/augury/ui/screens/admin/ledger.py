"""The books: all credits at a glance, and whether they are right."""

from datetime import timedelta
from typing import Final

import streamlit as st

from augury.client import LedgerAudit, LedgerOverview
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.verdicts import show_findings, show_outcome, verdict_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_AUDIT_KEY: Final = "admin-ledger/audit"


def show(visit: Visit) -> None:
    """Show how many credits there are and where they came from; audit them at a button."""
    reader = visit.reader
    st.title(reader.text("place.admin-ledger"), anchor=False)
    found = visit.ask(lambda api: api.admin.ledger_overview())
    _show_totals(reader, found)
    _show_ways(reader, found)
    _show_providers(reader, found)
    _show_audit(visit)


def _show_totals(reader: Reader, found: LedgerOverview) -> None:
    totals = {
        "in_circulation": found.in_circulation,
        "held": found.held,
        "sold": found.sold - found.sold_back,
        "spent": found.spent - found.given_back,
    }
    with st.container(horizontal=True):
        for name, total in totals.items():
            st.metric(reader.text(f"books.{name}"), reader.count("credits", total), border=True)
    facts = [
        reader.count("accounts", found.accounts),
        reader.text("books.at", moment=reader.moment(found.at)),
    ]
    st.caption(plain(" · ".join(facts)))


def _show_ways(reader: Reader, found: LedgerOverview) -> None:
    st.header(reader.text("books.ways"), anchor=False)
    ways = {
        "way_sold": (found.sold, found.sold_back),
        "way_promotions": (found.promotions.given, found.promotions.taken),
        "way_adjustments": (found.adjustments.given, found.adjustments.taken),
        "way_spent": (found.given_back, found.spent),
    }
    rows = [
        (
            reader.text(f"books.{name}"),
            plain(reader.signed(given)),
            plain(reader.signed(-taken)),
            plain(reader.signed(given - taken)),
        )
        for name, (given, taken) in ways.items()
    ]
    left = sum(given - taken for given, taken in ways.values())
    rows.append((_bold(reader.text("books.in_circulation")), "", "", _bold(reader.number(left))))
    columns = ("way", "came", "went", "together")
    show_table([reader.text(f"books.{column}") for column in columns], rows)
    st.caption(reader.text("books.ways_help"))


def _bold(text: str) -> str:
    return f"**{text}**"


def _show_providers(reader: Reader, found: LedgerOverview) -> None:
    st.header(reader.text("books.by_provider"), anchor=False)
    if not found.by_provider:
        st.markdown(reader.text("books.nothing_sold"))
        return
    columns = ("provider", "top_ups", "credits", "money", "back_credits", "back_money")
    rows = [
        (
            plain(reader.named("provider", one.provider)),
            reader.number(one.top_ups),
            reader.number(one.credits),
            plain(reader.money(one.money)),
            reader.number(one.refunded_credits),
            plain(reader.money(one.refunded)),
        )
        for one in found.by_provider
    ]
    show_table([reader.text(f"books.{column}") for column in columns], rows)


def _show_audit(visit: Visit) -> None:
    reader = visit.reader
    st.header(reader.text("audit.title"), anchor=False)
    st.markdown(reader.text("audit.what"))
    found = verdict_of(
        visit,
        _AUDIT_KEY,
        reader.text("audit.begin"),
        reader.text("audit.under_way"),
        lambda api, tell: api.admin.audit_ledger(tell=tell),
        icon=":material/fact_check:",
    )
    if found is not None:
        _show_verdict(reader, found)


def _show_verdict(reader: Reader, found: LedgerAudit) -> None:
    facts = [
        reader.moment(found.started_at),
        reader.text("audit.took", span=reader.span(timedelta(seconds=found.seconds))),
        reader.count("accounts", found.accounts),
        reader.count("transfers", found.transfers),
    ]
    show_outcome(reader, len(found.findings), reader.text("audit.is_right"), facts)
    sides = {"customers": found.credits_with_customers, **found.counterparties}
    rows = [
        (plain(reader.named("counterparty", name)), plain(reader.signed(amount)))
        for name, amount in sides.items()
    ]
    total = sum(sides.values())
    rows.append((_bold(reader.text("books.together")), _bold(plain(reader.signed(total)))))
    show_table([reader.text("audit.account"), reader.text("books.together")], rows)
    show_findings(reader, found.findings)
