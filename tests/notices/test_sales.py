"""A sale tells those who want to hear of it, in its own transaction, with what the API answers."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from augury.kit.db import Database
from augury.notices import service
from augury.notices.service import EventType
from augury.predictions.till import sell
from notices.outbox import endpoint, rows
from notices.receiver import Receiver
from predictions.test_till import available, customer
from support.houses import open_house, settings_for, sign_up
from support.houses import order as body
from support.orders import order

URL = "http://127.0.0.1:9/hook"
SOLD = EventType.PREDICTION_SUCCEEDED


def told(db: Database) -> list[tuple[str, str]]:
    """Return user and prediction of each delivery, in the order of the outbox."""
    return [(row.user_id, json.loads(row.body)["data"]["id"]) for row in rows(db)]


def test_only_subscribers_are_told_and_only_of_what_was_sold(db: Database) -> None:
    """In one batch: each new sale of a subscriber once, no refusal, no replay, nobody else's."""
    anna, boris, vera = customer(db, 35), customer(db, 100), customer(db, 100)
    endpoint(db, anna, URL, (SOLD,))
    endpoint(db, vera, URL, (EventType.BALANCE_LOW,))
    first = order(anna, key="k")
    sell(db, [first, order(boris), order(vera)])
    assert told(db) == [(anna, first.id)]
    second, third, refused = order(anna), order(anna), order(anna)
    results = sell(db, [order(anna, key="k"), second, order(boris), third, refused])
    assert [isinstance(one, Exception) for one in results] == [False, False, False, False, True]
    assert sorted(told(db)) == sorted((anna, one.id) for one in (first, second, third))


def test_a_sale_that_cannot_be_told_is_not_made(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Event and sale are one transaction: both or neither."""
    anna = customer(db, 100)
    endpoint(db, anna, URL, (SOLD,))

    def trip(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(service, "publish", trip)
        with pytest.raises(RuntimeError):
            sell(db, [order(anna)])
    assert (available(db, anna), rows(db)) == (100, [])
    sell(db, [order(anna)])
    assert (available(db, anna), len(rows(db))) == (90, 1)


def test_without_subscribers_no_body_is_made(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not listen costs nothing but the question."""
    anna = customer(db, 100)
    endpoint(db, anna, URL, (EventType.TOP_UP_SUCCEEDED,))
    monkeypatch.setattr(service, "publish", None)
    assert not isinstance(sell(db, [order(anna)])[0], Exception)


def test_what_arrives_is_what_the_api_answers(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Top to bottom: an endpoint is added, a prediction bought, and its webhook says the same."""
    settings = settings_for(database_url, tmp_path, webhook_private_networks="127.0.0.0/8")
    with open_house(settings) as (client, _):
        anna = sign_up(client)
        added = client.post("/v1/webhook-endpoints", json={"url": receiver.url}, headers=anna)
        assert added.status_code == 201, added.text
        sold = _buy(client, anna)
        receiver.wait_for(1)  # the house's own worker sends it
        shown = client.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
    told = json.loads(receiver.requests[0].body)
    assert told["type"] == "prediction.succeeded"
    assert told["data"] == sold
    assert told["data"] == {name: value for name, value in shown.items() if name != "inputs"}


def _buy(client: TestClient, headers: dict[str, str]) -> dict[str, object]:
    typed = headers | {"Content-Type": "application/json"}
    answer = client.post("/v1/predictions", content=body(rows=20), headers=typed)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found
