"""Something that is checked at a button: the wait, the verdict, and what does not fit."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from augury.client import ApiError, Client, Finding, StageTold
from augury.ui.parts.elements import plain, show_refusal, show_table
from augury.ui.reader import Reader
from augury.ui.visit import Visit

T = TypeVar("T")

_MOST_SHOWN: Final = 100
_COLUMNS: Final = ("finding", "subject", "detail")


def verdict_of(
    visit: Visit,
    key: str,
    label: str,
    under_way: str,
    work: Callable[[Client, StageTold], T],
    *,
    icon: str,
) -> T | None:
    """Show the button that has `work` done; return the last verdict, None while there is none.

    How far it has come is shown meanwhile.
    """
    if st.button(label, icon=icon, type="primary"):
        st.session_state.pop(key, None)
        bar = st.progress(0.0, under_way)
        tell = partial(_show_stage, bar, visit.reader)
        try:
            st.session_state[key] = visit.ask(lambda api: work(api, tell))
        except ApiError as refusal:
            show_refusal(refusal, visit.reader)
        finally:
            bar.empty()
    verdict: T | None = st.session_state.get(key)
    return verdict


def _show_stage(bar: DeltaGenerator, reader: Reader, stage: str, done: int, total: int) -> None:
    told = reader.text(
        "audit.progress",
        stage=reader.named("audit.stage", stage),
        done=reader.number(done),
        total=reader.number(total),
    )
    bar.progress(min(done / total, 1.0) if total else 0.0, told)


def show_outcome(reader: Reader, findings: int, all_right: str, facts: Sequence[str]) -> None:
    """Show whether anything was found, and what was looked at."""
    if findings:
        st.error(plain(reader.count("findings", findings)), icon=":material/error:")
    else:
        st.success(all_right, icon=":material/verified:")
    st.caption(plain(" · ".join(facts)))


def show_findings(reader: Reader, found: Sequence[Finding]) -> None:
    """Show what does not fit, the first hundred in words; nothing when all does."""
    if not found:
        return
    st.subheader(reader.text("audit.findings"), anchor=False)
    rows = [
        (plain(reader.named("finding", one.kind)), plain(one.subject), plain(one.detail))
        for one in found[:_MOST_SHOWN]
    ]
    show_table([reader.text(f"audit.{column}") for column in _COLUMNS], rows)
    if len(found) > _MOST_SHOWN:
        st.caption(reader.text("audit.more", number=reader.number(_MOST_SHOWN)))
