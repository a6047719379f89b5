"""The outbox: an event becomes deliveries in the transaction that makes it true.

A delivery is a row before it is anything else, so neither a crash nor a slow receiver loses one;
`deliver.py` carries the rows out afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from augury.kit.clock import now, rfc3339
from augury.kit.db import Given, Id, ReadTx, WriteTx, insert_rows
from augury.kit.ids import new_id
from augury.notices.tables import deliveries

# Sent on demand, to the endpoint that is tested; nobody subscribes to it.
PING = "ping"

# On the way of every sale. What an endpoint wants is looked at here and not by LIKE: SQLite plans
# a statement anew for each pattern, which takes longer than carrying it out.
_LISTENING = Given(
    """
    SELECT endpoints.user_id, endpoints.id, endpoints.events
    FROM {given} JOIN webhook_endpoints endpoints ON endpoints.user_id = given.user_id
    WHERE endpoints.status = 'active'
    """,
    user_id=Id,
)
_COLUMNS = (
    "id",
    "user_id",
    "channel",
    "endpoint_id",
    "event_id",
    "event_type",
    "body",
    "status",
    "attempts",
    "next_at",
    "created_at",
)


class EventType(StrEnum):
    """What customers can be told."""

    PREDICTION_SUCCEEDED = "prediction.succeeded"
    PREDICTION_FAILED = "prediction.failed"
    BATCH_SUCCEEDED = "batch.succeeded"
    BATCH_FAILED = "batch.failed"
    TOP_UP_SUCCEEDED = "top_up.succeeded"
    TOP_UP_FAILED = "top_up.failed"
    TOP_UP_REFUNDED = "top_up.refunded"
    BALANCE_LOW = "balance.low"
    ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    # To administrators only.
    MODEL_DRIFTED = "model.drifted"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to a customer; `data` is JSON and goes into webhooks as it is.

    With `mail`, an e-mail of that name is sent as well, with `data` as its values. Its sentences
    are `<mail>.subject` and `<mail>.body` in `locale/<language>/mail.po`.
    """

    type: EventType
    user_id: str
    data: dict[str, Any]
    mail: str | None = None


class Letter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An e-mail as it stands in the outbox; its sentences are as those of an event's.

    It goes to `to`, or else to the address that the user has when it is sent, and not after
    `until`. `sealed` is one more value, `secret` in the sentences: whoever reads the database
    alone must not be able to use it.
    """

    mail: str
    data: dict[str, Any] = {}
    to: tuple[str, str] | None = None
    until: int | None = None
    sealed: str | None = None


def post(tx: WriteTx, user_id: str, kind: str, letter: Letter) -> None:
    """Put an e-mail into the outbox that is no event: no webhook hears of it."""
    body = msgspec.json.encode(letter).decode()
    row = (new_id(), user_id, "mail", None, new_id(), kind, body, "pending", 0, now(), now())
    insert_rows(tx, deliveries, _COLUMNS, [row])


def subscribers(tx: ReadTx, type_: EventType, user_ids: Iterable[str]) -> set[str]:
    """Return those of the users who want to hear of an event by webhook."""
    listening = _LISTENING.run(tx, [(id_,) for id_ in user_ids])
    return {user_id for user_id, _, wanted in listening if f" {type_} " in wanted}


def publish(tx: WriteTx, events: Sequence[Event]) -> None:
    """Put a delivery into the outbox for every endpoint that wants the event, and every mail."""
    endpoints: dict[str, list[tuple[str, str]]] = {}
    for user_id, id_, wanted in _LISTENING.run(tx, [(id_,) for id_ in {e.user_id for e in events}]):
        endpoints.setdefault(user_id, []).append((id_, wanted))
    moment = now()
    rows: list[tuple[str | int | None, ...]] = []
    for event in events:
        event_id = new_id()
        listening = [
            id_ for id_, wanted in endpoints.get(event.user_id, ()) if f" {event.type} " in wanted
        ]
        if listening:
            body = body_of(event.type, moment, event.data)
            rows += [_row(event, id_, event_id, body, moment) for id_ in listening]
        if event.mail is not None:
            letter = msgspec.json.encode({"mail": event.mail, "data": event.data}).decode()
            rows.append(_row(event, None, event_id, letter, moment))
    insert_rows(tx, deliveries, _COLUMNS, rows)


def body_of(type_: str, moment: int, data: dict[str, Any]) -> str:
    """Return the body of a webhook as the JSON text that is signed and sent."""
    body = {"type": type_, "timestamp": rfc3339(moment), "data": data}
    return msgspec.json.encode(body).decode()


def _row(
    event: Event, endpoint_id: str | None, event_id: str, body: str, moment: int
) -> tuple[str | int | None, ...]:
    channel = "mail" if endpoint_id is None else "webhook"
    return (
        new_id(),
        event.user_id,
        channel,
        endpoint_id,
        event_id,
        event.type.value,
        body,
        "pending",
        0,
        moment,
        moment,
    )
