"""An administrator looks into a customer's account: it is the customer's own, and it is noted."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.audit_log import looks as audit_looks
from augury.bootstrap import House
from support.houses import APPLICANT, sign_up
from support.problems import is_problem

PARTS = ("transactions", "predictions", "usage", "api-keys", "statements")


@pytest.fixture(scope="module")
def bella(opened: tuple[TestClient, House]) -> tuple[str, dict[str, str]]:
    """The id and the headers of a customer who has bought, and has a key."""
    client = opened[0]
    headers = sign_up(client, "bella")
    order = {"model": "credit-logistic-regression", "inputs": [APPLICANT]}
    assert client.post("/v1/predictions", json=order, headers=headers).status_code == 201
    key = {"name": "nightly"}
    assert client.post("/v1/api-keys", json=key, headers=headers).status_code == 201
    return client.get("/v1/me", headers=headers).json()["id"], headers


def looks(client: TestClient, admin: dict[str, str], user_id: str, action: str) -> list[Any]:
    """Return the details of what the audit log has of one action on a customer."""
    query = {"subject": f"user:{user_id}", "action": action, "limit": "200"}
    found = client.get("/v1/admin/audit-events", params=query, headers=admin).json()
    return [one["details"] for one in found["items"]]


@pytest.mark.parametrize("part", PARTS)
def test_an_administrator_sees_what_the_customer_sees(
    client: TestClient, admin: dict[str, str], bella: tuple[str, dict[str, str]], part: str
) -> None:
    """Item by item; of predictions without what was asked and answered."""
    user_id, headers = bella
    own = client.get(f"/v1/{part}", headers=headers).json()["items"]
    seen = client.get(f"/v1/admin/users/{user_id}/{part}", headers=admin).json()["items"]
    if part == "predictions":
        assert own[0]["outputs"]
        own = [one | {"outputs": None} for one in own]
        assert "inputs" not in seen[0]
    assert seen == own
    assert len(own) >= 1


@pytest.mark.parametrize("part", [*PARTS, "statements/2026-01"])
def test_nobody_else_sees_it(
    client: TestClient, admin: dict[str, str], bella: tuple[str, dict[str, str]], part: str
) -> None:
    """A customer, a guest; and there is nothing to see of somebody who is not there."""
    user_id, headers = bella
    path = f"/v1/admin/users/{user_id}/{part}"
    assert is_problem(client.get(path, headers=headers))["code"] == "forbidden"
    assert is_problem(client.get(path))["code"] == "unauthenticated"
    for stranger in ("01890000-0000-7000-8000-000000000000", "nobody"):
        answer = client.get(f"/v1/admin/users/{stranger}/{part}", headers=admin)
        assert is_problem(answer)["code"] == "not_found"


def test_looking_is_written_down_once_an_hour_for_each_part(
    client: TestClient,
    admin: dict[str, str],
    bella: tuple[str, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user_id, _ = bella
    path = f"/v1/admin/users/{user_id}"
    for part in ("usage", "transactions", "usage", "transactions"):
        client.get(f"{path}/{part}", headers=admin)
    seen = [one["part"] for one in looks(client, admin, user_id, "account.read")]
    assert (seen.count("usage"), seen.count("transactions")) == (1, 1)
    monkeypatch.setattr(audit_looks, "ONE_LOOK", 0)
    client.get(f"{path}/usage", headers=admin)
    seen = [one["part"] for one in looks(client, admin, user_id, "account.read")]
    assert seen.count("usage") == 2


def test_a_statement_goes_to_the_administrator_as_a_file(
    client: TestClient, admin: dict[str, str], bella: tuple[str, dict[str, str]]
) -> None:
    """The same file that the customer gets; the export is noted with who took it."""
    user_id, headers = bella
    path = f"/v1/admin/users/{user_id}/statements"
    month = client.get(path, headers=admin).json()["items"][0]["month"]
    as_csv = {"Accept": "text/csv"}
    own = client.get(f"/v1/statements/{month}", headers=headers | as_csv)
    seen = client.get(f"{path}/{month}", headers=admin | as_csv)
    assert seen.text == own.text
    assert seen.headers["content-disposition"] == own.headers["content-disposition"]
    paper = client.get(f"{path}/{month}", headers=admin | {"Accept": "application/pdf"})
    assert paper.content.startswith(b"%PDF")
    exports = looks(client, admin, user_id, "statement.exported")
    assert [one["form"] for one in exports] == ["application/pdf", "text/csv", "text/csv"]


def test_an_adjustment_is_written_down_with_the_balance_before_and_after(
    client: TestClient, admin: dict[str, str], bella: tuple[str, dict[str, str]]
) -> None:
    user_id, headers = bella
    before = client.get("/v1/balance", headers=headers).json()["available"]
    wish = {"amount": -7, "reason": "a test"}
    path = f"/v1/admin/users/{user_id}/adjustments"
    made = client.post(path, json=wish, headers=admin).json()
    (told,) = looks(client, admin, user_id, "credits.adjusted")
    assert told == {"amount": -7, "transfer": made["id"], "before": before, "now": before - 7}


def test_a_whole_address_finds_its_owner_alone(client: TestClient, admin: dict[str, str]) -> None:
    """Also where it is a part of somebody else's; a part of it finds both."""
    for name in ("ina", "nina"):
        sign_up(client, name)
    for search, found in (("INA@example.com", ["ina"]), ("ina@example", ["nina", "ina"])):
        query = {"search": search}
        answer = client.get("/v1/admin/users", params=query, headers=admin).json()
        assert [one["username"] for one in answer["items"]] == found
    blocked = {"search": "ina@example.com", "status": "blocked"}
    assert client.get("/v1/admin/users", params=blocked, headers=admin).json()["items"] == []
