"""The outbox: who gets a delivery, what is in it, and that it lives and dies with its cause."""

import json
from collections import Counter

import pytest

from augury.kit.db import Database
from augury.kit.ids import is_id, new_id
from augury.notices import endpoints
from augury.notices.service import Event, EventType, publish, subscribers
from notices.outbox import endpoint, rows, tell

LOW, SOLD = EventType.BALANCE_LOW, EventType.PREDICTION_SUCCEEDED
URL = "http://127.0.0.1:9/hook"


def test_every_endpoint_that_wants_the_event_gets_one(db: Database) -> None:
    """One delivery for each subscribed endpoint of the customer, all with the same event id."""
    anna, boris = new_id(), new_id()
    first, _ = endpoint(db, anna, URL, (LOW, SOLD))
    second, _ = endpoint(db, anna, URL, (LOW,))
    endpoint(db, anna, URL, (SOLD,))
    endpoint(db, boris, URL, (LOW,))
    tell(db, anna)
    found = rows(db)
    assert {row.endpoint_id for row in found} == {first.id, second.id}
    assert len({row.event_id for row in found}) == 1
    assert len({row.id for row in found}) == 2
    for row in found:
        assert (row.user_id, row.channel, row.event_type) == (anna, "webhook", "balance.low")
        assert (row.status, row.attempts, row.completed_at) == ("pending", 0, None)
        assert row.next_at == row.created_at
        assert is_id(row.event_id)


def test_the_body_is_type_moment_and_data(db: Database) -> None:
    """The body is the JSON that Standard Webhooks recommend."""
    anna = new_id()
    endpoint(db, anna, URL)
    data = {"text": "Анна \0 \"'", "number": 2**53 - 1, "nothing": None, "list": [1, {"a": True}]}
    with db.write() as tx:
        publish(tx, [Event(LOW, anna, data)])
    (row,) = rows(db)
    body = json.loads(row.body)
    assert body.keys() == {"type", "timestamp", "data"}
    assert (body["type"], body["data"]) == ("balance.low", data)
    assert body["timestamp"].endswith("Z")


def test_a_mail_is_a_delivery_too(db: Database) -> None:
    """With a mail there is one more delivery of the same event, and without endpoints only it."""
    anna, boris = new_id(), new_id()
    endpoint(db, anna, URL)
    tell(db, anna, mail="balance_low")
    tell(db, boris, mail="balance_low")
    of_anna, of_boris = rows(db, user_id=anna), rows(db, user_id=boris)
    assert Counter(row.channel for row in of_anna) == {"webhook": 1, "mail": 1}
    assert len({row.event_id for row in of_anna}) == 1
    (letter,) = of_boris
    assert (letter.channel, letter.endpoint_id) == ("mail", None)
    assert json.loads(letter.body) == {
        "mail": "balance_low",
        "data": {"available": 5, "alert_below": 10},
    }


def test_who_does_not_listen_gets_nothing(db: Database) -> None:
    """Disabled and removed endpoints get no deliveries, nor does a customer without any."""
    anna = new_id()
    gone, _ = endpoint(db, anna, URL)
    endpoints.remove(db, anna, gone.id)
    tell(db, anna)
    tell(db, new_id())
    with db.write() as tx:
        publish(tx, [])
    assert rows(db) == []


def test_many_events_are_one_batch(db: Database) -> None:
    """Events of many customers go out together, each to its own endpoints only."""
    customers = [new_id() for _ in range(20)]
    for place, user_id in enumerate(customers):
        for _ in range(place % 3):
            endpoint(db, user_id, URL, (LOW,))
    events = [Event(LOW, user_id, {"n": n}) for user_id in customers for n in range(30)]
    with db.write() as tx:
        publish(tx, events)
    expected = {user_id: 30 * (place % 3) for place, user_id in enumerate(customers)}
    got = Counter(row.user_id for row in rows(db))
    assert {user_id: got[user_id] for user_id in customers} == expected
    assert len({row.event_id for row in rows(db)}) == 30 * sum(1 for p in range(20) if p % 3)


def test_a_delivery_dies_with_its_cause(db: Database) -> None:
    """When the transaction that makes the event true fails, nobody is told."""
    anna = new_id()
    endpoint(db, anna, URL)
    with pytest.raises(RuntimeError), db.write() as tx:
        publish(tx, [Event(LOW, anna, {}, mail="balance_low")])
        raise RuntimeError
    assert rows(db) == []


def test_subscribers_are_those_who_want_the_event(db: Database) -> None:
    """Only customers with an active endpoint for that very type of event are named."""
    anna, boris, vera, gone = (new_id() for _ in range(4))
    endpoint(db, anna, URL, (SOLD,))
    endpoint(db, anna, URL, (SOLD, LOW))
    endpoint(db, boris, URL, (EventType.TOP_UP_SUCCEEDED,))
    removed, _ = endpoint(db, gone, URL, (SOLD,))
    endpoints.remove(db, gone, removed.id)
    everybody = [anna, boris, vera, gone]
    with db.read() as tx:
        assert subscribers(tx, SOLD, everybody) == {anna}
        assert subscribers(tx, EventType.TOP_UP_SUCCEEDED, everybody) == {boris}
        assert subscribers(tx, EventType.TOP_UP_FAILED, everybody) == set()
        assert subscribers(tx, SOLD, []) == set()
        assert subscribers(tx, SOLD, [vera]) == set()


def test_no_type_of_event_is_a_part_of_another() -> None:
    """Types are found in a list with blanks around them, so none may have a blank itself."""
    assert all(type_ and not any(letter.isspace() for letter in type_) for type_ in EventType)
