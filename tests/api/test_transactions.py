"""Transactions over HTTP: every movement with its running balance, by type, time and reference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from support.houses import open_house, order, settings_for, sign_in, sign_up

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """An open house on either database."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        yield client


def amounts(client: TestClient, who: dict[str, str], query: str = "") -> list[int]:
    """Return the amounts of a page of transactions."""
    answer = client.get(f"/v1/transactions?{query}", headers=who)
    assert answer.status_code == 200, answer.text
    return [one["amount"] for one in answer.json()["items"]]


def test_filters_and_running_balance(shop: TestClient) -> None:
    """Types, times and references narrow the list down, alone and together; the balance runs."""
    anna, admin = sign_up(shop), sign_in(shop, "admin")
    user_id = shop.get("/v1/me", headers=anna).json()["id"]
    sold = [shop.post("/v1/predictions", content=order(), headers=anna | JSON) for _ in range(3)]
    prediction = sold[1].json()["id"]
    shop.post(
        f"/v1/admin/users/{user_id}/adjustments",
        json={"amount": -40, "reason": "mistake"},
        headers=admin,
    )
    items = shop.get("/v1/transactions", headers=anna).json()["items"]
    assert [one["amount"] for one in items] == [-40, -10, -10, -10, 5000]
    assert [one["balance_after"] for one in items] == [4930, 4970, 4980, 4990, 5000]
    times = [one["created_at"] for one in items]
    second, fourth = times[-2], times[-4]
    table = {
        "type=charge": [-10] * 3,
        "type=charge&type=promotion": [-10, -10, -10, 5000],
        "type=charge&type=charge": [-10] * 3,
        "type=hold": [],
        "reference=welcome": [5000],
        f"reference={prediction}": [-10],
        f"reference={prediction}&type=promotion": [],
        "reference=nothing": [],
        f"from={second}": [-40, -10, -10, -10],
        f"to={second}": [5000],
        f"from={second}&to={fourth}": [-10, -10],
        f"from={second}&to={fourth}&type=promotion": [],
        f"from={fourth}&to={second}": [],
        "from=2999-01-01T00:00:00Z": [],
        "to=1980-01-01": [],
        "from=0001-01-01T00:00:00%2B14:00": [-40, -10, -10, -10, 5000],
        "to=9999-12-31T23:59:59.999999-14:00": [-40, -10, -10, -10, 5000],
    }
    found = {query: amounts(shop, anna, query) for query in table}
    assert found == table


def test_a_filtered_list_comes_in_pages(shop: TestClient) -> None:
    """The pages of a filter have each match once, newest first."""
    anna = sign_up(shop)
    for _ in range(5):
        shop.post("/v1/predictions", content=order(), headers=anna | JSON)
    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = shop.get(f"/v1/transactions?type=charge&limit=2{more}", headers=anna).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert [one["balance_after"] for one in seen] == [4950, 4960, 4970, 4980, 4990]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("type=unknown", "/type/0"), ("type=charge&type=", "/type/1"), ("type=charge" + "&type=charge" * 8, "/type"),
        ("reference=", "/reference"), ("reference=%00", "/reference"), ("reference=" + "x" * 65, "/reference"),
        ("reference=ключ", "/reference"), ("from=yesterday", "/from"), ("to=2022-13-01", "/to"), ("from=NaN", "/from"),
    ],
)  # fmt: skip
def test_a_filter_of_the_wrong_form_is_refused(
    client: TestClient, anna: dict[str, str], query: str, pointer: str
) -> None:
    """Each has its pointer."""
    answer = client.get(f"/v1/transactions?{query}", headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
