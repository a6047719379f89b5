"""Usage over HTTP: predictions, rows and credits by day and by model, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, insert_rows
from augury.kit.ids import first_id, new_id
from augury.ledger.statement import Month
from augury.predictions.tables import predictions
from augury.predictions.usage import DAY
from support.houses import open_house, order, settings_for, sign_up

JSON = {"Content-Type": "application/json"}
START = Month(2024, 2).start
_COLUMNS = tuple(column.name for column in predictions.c if column.name != "expired_at")


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """An open house on either database."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        yield client


def buy(db: Database, user_id: str, *sold: tuple[str, int, int, int]) -> None:
    """Store predictions of `(model, rows, price, moment)`."""
    rows = [
        (
            _id_of(at),
            user_id,
            model,
            1,
            "succeeded",
            count,
            price,
            "[]",
            "[]",
            "[]",
            new_id(),
            at,
            at,
        )
        for model, count, price, at in sold
    ]
    with db.write() as tx:
        insert_rows(tx, predictions, _COLUMNS, rows)


def _id_of(moment: int) -> str:
    """Return an identifier that was born at a moment."""
    return first_id(moment)[:24] + new_id()[24:]


def ask(client: TestClient, who: dict[str, str], query: str) -> Any:
    """Return a good answer."""
    answer = client.get(f"/v1/usage?{query}", headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_days_and_models_add_up_to_the_totals(shop: TestClient, database_url: str) -> None:
    """Days are those of UTC, from their first to their last microsecond; only one's own count."""
    anna, boris = sign_up(shop), sign_up(shop, "boris")
    ids = [shop.get("/v1/me", headers=who).json()["id"] for who in (anna, boris)]
    db = Database(database_url)
    buy(
        db,
        ids[0],
        ("a", 2, 20, START),
        ("b", 1, 100, START + DAY - 1),
        ("a", 3, 30, START + DAY),
        ("a", 1, 10, START + 2 * DAY),
        ("c", 5, 10, START + 10 * DAY),
    )
    buy(db, ids[1], ("a", 7, 70, START))
    db.close()
    days = ask(shop, anna, "group_by=day&from=2024-02-01T00:00:00Z&to=2024-02-03T00:00:00Z")
    assert days == {
        "group_by": "day",
        "from": "2024-02-01T00:00:00.000000Z",
        "to": "2024-02-03T00:00:00.000000Z",
        "totals": {"predictions": 3, "rows": 6, "credits": 150},
        "items": [
            {"day": "2024-02-02", "predictions": 1, "rows": 3, "credits": 30},
            {"day": "2024-02-01", "predictions": 2, "rows": 3, "credits": 120},
        ],
    }
    models = ask(shop, anna, "group_by=model&from=2024-02-01&to=2024-03-01")
    assert models["totals"] == {"predictions": 5, "rows": 12, "credits": 170}
    assert models["items"] == [
        {"model": "b", "predictions": 1, "rows": 1, "credits": 100},
        {"model": "a", "predictions": 3, "rows": 6, "credits": 60},
        {"model": "c", "predictions": 1, "rows": 5, "credits": 10},
    ]


def test_without_times_it_is_the_last_thirty_days(shop: TestClient, database_url: str) -> None:
    """What was bought just now is in it, what is older than thirty days is not."""
    anna = sign_up(shop)
    user_id = shop.get("/v1/me", headers=anna).json()["id"]
    db = Database(database_url)
    buy(db, user_id, ("old", 1, 1, now() - 31 * DAY), ("new", 1, 2, now() - 29 * DAY))
    db.close()
    sold = shop.post("/v1/predictions", content=order(rows=4), headers=anna | JSON).json()
    told = ask(shop, anna, "")
    assert told["group_by"] == "day"
    assert told["totals"] == {"predictions": 2, "rows": 5, "credits": 2 + sold["price"]}
    assert told["items"][0] == {
        "day": sold["created_at"][:10],
        "predictions": 1,
        "rows": 4,
        "credits": sold["price"],
    }
    before = ask(shop, anna, f"to={rfc3339(now() - 10 * DAY)}")
    assert before["totals"]["credits"] == 3


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("group_by=hour", "/group_by"), ("from=x", "/from"), ("to=NaN", "/to"),
        ("from=2024-02-01&to=2024-02-01", "/from"), ("from=2024-02-02&to=2024-02-01", "/from"),
        ("from=2024-01-01&to=2025-01-01T00:00:00.000001Z", "/from"), ("from=0001-01-01&to=9999-12-31", "/from"),
        ("from=2999-01-01", "/from"),
    ],
)  # fmt: skip
def test_a_time_that_is_none_or_too_long_is_refused(
    client: TestClient, anna: dict[str, str], query: str, pointer: str
) -> None:
    """At most 366 days, and the end after the beginning."""
    answer = client.get(f"/v1/usage?{query}", headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "query",
    ["from=2024-01-01&to=2025-01-01", "to=0001-01-01T00:00:00%2B14:00", "to=9999-12-31T23:59:59.999999-14:00"],
)  # fmt: skip
def test_a_leap_year_and_the_ends_of_time_can_be_asked_for(
    client: TestClient, anna: dict[str, str], query: str
) -> None:
    """366 days are not too many, and no offset pushes a moment out of the calendar."""
    told = ask(client, anna, query)
    assert (told["items"], told["totals"]["predictions"]) == ([], 0)
