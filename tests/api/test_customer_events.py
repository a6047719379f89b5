"""What customers set up to act for them later, and what they take out, is in the audit log."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.audit_log.service import AuditEvent, events
from augury.bootstrap import House


def newest(house: House) -> AuditEvent:
    with house.db.read() as tx:
        return events(tx, limit=1)[0]


@pytest.fixture
def anna_id(client: TestClient, anna: dict[str, str]) -> str:
    return str(client.get("/v1/me", headers=anna).json()["id"])


def test_a_threshold_is_written_down_with_the_one_before(
    client: TestClient, house: House, anna: dict[str, str], anna_id: str
) -> None:
    """Who, from where, before and now."""
    for below in (100, None):
        client.put("/v1/balance/alert", headers=anna, json={"below": below})
    event = newest(house)
    assert (event.action, event.subject) == ("balance_alert.set", f"user:{anna_id}")
    assert (event.actor_id, event.address) == (anna_id, "testclient")
    assert event.details == {"before": 100, "now": None}


def test_endpoints_are_written_down_without_their_addresses(
    client: TestClient, house: House, anna: dict[str, str], anna_id: str
) -> None:
    """Added, enabled, removed; a refused request leaves no line."""
    wish = {"url": "https://example.com/secret-path", "events": ["prediction.succeeded"]}
    told: Any = client.post("/v1/webhook-endpoints", headers=anna, json=wish).json()
    path = f"/v1/webhook-endpoints/{told['id']}"
    seen = [newest(house)]
    client.post(f"{path}/enable", headers=anna)
    seen.append(newest(house))
    client.delete(path, headers=anna)
    seen.append(newest(house))
    assert client.delete(path, headers=anna).status_code == 404
    assert newest(house) == seen[-1]
    actions = [event.action.removeprefix("webhook_endpoint.") for event in seen]
    assert actions == ["added", "enabled", "removed"]
    for event in seen:
        assert (event.subject, event.actor_id) == (f"webhook_endpoint:{told['id']}", anna_id)
        assert "example" not in str(event.details)


def test_an_export_is_written_down_and_a_look_is_not(
    client: TestClient, house: House, anna: dict[str, str], anna_id: str
) -> None:
    """A statement as a spreadsheet, and the same as JSON."""
    month = client.get("/v1/statements", headers=anna).json()["items"][0]["month"]
    path = f"/v1/statements/{month}"
    before = newest(house)
    assert client.get(path, headers=anna).status_code == 200
    assert newest(house) == before
    assert client.get(path, headers=anna | {"Accept": "text/csv"}).status_code == 200
    event = newest(house)
    assert (event.action, event.subject) == ("statement.exported", f"user:{anna_id}")
    assert event.details == {"month": month, "form": "text/csv"}
