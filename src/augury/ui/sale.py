"""One click, one prediction: what every screen that sells them does."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from msgspec.structs import replace

from augury.client import ApiError, Model, Prediction
from augury.ui.elements import show_refusal
from augury.ui.intents import order_once
from augury.ui.visit import Visit


def buy(
    visit: Visit,
    screen: str,
    model: Model,
    row: Mapping[str, Any],
    titles: Mapping[str, str],
    *,
    explain: bool = False,
) -> None:
    """Buy a prediction for `row` and keep it for `bought`, or say why there is none."""
    reader = visit.reader
    st.session_state.pop(_place(screen), None)
    order = json.dumps([model.name, model.version, dict(row), explain], sort_keys=True)
    try:
        with st.spinner(reader.text("predict.working")):
            answer = order_once(
                visit,
                screen,
                order,
                lambda api, key: api.predict(model.name, row, explain=explain, idempotency_key=key),
            )
    except ApiError as refusal:
        show_refusal(refusal, reader, titles)
        if refusal.code == "insufficient_credits":
            st.page_link(
                visit.places["top-up"],
                label=reader.text("predict.top_up"),
                icon=":material/add_card:",
            )
        return
    # The API does not send the inputs back to whoever has just sent them.
    st.session_state[_place(screen)] = replace(answer, inputs=(dict(row),))


def bought(screen: str, model: Model) -> Prediction | None:
    """Return what was bought last on a screen, if it is of this model."""
    answer: Prediction | None = st.session_state.get(_place(screen))
    return answer if answer is not None and answer.model == model.name else None


def _place(screen: str) -> str:
    return f"{screen}/answer"
