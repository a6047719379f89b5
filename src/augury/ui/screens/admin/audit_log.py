"""The audit log: who changed what, and whether the log is whole."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from augury.client import AuditEvent, AuditFilter, ChainVerdict
from augury.ui.parts.audit_words import ACTIONS, told_details
from augury.ui.parts.elements import (
    Pager,
    plain,
    show_refused_download,
    show_way_to_download,
)
from augury.ui.parts.look_back import PERIODS
from augury.ui.parts.people import choose_person, names_of
from augury.ui.parts.verdicts import show_findings, show_outcome, verdict_of
from augury.ui.reader import Reader
from augury.ui.visit import Visit
from augury.ui.web.downloads import path_of_audit_log

_PAGE_ROWS: Final = 20
_VERDICT_KEY: Final = "admin-audit-log/verdict"


def show(visit: Visit) -> None:
    """Show the events that are wanted, newest first; and the way to a file and to a verdict."""
    reader = visit.reader
    st.title(reader.text("place.admin-audit-log"), anchor=False)
    wanted = _choose(visit)
    show_refused_download(reader)
    pager = Pager("admin-audit-log", urlencode(wanted.query()))
    page = visit.ask(
        lambda api: api.admin.audit.page(wanted, limit=_PAGE_ROWS, cursor=pager.cursor)
    )
    if not page.items:
        st.markdown(reader.text("events.none"))
    names = names_of(visit, (one.actor_id for one in page.items))
    for one in page.items:
        _show_event(reader, one, names)
    pager.show(page.next_cursor, reader)
    show_way_to_download(
        path_of_audit_log(wanted), reader.text("events.csv"), key="admin-audit-log/csv"
    )
    st.caption(reader.text("events.csv_help"))
    _show_chain(visit)


def _choose(visit: Visit) -> AuditFilter:
    reader = visit.reader
    left, right = st.columns(2)
    with left:
        action = st.selectbox(
            reader.text("events.action"),
            ACTIONS,
            index=None,
            format_func=lambda name: reader.text(f"audit_event.{name}"),
            placeholder=reader.text("events.all_actions"),
            key="admin-audit-log/action",
        )
        actor_id = choose_person(visit, reader.text("events.actor"), key="admin-audit-log/actor")
    with right:
        period = st.selectbox(
            reader.text("events.period"),
            list(PERIODS),
            index=None,
            format_func=lambda name: reader.text(f"look_back.{name}"),
            placeholder=reader.text("events.always"),
            filter_mode=None,
            key="admin-audit-log/period",
        )
        subject = st.text_input(
            reader.text("events.subject_or_request"),
            placeholder="model:credit-catboost",
            key="admin-audit-log/subject",
            persist_state="session",
        ).strip()
    # A subject says of what kind it is; what has no kind is the number of a request.
    is_subject = ":" in subject or subject == "audit_log"
    return AuditFilter(
        action=action,
        subject=subject if subject and is_subject else None,
        request_id=subject if subject and not is_subject else None,
        actor_id=actor_id,
        since=None if period is None else PERIODS[period].first_day(),
    )


def _show_event(reader: Reader, one: AuditEvent, names: Mapping[str, str]) -> None:
    with st.container(border=True, key=f"event/{one.id}"):
        who = reader.text("events.house") if one.actor_id is None else names[one.actor_id]
        action = plain(reader.named("audit_event", one.action))
        when = plain(reader.moment(one.created_at))
        st.markdown(f"**{action}** · {plain(who)}  \n:gray[{when} · {plain(one.subject)}]")
        details = told_details(reader, one.details)
        if details:
            st.markdown("  \n".join(details))
        facts = [part for part in (one.action, one.address, one.request_id) if part]
        st.caption(plain(" · ".join(facts)))


def _show_chain(visit: Visit) -> None:
    reader = visit.reader
    st.header(reader.text("chain.title"), anchor=False)
    st.markdown(reader.text("chain.what"))
    known = st.text_input(
        reader.text("chain.known"),
        help=reader.text("chain.known_help"),
        key="admin-audit-log/known",
        persist_state="session",
    ).strip()
    verdict = verdict_of(
        visit,
        _VERDICT_KEY,
        reader.text("chain.begin"),
        reader.text("chain.under_way"),
        lambda api, tell: api.admin.audit.verify(known or None, tell=tell),
        icon=":material/link:",
    )
    if verdict is not None:
        _show_verdict(reader, verdict)


def _show_verdict(reader: Reader, verdict: ChainVerdict) -> None:
    facts = [
        reader.count("events_linked", verdict.number),
        reader.text("chain.waiting", number=reader.number(verdict.waiting)),
        reader.text("audit.took", span=reader.span(timedelta(seconds=verdict.seconds))),
    ]
    show_outcome(reader, len(verdict.faults), reader.text("chain.is_whole"), facts)
    st.markdown(reader.text("chain.head"))
    st.code(f"{verdict.number}:{verdict.link}", language=None, wrap_lines=True)
    show_findings(reader, verdict.faults)
