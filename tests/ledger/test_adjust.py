"""Adjustments over HTTP: an administrator gives or takes credits, with a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.kit.ids import new_id
from support.houses import findings, open_house, settings_for, sign_in, sign_up

MOST = 2**53 - 1


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """An open house on either database."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        yield client
    assert findings(database_url) == []


def adjust(client: TestClient, who: dict[str, str], user_id: str, form: Any, **headers: str) -> Any:
    """Send an adjustment."""
    path = f"/v1/admin/users/{user_id}/adjustments"
    return client.post(path, json=form, headers=who | headers)


def test_adjustments(shop: TestClient) -> None:
    """Given, taken, replayed and refused: every line moves what it says and nothing else."""
    anna, admin = sign_up(shop), sign_in(shop, "admin")
    user_id = shop.get("/v1/me", headers=anna).json()["id"]
    key = {"Idempotency-Key": "k"}
    statement: list[tuple[dict[str, Any], dict[str, str], int, str | None, int]] = [
        ({"amount": 500, "reason": "outage"}, {}, 201, None, 5500),
        ({"amount": -700, "reason": "mistake"}, {}, 201, None, 4800),
        ({"amount": 10, "reason": "gift"}, key, 201, None, 4810),
        ({"amount": 10, "reason": "gift"}, key, 201, None, 4810),
        ({"amount": 11, "reason": "gift"}, key, 409, "idempotency_conflict", 4810),
        ({"amount": 10, "reason": "bribe"}, key, 409, "idempotency_conflict", 4810),
        ({"amount": -4811, "reason": "too much"}, {}, 402, "insufficient_credits", 4810),
        ({"amount": MOST, "reason": "too much"}, {}, 409, "balance_too_large", 4810),
        ({"amount": -4810, "reason": "all of it"}, {}, 201, None, 0),
        ({"amount": -1, "reason": "below zero"}, {}, 402, "insufficient_credits", 0),
    ]
    for form, headers, status, code, balance in statement:
        answer = adjust(shop, admin, user_id, form, **headers)
        assert (answer.status_code, answer.json().get("code")) == (status, code), form
        assert shop.get("/v1/balance", headers=anna).json() == {"available": balance, "held": 0}
        if status == 201:
            told = answer.json()
            assert (told["type"], told["amount"]) == ("adjustment", form["amount"])
            assert (told["reason"], told["balance_after"]) == (form["reason"], balance)
    seen = shop.get("/v1/transactions?type=adjustment", headers=anna).json()["items"]
    assert [(one["amount"], one["reason"]) for one in seen] == [
        (-4810, "all of it"),
        (10, "gift"),
        (-700, "mistake"),
        (500, "outage"),
    ]


def test_only_administrators_adjust(shop: TestClient) -> None:
    """A customer may not, a stranger may not, and nobody learns who exists."""
    anna = sign_up(shop)
    user_id = shop.get("/v1/me", headers=anna).json()["id"]
    form = {"amount": 5, "reason": "for me"}
    for target in (user_id, new_id(), "nonsense"):
        assert adjust(shop, anna, target, form).status_code == 403
        assert adjust(shop, {}, target, form).status_code == 401
    admin = sign_in(shop, "admin")
    for target in (new_id(), "nonsense", "0", user_id.upper()):
        answer = adjust(shop, admin, target, form)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    bad: list[Any] = [
        {},
        {"amount": 5},
        {"reason": "why"},
        {"amount": 5, "reason": ""},
        {"amount": 5, "reason": "x" * 501},
        {"amount": 5, "reason": "nul\x00nul"},
        {"amount": 0, "reason": "nothing"},
        {"amount": True, "reason": "boolean"},
        {"amount": "5", "reason": "text"},
        {"amount": 5.0, "reason": "float"},
        {"amount": MOST + 1, "reason": "too much"},
        {"amount": 10**40, "reason": "far too much"},
        {"amount": None, "reason": "null"},
        {"amount": 5, "reason": "fine", "more": 1},
        [],
    ]
    for form in bad:
        answer = adjust(shop, admin, user_id, form)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), form
        assert answer.json()["errors"]
    assert shop.get("/v1/balance", headers=anna).json() == {"available": 5000, "held": 0}


def test_a_reason_of_blanks_is_no_reason(shop: TestClient) -> None:
    """The reason is for people to read."""
    anna, admin = sign_up(shop), sign_in(shop, "admin")
    user_id = shop.get("/v1/me", headers=anna).json()["id"]
    answer = adjust(shop, admin, user_id, {"amount": 5, "reason": "     "})
    assert answer.status_code == 422
