"""Vouchers over HTTP: administrators make codes, customers turn them into credits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.kit.clock import SECOND, now, rfc3339
from augury.kit.ids import new_id
from support.houses import open_house, settings_for, sign_in, sign_up
from support.problems import is_problem

BATCHES = "/v1/admin/voucher-batches"
FORM: dict[str, Any] = {"name": "Весна", "credits": 500, "codes": 3}


def make(client: TestClient, admin: dict[str, str], **changes: Any) -> Any:
    """Make a batch and return the answer."""
    answer = client.post(BATCHES, json=FORM | changes, headers=admin)
    assert answer.status_code == 201, answer.text
    return answer.json()


def redeem(client: TestClient, who: dict[str, str], code: Any, key: str | None = None) -> Any:
    """Send a code."""
    headers = who if key is None else who | {"Idempotency-Key": key}
    return client.post("/v1/vouchers/redeem", json={"code": code}, headers=headers)


def test_a_batch_is_made_seen_and_stopped(client: TestClient, admin: dict[str, str]) -> None:
    """The answer that makes it is the only one with the codes."""
    ends = rfc3339(now() + 3600 * SECOND)
    answer = client.post(
        BATCHES,
        json=FORM | {"uses_per_code": 4, "total_uses": 9, "expires_at": ends},
        headers=admin,
    )
    made = answer.json()
    codes = made.pop("codes")
    assert len(set(codes)) == 3
    assert answer.headers["Location"] == f"{BATCHES}/{made['id']}"
    assert made == {
        "id": made["id"],
        "name": "Весна",
        "status": "active",
        "credits": 500,
        "code_count": 3,
        "uses_per_code": 4,
        "uses_per_user": 1,
        "total_uses": 9,
        "redeemed": 0,
        "redeemed_credits": 0,
        "expires_at": ends,
        "stopped_at": None,
        "stopped_by": None,
        "created_by": client.get("/v1/me", headers=admin).json()["id"],
        "created_at": made["created_at"],
    }
    listed = client.get(BATCHES, headers=admin).json()["items"]
    assert listed[0] == made
    seen = client.get(f"{BATCHES}/{made['id']}", headers=admin)
    assert seen.json() == made | {"redemptions": {"items": [], "next_cursor": None}}
    stopped = client.post(f"{BATCHES}/{made['id']}/stop", headers=admin).json()
    assert (stopped["status"], stopped["stopped_by"]) == ("stopped", made["created_by"])
    boris = sign_up(client, "boris")
    assert redeem(client, boris, codes[0]).json()["code"] == "voucher_expired"
    assert not any(code in answer.text for code in codes for answer in (seen,))


def test_the_same_key_shows_no_codes_again(client: TestClient, admin: dict[str, str]) -> None:
    """A replay gives the batch with `codes` null; another form with the key is refused."""
    keyed = admin | {"Idempotency-Key": "spring"}
    first = client.post(BATCHES, json=FORM, headers=keyed)
    again = client.post(BATCHES, json=FORM, headers=keyed)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() | {"codes": None}
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = client.post(BATCHES, json=FORM | {"credits": 501}, headers=keyed)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"name": "   "}, {"name": "x" * 101}, {"name": "a\x00b"}, {"name": None}, {"name": 5},
        {"credits": 0}, {"credits": -1}, {"credits": 1.5}, {"credits": "5"}, {"credits": True}, {"credits": 10**9 + 1},
        {"codes": 0}, {"codes": 10_001}, {"codes": None}, {"uses_per_code": 0}, {"uses_per_code": 10**6 + 1},
        {"uses_per_user": 0}, {"uses_per_user": "1"}, {"total_uses": 0}, {"total_uses": 4}, {"total_uses": 10**40},
        {"credits": 10**9, "codes": 10_000, "uses_per_code": 10**6}, {"more": 1},
        {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "2999-01-01T00:00:00"}, {"expires_at": "soon"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)  # fmt: skip
def test_a_bad_batch_is_refused(
    client: TestClient, admin: dict[str, str], changes: dict[str, Any]
) -> None:
    """Wrong types, nothing to give, too much to give, and an end that has passed."""
    before = client.get(BATCHES, headers=admin).json()
    answer = client.post(BATCHES, json=FORM | changes, headers=admin)
    assert (answer.status_code, is_problem(answer)["code"]) == (422, "invalid_input")
    assert client.get(BATCHES, headers=admin).json() == before


def test_only_administrators_see_batches(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """A customer may not, a stranger may not; a batch that is not there is not found."""
    made = make(client, admin)
    for target in (made["id"], new_id(), "nonsense"):
        for method, path in (
            ("POST", BATCHES),
            ("GET", BATCHES),
            ("GET", f"{BATCHES}/{target}"),
            ("POST", f"{BATCHES}/{target}/stop"),
        ):
            for who, status in ((anna, 403), ({}, 401)):
                answer = client.request(
                    method, path, headers=who, json=FORM if path == BATCHES else None
                )
                assert answer.status_code == status
    for method, path in (("GET", ""), ("POST", "/stop")):
        for target in (new_id(), "nonsense", made["id"].upper()):
            answer = client.request(method, f"{BATCHES}/{target}{path}", headers=admin)
            assert (answer.status_code, is_problem(answer)["code"]) == (404, "not_found")


def test_a_code_is_redeemed_once(client: TestClient, admin: dict[str, str]) -> None:
    """The answer has the credits, the movement and the balance; each refusal has its code."""
    vera, gleb = sign_up(client, "vera"), sign_up(client, "gleb")
    made = make(client, admin)
    first, second, _ = made["codes"]
    answer = redeem(client, vera, first.lower())
    told = answer.json()
    (moved, _) = client.get("/v1/transactions", headers=vera).json()["items"]
    assert answer.status_code == 201
    assert told == {"id": told["id"], "credits": 500, "balance_after": 5500, "transfer": moved}
    assert moved["reference"] == f"voucher:{told['id']}"
    assert client.get("/v1/balance", headers=vera).json() == {"available": 5500, "held": 0}
    refused = {
        "spent": redeem(client, gleb, first),
        "limit_reached": redeem(client, vera, second),
        "unknown": redeem(client, gleb, "0000-0000-0000-0000"),
    }
    for reason, status in (("spent", 409), ("limit_reached", 409), ("unknown", 404)):
        problem = is_problem(refused[reason])
        assert (problem["status"], problem["code"]) == (status, f"voucher_{reason}")
    seen = client.get(f"{BATCHES}/{made['id']}", headers=admin).json()
    assert (seen["redeemed"], seen["redeemed_credits"]) == (1, 500)
    assert seen["redemptions"]["items"] == [
        {
            "id": told["id"],
            "user_id": client.get("/v1/me", headers=vera).json()["id"],
            "transfer_id": moved["id"],
            "created_at": seen["redemptions"]["items"][0]["created_at"],
        }
    ]


def test_a_key_replays_the_first_answer(client: TestClient, admin: dict[str, str]) -> None:
    """To the letter, also after the balance has moved on; another code is refused."""
    dina = sign_up(client, "dina")
    codes = make(client, admin, uses_per_user=2)["codes"]
    first = redeem(client, dina, codes[0], "one")
    assert redeem(client, dina, codes[1]).status_code == 201
    again = redeem(client, dina, codes[0].replace("-", " "), "one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = redeem(client, dina, codes[2], "one")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert client.get("/v1/balance", headers=dina).json()["available"] == 6000


@pytest.mark.parametrize("code", ["", None, 7, ["x"], "x" * 65, "\ud800"])
def test_what_is_no_text_of_a_code_is_refused(
    client: TestClient, anna: dict[str, str], code: Any
) -> None:
    """A body of the wrong form is a fault with a pointer."""
    answer = client.post(
        "/v1/vouchers/redeem",
        content=json.dumps({"code": code}),
        headers=anna | {"Content-Type": "application/json"},
    )
    assert (answer.status_code, is_problem(answer)["code"]) == (422, "invalid_input")


def test_batches_and_redemptions_come_in_pages(client: TestClient, admin: dict[str, str]) -> None:
    """Cursors lead through both lists; a cursor of the wrong form is refused."""
    made = make(client, admin, uses_per_user=3)
    egor = sign_up(client, "egor")
    for code in made["codes"]:
        assert redeem(client, egor, code).status_code == 201
    path = f"{BATCHES}/{made['id']}"
    first = client.get(f"{path}?limit=2", headers=admin).json()["redemptions"]
    more = client.get(f"{path}?limit=2&cursor={first['next_cursor']}", headers=admin).json()
    ids = [one["id"] for one in first["items"] + more["redemptions"]["items"]]
    assert len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    newest = client.get(f"{BATCHES}?limit=1", headers=admin).json()
    assert [one["id"] for one in newest["items"]] == [made["id"]]
    make(client, admin)
    page = client.get(f"{BATCHES}?limit=1", headers=admin).json()
    after = client.get(f"{BATCHES}?limit=1&cursor={page['next_cursor']}", headers=admin).json()
    assert [one["id"] for one in after["items"]] == [made["id"]]
    for bad in (f"{BATCHES}?cursor=x", f"{path}?cursor=x", f"{path}?limit=0"):
        assert client.get(bad, headers=admin).status_code == 422


@pytest.fixture
def strict(database_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """A house that limits guessing, on either database."""
    settings = settings_for(database_url, tmp_path).model_copy(update={"rate_limits": "on"})
    with open_house(settings) as (client, _):
        yield client


def test_guessing_codes_is_limited_for_each_user(strict: TestClient) -> None:
    """After twenty wrong codes even a right one has to wait; for others nothing changes."""
    anna, boris, admin = sign_up(strict), sign_up(strict, "boris"), sign_in(strict, "admin")
    codes = make(strict, admin)["codes"]
    assert redeem(strict, anna, codes[0]).status_code == 201
    for _ in range(25):
        assert redeem(strict, anna, codes[0]).status_code == 409  # spent is not wrong
    for _ in range(20):
        assert redeem(strict, boris, "0000-0000-0000-0000").status_code == 404
    answer = redeem(strict, boris, codes[1])
    assert (answer.status_code, is_problem(answer)["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 600
    assert redeem(strict, anna, "0000-0000-0000-0000").status_code == 404


def test_guessing_is_not_limited_where_limits_are_off(
    client: TestClient, anna: dict[str, str]
) -> None:
    """The operator of a trusted network decides so."""
    assert {redeem(client, anna, "wrong").status_code for _ in range(30)} == {404}
