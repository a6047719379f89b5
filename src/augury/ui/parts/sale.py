"""One click, one prediction: what every screen that sells them does."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st
from msgspec.structs import replace

from augury.client import ApiError, Client, Model, Prediction, Unreachable
from augury.ui.parts.elements import show_refusal
from augury.ui.parts.intents import order_once
from augury.ui.parts.missing import show_missing_of
from augury.ui.visit import Visit

Row = Mapping[str, Any]

# What takes longer goes on in the background, and the page tells how.
_PATIENCE_SECONDS: Final = 8.0
_ANSWER: Final = "answer"
_NOT_FOUND: Final = 404


def buy(
    visit: Visit,
    screen: str,
    model: Model,
    row: Row,
    titles: Mapping[str, str],
    *,
    explain: bool = False,
) -> None:
    """Buy a prediction for `row` and keep it for `bought`, or say why there is none."""
    st.session_state.pop(_place(screen), None)
    st.query_params.pop(_ANSWER, None)
    answer = order(visit, screen, model, [row], titles, explain=explain)
    if answer is not None:
        st.session_state[_place(screen)] = answer
        # In the address, so that a page that is loaded anew shows it again.
        st.query_params[_ANSWER] = answer.id


def order(
    visit: Visit,
    screen: str,
    model: Model,
    rows: Sequence[Row],
    titles: Mapping[str, str],
    *,
    explain: bool = False,
) -> Prediction | None:
    """Order one prediction for all rows, once for a click, and return it with its inputs.

    It may be unfinished. Says why there is none, and then returns None.
    """
    reader = visit.reader
    inputs = [dict(row) for row in rows]
    meant = json.dumps([model.name, model.version, inputs, explain], sort_keys=True)

    def place(api: Client, key: str) -> Prediction:
        return _place_order(api, key, model.name, inputs, explain=explain)

    try:
        with st.spinner(reader.text("predict.working")):
            answer = order_once(visit, screen, meant, place)
    except ApiError as refusal:
        show_refusal(refusal, reader, titles)
        show_missing_of(refusal, visit)
        return None
    # The API does not send the inputs back to whoever has just sent them.
    return replace(answer, inputs=tuple(inputs))


def bought(visit: Visit, screen: str, model: Model) -> Prediction | None:
    """Return what was bought last on a screen, if it is of this model, also after a reload."""
    known: Prediction | None = st.session_state.get(_place(screen))
    wanted = st.query_params.get(_ANSWER)
    if wanted is not None and (known is None or known.id != wanted or not known.is_over):
        known = find(visit, wanted) or known
        st.session_state[_place(screen)] = known
    return known if known is not None and known.model == model.name else None


def find(visit: Visit, prediction_id: str) -> Prediction | None:
    """Return one of the visitor's predictions, or None where there is none."""
    try:
        return visit.ask(lambda api: api.prediction(prediction_id))
    except ApiError as refusal:
        if refusal.status == _NOT_FOUND:
            return None
        raise


def _place_order(
    api: Client, key: str, model: str, inputs: Sequence[Row], *, explain: bool
) -> Prediction:
    try:
        return api.predict(
            model,
            inputs,
            explain=explain,
            idempotency_key=key,
            timeout_seconds=_PATIENCE_SECONDS,
        )
    except Unreachable:
        # By the same key: if it was sold meanwhile this is its replay, and it is paid for once.
        return api.predict(model, inputs, explain=explain, idempotency_key=key, wait=False)


def _place(screen: str) -> str:
    return f"{screen}/answer"
