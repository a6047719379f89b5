"""Clicks that are one intention are one order, whatever happens between click and answer."""

import secrets
import time
from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from msgspec import Struct
from msgspec.structs import replace

from augury.client import ApiError, Client
from augury.ui.visit import Visit

T = TypeVar("T")

_DOUBLE_CLICK_SECONDS = 2.0
_SERVER_FAULTS = 500


class _Intent(Struct, frozen=True):
    """One order and its key; `answered_at` is None until the answer is here."""

    order: str
    idempotency_key: str
    answered_at: float | None = None


def order_once(visit: Visit, name: str, order: str, work: Callable[[Client, str], T]) -> T:
    """Return `work` done with the idempotency key of the intention that this click belongs to.

    A second click interrupts the run of the first, whose order may have gone through or even been
    answered before anybody could see it. The same order that close is the same intention: the API
    answers it again by its key, and does it once.
    """
    place = f"intent/{name}"
    intent = _intent(place, order)
    try:
        answer = visit.ask(lambda api: work(api, intent.idempotency_key))
    except ApiError as refusal:
        if refusal.status < _SERVER_FAULTS:
            # A clear no: the next click is a new intention, for which the key may not stand.
            st.session_state.pop(place, None)
        raise
    st.session_state[place] = replace(intent, answered_at=time.monotonic())
    return answer


def _intent(place: str, order: str) -> _Intent:
    last: _Intent | None = st.session_state.get(place)
    if last is not None and last.order == order:
        answered_at = last.answered_at
        if answered_at is None or time.monotonic() - answered_at < _DOUBLE_CLICK_SECONDS:
            return last
    intent = _Intent(order, secrets.token_hex(16))
    st.session_state[place] = intent
    return intent
