"""Waiting for what is made in the background: shown as it goes, until it is over."""

from datetime import UTC, datetime
from typing import Final

import streamlit as st

from augury.client import ApiError, Prediction
from augury.ui.parts.elements import plain
from augury.ui.parts.live import show_live
from augury.ui.visit import Visit

_LOOK_SECONDS: Final = 1.5


def wait_for(visit: Visit, prediction: Prediction) -> None:
    """Show how a prediction goes on, and run the page anew as soon as it is over."""
    show_live(
        visit, _LOOK_SECONDS, lambda visit: _watch(visit, prediction.id, prediction.created_at)
    )


def _watch(visit: Visit, prediction_id: str, ordered_at: datetime) -> None:
    reader = visit.reader
    now = visit.ask(lambda api: api.prediction(prediction_id))
    if now.is_over:
        st.rerun()
    seconds = max(0, round((datetime.now(UTC) - ordered_at).total_seconds()))
    told = reader.text(
        "waiting.status",
        status=reader.named("status", now.status),
        seconds=reader.count("seconds", seconds),
    )
    st.info(plain(told), icon=":material/hourglass_top:")
    st.caption(reader.text("waiting.about"))
    if now.status == "queued" and st.button(reader.text("waiting.cancel"), key="waiting/cancel"):
        _cancel(visit, prediction_id)
        st.rerun()


def _cancel(visit: Visit, prediction_id: str) -> None:
    try:
        visit.ask(lambda api: api.cancel(prediction_id))
    except ApiError:
        # It has begun meanwhile; the next look shows how it is.
        return
