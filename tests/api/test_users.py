"""Administrators look for users, and see what they have and when they were last seen."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from support.houses import sign_up


@pytest.fixture(scope="module")
def people(opened: tuple[TestClient, Any]) -> dict[str, dict[str, str]]:
    """Some customers, by name."""
    names = ("dora.first", "dora_second", "Дора-третья")
    client = opened[0]
    found = {}
    for number, name in enumerate(names):
        form = {"username": name, "email": f"d{number}@example.com", "password": "correct horse!"}
        assert client.post("/v1/auth/register", json=form).status_code == 201
        found[name] = form
    return found


def names(client: TestClient, admin: dict[str, str], **query: Any) -> list[str]:
    answer = client.get("/v1/admin/users", headers=admin, params=query)
    assert answer.status_code == 200, answer.text
    return [item["username"] for item in answer.json()["items"]]


def test_users_are_found_by_parts_of_names_and_addresses(
    client: TestClient, admin: dict[str, str], people: dict[str, Any]
) -> None:
    """In letters of any case; newest first; signs of patterns mean themselves."""
    assert names(client, admin, search="DORA") == ["dora_second", "dora.first"]
    assert names(client, admin, search="дора") == ["Дора-третья"]
    assert names(client, admin, search="d1@example") == ["dora_second"]
    assert names(client, admin, search="dora_") == ["dora_second"]
    assert names(client, admin, search="%") == []
    (found,) = client.get("/v1/admin/users?search=dora.first", headers=admin).json()["items"]
    assert names(client, admin, search=found["id"]) == ["dora.first"]
    assert found["balance"] == {"available": 5000, "held": 0}
    assert found["last_seen_at"] is None


def test_pages_follow_each_other(
    client: TestClient, admin: dict[str, str], people: dict[str, Any]
) -> None:
    """Two at a time, none twice."""
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/admin/users", headers=admin, params=query).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 4
    assert seen == sorted(seen, reverse=True)


def test_who_signs_in_has_been_seen(client: TestClient, admin: dict[str, str]) -> None:
    """And one user can be read alone."""
    who = sign_up(client, "visitor")
    id_ = client.get("/v1/me", headers=who).json()["id"]
    told = client.get(f"/v1/admin/users/{id_}", headers=admin).json()
    assert told["last_seen_at"] >= told["created_at"]
    assert client.get("/v1/admin/users/nonsense", headers=admin).status_code == 404
    assert client.get(f"/v1/admin/users/{id_}", headers=who).status_code == 403


def test_blocking_twice_is_written_down_once_and_nobody_blocks_themselves(
    client: TestClient, admin: dict[str, str]
) -> None:
    """The last administrator could not be let in again by anybody."""
    sign_up(client, "nuisance")
    (user,) = client.get("/v1/admin/users?search=nuisance", headers=admin).json()["items"]
    for _ in range(2):
        client.patch(f"/v1/admin/users/{user['id']}", headers=admin, json={"status": "blocked"})
    assert names(client, admin, status="blocked") == ["nuisance"]
    log = client.get(
        "/v1/admin/audit-events", headers=admin, params={"subject": f"user:{user['id']}"}
    ).json()["items"]
    changed = [one for one in log if one["action"] == "user.status"]
    assert [one["details"] for one in changed] == [
        {"before": "active", "now": "blocked", "ended_sessions": 1}
    ]
    me = client.get("/v1/me", headers=admin).json()["id"]
    refused = client.patch(f"/v1/admin/users/{me}", headers=admin, json={"status": "blocked"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/status")
