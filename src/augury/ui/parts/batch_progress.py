"""A batch that is not over: how far it is, how fast, how long it will take, and how to end it."""

import time
from datetime import UTC, datetime
from typing import Final

import streamlit as st
from msgspec import Struct

from augury.client import ApiError, Batch
from augury.ui.parts.deeds import ask_first, settle
from augury.ui.parts.elements import plain
from augury.ui.parts.live import show_live
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_LOOK_SECONDS: Final = 2.0
_MINUTE: Final = 60


class _Look(Struct, frozen=True):
    """How many rows were ready at a moment of this process's clock."""

    rows: int
    at: float


def follow(visit: Visit, batch: Batch) -> None:
    """Show how a batch goes on, and run the page anew as soon as it is over."""
    show_live(visit, _LOOK_SECONDS, lambda visit: _watch(visit, batch.id))


def _watch(visit: Visit, batch_id: str) -> None:
    reader = visit.reader
    now = visit.ask(lambda api: api.batches.batch(batch_id))
    if now.is_over:
        st.rerun()
    _show(now, reader)
    _show_cancel(visit, now)


def _show(batch: Batch, reader: Reader) -> None:
    ready = batch.rows_done + batch.rows_failed
    share = min(1.0, ready / batch.rows) if batch.rows else 0.0
    of_all = reader.text(
        "batches.progress", ready=reader.number(ready), rows=reader.count("rows", batch.rows)
    )
    st.progress(share, text=plain(of_all))
    pace = _rows_per_second(batch, ready)
    facts = [reader.named("status", batch.status)]
    if pace:
        facts.append(reader.count("rows_per_second", round(pace)))
        facts.append(time_left((batch.rows - ready) / pace, reader))
    if batch.rows_failed:
        facts.append(
            reader.text("batches.failed_so_far", rows=reader.count("rows", batch.rows_failed))
        )
    if batch.credits_held:
        facts.append(
            reader.text("account.held", credits=reader.count("credits", batch.credits_held))
        )
    st.caption(plain(" · ".join(facts)))
    st.caption(reader.text("batches.goes_on"))


def _rows_per_second(batch: Batch, ready: int) -> float | None:
    """Return the pace since this tab first saw rows, or since the order."""
    if not ready:
        return None
    key, now = f"batches/pace/{batch.id}", time.monotonic()
    first: _Look = st.session_state.setdefault(key, _Look(ready, now))
    if ready > first.rows and now - first.at >= _LOOK_SECONDS:
        return (ready - first.rows) / (now - first.at)
    passed = (datetime.now(UTC) - batch.created_at).total_seconds()
    return ready / passed if passed > 0 else None


def time_left(seconds: float, reader: Reader) -> str:
    """Return about how long it will take, in words."""
    if seconds < _MINUTE:
        shown = reader.count("seconds", max(1, round(seconds)))
    else:
        shown = reader.count("minutes", round(seconds / _MINUTE))
    return reader.text("batches.left", time=shown)


def _show_cancel(visit: Visit, batch: Batch) -> None:
    reader, deed = visit.reader, f"batches/cancel/{batch.id}"
    if ask_first(
        reader,
        deed,
        reader.text("batches.cancel"),
        reader.text("batches.cancel_means"),
        icon=":material/stop:",
        yes=reader.text("batches.cancel_yes"),
    ):
        _cancel(visit, batch.id)
        settle(deed)
        st.rerun()


def _cancel(visit: Visit, batch_id: str) -> None:
    try:
        visit.ask(lambda api: api.batches.cancel(batch_id))
    except ApiError as refusal:
        # It is over meanwhile: the page shows how.
        if refusal.code != "batch_ended":
            raise
