"""Outcomes over HTTP: a customer's own, anybody's for administrators, one by one or by file."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from support.houses import order, sign_up
from support.problems import is_problem

JSON = {"Content-Type": "application/json"}
HEAD = "prediction_id,row,outcome\n"


def buy(client: TestClient, headers: dict[str, str], rows: int = 1) -> str:
    """Return the id of a prediction that was bought."""
    answer = client.post("/v1/predictions", content=order(rows=rows), headers=headers | JSON)
    assert answer.status_code == 201, answer.text
    id_: str = answer.json()["id"]
    return id_


def send(client: TestClient, headers: dict[str, str], text: str, path: str = "/v1/outcomes") -> Any:
    """Send a file."""
    return client.post(path, files={"file": ("outcomes.csv", text.encode())}, headers=headers)


def audited(client: TestClient, admin: dict[str, str], action: str) -> list[dict[str, Any]]:
    """Return what the audit log has of an action, newest first."""
    answer = client.get("/v1/admin/audit-events", params={"action": action}, headers=admin)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.fixture(scope="module")
def boris(opened: tuple[TestClient, Any]) -> dict[str, str]:
    """Headers of another customer."""
    return sign_up(opened[0], "boris")


@pytest.fixture(scope="module")
def unknown(opened: tuple[TestClient, Any], anna: dict[str, str]) -> str:
    """A prediction of two rows of which nothing is known."""
    return buy(opened[0], anna, rows=2)


def test_a_customer_reports_corrects_and_reads(client: TestClient, anna: dict[str, str]) -> None:
    """201 for what is new or different, 200 for the same again."""
    path = f"/v1/predictions/{buy(client, anna)}/outcome"
    before = client.get(path, headers=anna).json()
    assert (before["outcomes"], before["reported_at"]) == ([None], None)
    first = client.post(path, json={"outcome": 1}, headers=anna)
    assert first.status_code == 201
    assert first.json()["outcomes"] == [1]
    again = client.post(path, json={"outcome": 1, "row": 0}, headers=anna)
    assert (again.status_code, again.json()) == (200, first.json())
    other = client.post(path, json={"outcomes": [0]}, headers=anna)
    assert (other.status_code, other.json()["outcomes"]) == (201, [0])
    assert client.get(path, headers=anna).json() == other.json()


def test_what_is_somebody_elses_is_not_there(
    client: TestClient, anna: dict[str, str], boris: dict[str, str], admin: dict[str, str]
) -> None:
    """For another customer it does not exist; an administrator may, and the audit log says so."""
    id_ = buy(client, anna)
    path = f"/v1/predictions/{id_}/outcome"
    assert client.post(path, json={"outcome": 1}, headers=boris).status_code == 404
    assert is_problem(client.get(path, headers=boris))["code"] == "not_found"
    assert client.get("/v1/predictions/nonsense/outcome", headers=anna).status_code == 404
    assert client.post(path, json={"outcome": 1}).status_code == 401
    assert client.post(path, json={"outcome": 1}, headers=admin).status_code == 201
    assert client.get(path, headers=anna).json()["outcomes"] == [1]
    (event, *_) = audited(client, admin, "outcomes.reported")
    assert event["subject"] == f"prediction:{id_}"
    assert event["details"]["changes"] == [{"prediction_id": id_, "row": 0, "from": None, "to": 1}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"outcome": 2, "row": 0}, "/outcome"),
        ({"outcome": -1, "row": 0}, "/outcome"),
        ({"outcome": True, "row": 0}, "/outcome"),
        ({"outcome": "1", "row": 0}, "/outcome"),
        ({"outcome": 1.0, "row": 0}, "/outcome"),
        ({"outcome": 1, "row": -1}, "/row"),
        ({"outcome": 1, "row": 2}, "/row"),
        ({"outcome": 1}, "/row"),
        ({"outcomes": [1]}, "/outcomes"),
        ({"outcomes": [1, 2]}, "/outcomes/1"),
        ({"outcomes": [0] * 1001}, "/outcomes"),
        ({"outcome": 1, "outcomes": [1, 0]}, ""),
        ({"outcome": 1, "row": 0, "sure": True}, "/sure"),
        ({}, ""),
    ],
)
def test_what_is_no_outcome_is_refused_with_its_place(
    client: TestClient, anna: dict[str, str], unknown: str, body: dict[str, Any], pointer: str
) -> None:
    path = f"/v1/predictions/{unknown}/outcome"
    answer = client.post(path, json=body, headers=anna)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in is_problem(answer)["errors"]] == [pointer]
    assert client.get(path, headers=anna).json()["reported"] == 0


def test_a_file_of_ones_own(
    client: TestClient, anna: dict[str, str], boris: dict[str, str], admin: dict[str, str]
) -> None:
    """A customer's file takes the customer's predictions only; nobody's import is silent."""
    own, many, other = buy(client, anna), buy(client, anna, 3), buy(client, boris)
    lines = f"{HEAD}{own},,1\n{many},2,0\n"
    done = send(client, anna, lines)
    assert (done.status_code, done.json()) == (200, {"stored": 2, "changed": 0, "unchanged": 0})
    assert client.get(f"/v1/predictions/{many}/outcome", headers=anna).json()["outcomes"] == [
        None,
        None,
        0,
    ]
    refused = send(client, anna, f"{lines}{other},0,1\n")
    assert refused.status_code == 422
    (fault,) = is_problem(refused)["errors"]
    assert fault["pointer"] == "/file/4"
    assert send(client, anna, lines, "/v1/admin/outcomes").status_code == 403
    assert audited(client, admin, "outcomes.imported") == []
    done = send(
        client, admin, f"{lines}{other},0,1\n".replace(",1\n", ",0\n"), "/v1/admin/outcomes"
    )
    assert done.json() == {"stored": 1, "changed": 1, "unchanged": 1}
    (event,) = audited(client, admin, "outcomes.imported")
    assert event["details"]["changed"] == 1


def test_an_administrators_own_door_is_a_customers_door(
    client: TestClient, anna: dict[str, str], admin: dict[str, str]
) -> None:
    """Under the customers' address even an administrator reports of own predictions only."""
    refused = send(client, admin, f"{HEAD}{buy(client, anna)},0,1\n")
    assert is_problem(refused)["errors"][0]["pointer"] == "/file/2"


def test_faults_of_a_file_are_told_in_the_readers_language(
    client: TestClient, anna: dict[str, str]
) -> None:
    russian = anna | {"Accept-Language": "ru"}
    refused = is_problem(send(client, russian, f"{HEAD}abc,0,1\n"))
    assert refused["errors"] == [
        {"pointer": "/file/2", "message": "abc — не идентификатор предсказания."}
    ]


def test_a_file_may_be_larger_than_other_bodies_but_not_endless(
    client: TestClient, anna: dict[str, str]
) -> None:
    """Two megabytes of comments are read; seventeen are refused before they are."""
    for path in ("/v1/outcomes", "/v1/admin/outcomes"):
        large = send(client, anna, "x" * 17 * 1024 * 1024, path)
        assert is_problem(large)["code"] == "payload_too_large"
    comment = "x" * 100_000
    text = "prediction_id,outcome,note\n" + f",,{comment}\n" * 20
    assert is_problem(send(client, anna, text))["errors"][0]["pointer"] == "/file/2"


def test_what_is_no_form_with_a_file_is_refused(client: TestClient, anna: dict[str, str]) -> None:
    for path in ("/v1/outcomes", "/v1/admin/outcomes"):
        assert client.post(path, files={"file": b"x"}).status_code == 401
    plain = client.post("/v1/outcomes", content=b"a,b", headers=anna | {"Content-Type": "text/csv"})
    assert is_problem(plain)["code"] == "unsupported_media_type"
    without = client.post("/v1/outcomes", files={"other": b"x"}, headers=anna)
    assert is_problem(without)["errors"][0]["pointer"] == "/file"
