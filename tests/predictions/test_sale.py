"""A sale: what is charged, stored and answered, on both databases."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from augury.kit import sqlite
from augury.kit.db import Database
from augury.predictions.tables import predictions
from support.databases import sqlite_database
from support.houses import (
    APPLICANT,
    findings,
    fund,
    open_house,
    order,
    settings_for,
    sign_up,
)

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """An open house on either database; its customers start with 5000 credits."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        yield client
    assert findings(database_url) == []


def buy(client: TestClient, headers: dict[str, str], body: bytes, **more: str) -> Any:
    """Send an order."""
    return client.post("/v1/predictions", content=body, headers=headers | JSON | more)


def balance(client: TestClient, headers: dict[str, str]) -> int:
    """Return what the caller can spend."""
    available: int = client.get("/v1/balance", headers=headers).json()["available"]
    return available


@pytest.mark.parametrize(
    ("model", "price"),
    [("credit-logistic-regression", 10), ("credit-random-forest", 50), ("credit-catboost", 100)],
)
def test_a_sale_charges_the_price_and_stores_the_answer(
    shop: TestClient, model: str, price: int
) -> None:
    """Each model sells at its price per row, and the stored prediction is what was answered."""
    anna = sign_up(shop)
    answer = buy(shop, anna, order(model, rows=3))
    assert answer.status_code == 201, answer.text
    sold = answer.json()
    assert (sold["model"], sold["version"], sold["rows"]) == (model, 1, 3)
    assert sold["price"] == sold["charge"]["amount"] == 3 * price
    assert sold["charge"]["balance_after"] == balance(shop, anna) == 5000 - 3 * price
    for output in sold["outputs"]:
        assert 0 <= output["default_probability"] <= 1
        total = output["default_probability"] + output["approval_probability"]
        assert total == pytest.approx(1)
        assert output["decision"] in {"approve", "review", "decline"}
    stored = shop.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
    assert stored.pop("inputs") == [APPLICANT] * 3
    assert stored == sold
    listed = shop.get("/v1/predictions", headers=anna).json()["items"]
    assert listed == [sold]
    newest = shop.get("/v1/transactions", headers=anna).json()["items"][0]
    assert (newest["type"], newest["amount"]) == ("charge", -3 * price)
    assert newest["reference"] == sold["id"]
    assert newest["id"] == sold["charge"]["transfer_id"]


def test_stored_inputs_are_compact(shop: TestClient, database_url: str) -> None:
    """Blanks and lines of the sender are not kept: a sale stores the same inputs as compact JSON."""
    anna = sign_up(shop)
    wide = json.dumps(json.loads(order(rows=2)), indent=" " * 5_000, separators=(" , ", "\n:\t"))
    sold = buy(shop, anna, wide.encode()).json()
    told = shop.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
    assert told["inputs"] == [APPLICANT] * 2
    db = Database(database_url)
    with db.read() as tx:
        kept = tx.execute(select(predictions.c.inputs)).scalar_one()
    db.close()
    assert len(wide) > 100_000
    assert kept == json.dumps([APPLICANT] * 2, separators=(",", ":"))


def test_a_locked_database_sells_nothing_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program holds the SQLite file, a sale is 503 and free; afterwards it is sold."""
    url = sqlite_database(tmp_path)
    with open_house(settings_for(url, tmp_path)) as (client, _):
        anna = sign_up(client)
        other = sqlite3.connect(tmp_path / "augury.db", timeout=60, isolation_level=None)
        with closing(other):
            other.execute("BEGIN IMMEDIATE")
            with monkeypatch.context() as hasty:
                hasty.setattr(sqlite, "BUSY_SECONDS", 1)
                refused = buy(client, anna, order(), **{"Idempotency-Key": "one"})
            assert balance(client, anna) == 5000
            other.execute("ROLLBACK")
        assert (refused.status_code, refused.json()["code"]) == (503, "ledger_unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert client.get("/v1/predictions", headers=anna).json()["items"] == []
        sold = buy(client, anna, order(), **{"Idempotency-Key": "one"})
        assert sold.status_code == 201
        assert "Idempotent-Replayed" not in sold.headers
        assert balance(client, anna) == 4990
    assert findings(url) == []


def test_the_same_key_and_input_replays_the_first_answer(shop: TestClient) -> None:
    """A retry gets the first answer again and pays nothing, also when the money has run out."""
    anna = sign_up(shop)
    first = buy(shop, anna, order(), **{"Idempotency-Key": "one"})
    respelled = json.dumps(json.loads(order()), indent=3, sort_keys=True).encode()
    again = buy(shop, anna, respelled, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert balance(shop, anna) == 4990
    assert buy(shop, anna, order("credit-catboost", rows=49)).status_code == 201
    assert buy(shop, anna, order("credit-catboost")).status_code == 402
    late = buy(shop, anna, order(), **{"Idempotency-Key": "one"})
    assert (late.status_code, late.json()) == (201, first.json())


def test_the_same_key_with_other_input_is_refused(shop: TestClient) -> None:
    """A key that was used for another input is a conflict and charges nothing."""
    anna = sign_up(shop)
    buy(shop, anna, order(), **{"Idempotency-Key": "one"})
    other = buy(shop, anna, order(loan_amnt=999), **{"Idempotency-Key": "one"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert balance(shop, anna) == 4990


def test_keys_belong_to_one_customer(shop: TestClient) -> None:
    """Two customers may use the same key for different things."""
    anna, boris = sign_up(shop), sign_up(shop, "boris")
    assert buy(shop, anna, order(), **{"Idempotency-Key": "1"}).status_code == 201
    answer = buy(shop, boris, order(loan_amnt=999), **{"Idempotency-Key": "1"})
    assert answer.status_code == 201


def test_a_refused_sale_does_not_use_up_its_key(shop: TestClient, database_url: str) -> None:
    """After a 402 the customer tops up and sends the very same request again."""
    anna = sign_up(shop)
    dear = order("credit-catboost", rows=51)
    refused = buy(shop, anna, dear, **{"Idempotency-Key": "big"})
    assert refused.status_code == 402
    problem = refused.json()
    assert (problem["required"], problem["available"]) == (5100, 5000)
    assert problem["top_up_url"] == "http://127.0.0.1:8001/top-up"
    assert balance(shop, anna) == 5000
    fund(database_url, shop.get("/v1/me", headers=anna).json()["id"], 100)
    assert buy(shop, anna, dear, **{"Idempotency-Key": "big"}).status_code == 201
    assert balance(shop, anna) == 0


def test_a_quote_costs_nothing(shop: TestClient) -> None:
    """A quote tells price and balance and charges nothing."""
    anna = sign_up(shop)
    quote = shop.post("/v1/quotes", content=order(rows=7), headers=anna | JSON)
    assert quote.status_code == 200
    told = quote.json()
    assert (told["price"], told["rows"], told["affordable"]) == (70, 7, True)
    assert told["balance"] == {"available": 5000, "held": 0}
    assert shop.get("/v1/transactions", headers=anna).json()["items"][0]["type"] == "promotion"


def test_somebody_elses_prediction_is_not_found(shop: TestClient) -> None:
    """Predictions of others look like predictions that do not exist."""
    anna, boris = sign_up(shop), sign_up(shop, "boris")
    sold = buy(shop, anna, order()).json()
    for id_ in (sold["id"], "01a20067-451f-7740-aa85-87548a634f43", "nonsense", "0"):
        answer = shop.get(f"/v1/predictions/{id_}", headers=boris)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_pages_walk_the_whole_history_once(shop: TestClient) -> None:
    """Keyset pages give every prediction and every transaction once, newest first."""
    anna = sign_up(shop)
    sold = [buy(shop, anna, order()).json()["id"] for _ in range(7)]
    for path, expected in (("predictions", 7), ("transactions", 8)):
        seen: list[str] = []
        cursor = None
        while True:
            query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            answered = shop.get(f"/v1/{path}", params=query, headers=anna).json()
            seen += [item["id"] for item in answered["items"]]
            cursor = answered["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == expected
        if path == "predictions":
            assert seen == sold[::-1]


def test_filters_choose_predictions(shop: TestClient) -> None:
    """Predictions can be chosen by model and by time."""
    anna = sign_up(shop)
    buy(shop, anna, order())
    middle = buy(shop, anna, order("credit-catboost")).json()
    buy(shop, anna, order())

    def found(**query: str) -> int:
        answered = shop.get("/v1/predictions", params=query, headers=anna)
        assert answered.status_code == 200, answered.text
        return len(answered.json()["items"])

    assert found(model="credit-catboost") == 1
    assert found(model="credit-logistic-regression", status="succeeded") == 2
    assert found(**{"from": middle["created_at"]}) == 2
    assert found(to=middle["created_at"]) == 1


def test_an_odd_but_possible_input_is_predicted_with_a_warning(shop: TestClient) -> None:
    """A share of income that does not fit loan and income warns and does not refuse."""
    anna = sign_up(shop)
    sold = buy(shop, anna, order(loan_percent_income=0.7)).json()
    (warning,) = sold["warnings"]
    assert warning["pointer"] == "/inputs/0/loan_percent_income"
    assert warning["code"] == "inconsistent"
    stored = shop.get(f"/v1/predictions/{sold['id']}", headers=anna).json()
    assert stored["warnings"] == sold["warnings"]


def test_missing_values_are_legitimate_where_the_schema_says_so(shop: TestClient) -> None:
    """A missing rate, employment or age is predicted, as null and as an absent field."""
    anna = sign_up(shop)
    row = {**APPLICANT, "loan_int_rate": None, "person_emp_length": None}
    del row["person_age"]
    body = json.dumps({"model": "credit-catboost", "inputs": [row]}).encode()
    assert buy(shop, anna, body).status_code == 201
