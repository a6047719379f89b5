"""The outbox: an event becomes deliveries in the transaction that makes it true.

A delivery is a row before it is anything else, so neither a crash nor a slow receiver loses one;
`deliver.py` carries the rows out afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from augury.kit.db import ReadTx, WriteTx


class EventType(StrEnum):
    """What customers can be told."""

    PREDICTION_SUCCEEDED = "prediction.succeeded"
    TOP_UP_SUCCEEDED = "top_up.succeeded"
    TOP_UP_FAILED = "top_up.failed"
    TOP_UP_REFUNDED = "top_up.refunded"
    BALANCE_LOW = "balance.low"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to a customer; `data` is JSON and goes into webhooks as it is.

    With `mail`, an e-mail of that name is sent as well, with `data` as its values.
    """

    type: EventType
    user_id: str
    data: dict[str, Any]
    mail: str | None = None


def subscribers(tx: ReadTx, type_: EventType, user_ids: Iterable[str]) -> set[str]:
    """Return those of the users who want to hear of an event by webhook."""
    raise NotImplementedError


def publish(tx: WriteTx, events: Sequence[Event]) -> None:
    """Put a delivery into the outbox for every endpoint that wants the event, and every mail."""
    raise NotImplementedError
