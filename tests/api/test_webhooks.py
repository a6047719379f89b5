"""The routes of webhooks and of the alert, as a customer meets them."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from augury import bootstrap
from augury.bootstrap import House
from augury.kit.ids import is_id, new_id
from augury.notices.sealing import Sealer
from augury.notices.service import EventType
from augury.users import service as users
from notices.receiver import receiving
from support.databases import sqlite_database
from support.houses import PASSWORD, open_house, settings_for, sign_in, sign_up
from support.problems import is_problem

ENDPOINTS, DELIVERIES = "/v1/webhook-endpoints", "/v1/webhook-deliveries"
URL = "https://example.com/augury"
# Nobody listens there: for tests whose deliveries wait.
HERE = "http://127.0.0.1:9/augury"


_names = itertools.count(1)


@contextmanager
def house_in(folder: Path) -> Iterator[tuple[TestClient, House]]:
    """Open a house whose webhooks may reach loopback."""
    url = sqlite_database(folder)
    with open_house(settings_for(url, folder, webhook_private_networks="127.0.0.0/8")) as pair:
        yield pair


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, House]]:
    """A house for all tests that send nothing."""
    with house_in(tmp_path_factory.mktemp("house")) as pair:
        yield pair


@pytest.fixture
def client(shared: tuple[TestClient, House]) -> TestClient:
    """Its API."""
    return shared[0]


@pytest.fixture
def anna(client: TestClient) -> dict[str, str]:
    """Headers of a customer who is new to each test."""
    return sign_up(client, f"anna{next(_names)}")


@pytest.fixture(scope="module")
def careless(shared: tuple[TestClient, House]) -> dict[str, str]:
    """Headers of a customer who gets everything wrong."""
    return sign_up(shared[0], "careless")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[TestClient, House]]:
    """A house of its own, for tests that send what is in the outbox."""
    with house_in(tmp_path) as pair:
        yield pair


def add(client: TestClient, headers: dict[str, str], url: str = URL, **more: Any) -> dict[str, Any]:
    """Add an endpoint."""
    answer = client.post(ENDPOINTS, json={"url": url, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json()
    return added


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Return the problem of an answer that must be this refusal."""
    assert (answer.status_code, is_problem(answer)["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def test_an_endpoint_shows_its_secret_once(client: TestClient, anna: dict[str, str]) -> None:
    """When it is added, and in no answer afterwards."""
    added = add(client, anna, events=["balance.low", "prediction.succeeded"])
    assert added["secret"].startswith("whsec_")
    assert is_id(added["id"])
    assert (added["url"], added["status"], added["failures"]) == (URL, "active", 0)
    assert added["events"] == ["balance.low", "prediction.succeeded"]
    shown = {name: value for name, value in added.items() if name != "secret"}
    assert client.get(f"{ENDPOINTS}/{added['id']}", headers=anna).json() == shown
    listed = client.get(ENDPOINTS, headers=anna).json()
    assert listed == {"items": [shown], "next_cursor": None}


def test_without_a_list_an_endpoint_hears_of_everything(
    client: TestClient, anna: dict[str, str]
) -> None:
    """Every type of event there is."""
    assert add(client, anna)["events"] == [event.value for event in EventType]


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({}, "/url"),
        ({"url": 5}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://" + "a" * 1000}, "/url"),
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"url": "http://metadata@169.254.169.254/"}, "/url"),
        ({"url": "https://\ud800"}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["ping"]}, "/events/0"),
        ({"url": URL, "events": ["balance.low"] * 99}, "/events"),
        ({"url": URL, "secret": "mine"}, "/secret"),
    ],
)
def test_a_form_that_does_not_fit_says_where(
    client: TestClient, careless: dict[str, str], form: dict[str, Any], pointer: str
) -> None:
    """Each fault has its pointer, and nothing is added."""
    typed = careless | {"Content-Type": "application/json"}
    answer = client.post(ENDPOINTS, content=json.dumps(form), headers=typed)
    problem = refused(answer, 422, "invalid_input")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert client.get(ENDPOINTS, headers=careless).json()["items"] == []


def test_a_private_address_is_named_in_the_readers_language(
    client: TestClient, careless: dict[str, str]
) -> None:
    """The sentence says which address it is about."""
    russian = careless | {"Accept-Language": "ru"}
    answer = client.post(ENDPOINTS, json={"url": "http://192.168.0.7/"}, headers=russian)
    (error,) = refused(answer, 422, "invalid_input")["errors"]
    assert error["message"].startswith("192.168.0.7 — не адрес в открытом интернете")


def test_the_eleventh_endpoint_is_refused(client: TestClient, anna: dict[str, str]) -> None:
    """With the limit in the answer."""
    for _ in range(10):
        add(client, anna)
    problem = refused(
        client.post(ENDPOINTS, json={"url": URL}, headers=anna), 409, "too_many_endpoints"
    )
    assert problem["most"] == 10


def test_a_removed_endpoint_is_gone(client: TestClient, anna: dict[str, str]) -> None:
    """It can be removed once, and is nowhere any more."""
    id_ = add(client, anna)["id"]
    assert client.delete(f"{ENDPOINTS}/{id_}", headers=anna).status_code == 204
    refused(client.delete(f"{ENDPOINTS}/{id_}", headers=anna), 404, "not_found")
    refused(client.get(f"{ENDPOINTS}/{id_}", headers=anna), 404, "not_found")
    assert client.get(ENDPOINTS, headers=anna).json()["items"] == []


def test_somebody_elses_is_not_found(client: TestClient, anna: dict[str, str]) -> None:
    """Endpoints and deliveries of others are as unknown as those that are not there."""
    boris = sign_up(client, "stranger")
    mine = add(client, anna, HERE)["id"]
    delivery = client.post(f"{ENDPOINTS}/{mine}/test", headers=anna).json()["id"]
    for endpoint in (mine, new_id(), "nonsense"):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/test")):
            answer = client.request(method, f"{ENDPOINTS}/{endpoint}{path}", headers=boris)
            refused(answer, 404, "not_found")
    for one in (delivery, new_id(), "nonsense"):
        refused(client.get(f"{DELIVERIES}/{one}", headers=boris), 404, "not_found")
        refused(client.post(f"{DELIVERIES}/{one}/resend", headers=boris), 404, "not_found")
    assert client.get(DELIVERIES, headers=boris).json()["items"] == []
    assert client.get(DELIVERIES, params={"endpoint": mine}, headers=boris).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ENDPOINTS),
        ("GET", ENDPOINTS),
        ("GET", f"{ENDPOINTS}/x"),
        ("DELETE", f"{ENDPOINTS}/x"),
        ("POST", f"{ENDPOINTS}/x/enable"),
        ("POST", f"{ENDPOINTS}/x/test"),
        ("GET", DELIVERIES),
        ("GET", f"{DELIVERIES}/x"),
        ("POST", f"{DELIVERIES}/x/resend"),
        ("GET", "/v1/balance/alert"),
        ("PUT", "/v1/balance/alert"),
    ],
)
def test_a_stranger_sees_nothing(client: TestClient, method: str, path: str) -> None:
    """Without signing in every route is closed."""
    body = {"url": URL, "below": 5} if method in {"POST", "PUT"} else None
    refused(client.request(method, path, json=body), 401, "unauthenticated")


def delivered(house: House, count: int, seconds: float = 90) -> None:
    """Wait until the house's own worker has delivered so many."""
    deadline = time.monotonic() + seconds
    succeeded = text("SELECT count(*) FROM deliveries WHERE status = 'succeeded'")
    while True:
        with house.db.read() as tx:
            if tx.execute(succeeded).scalar_one() == count:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_test_shows_whether_an_endpoint_works(opened: tuple[TestClient, House]) -> None:
    """A ping is accepted, delivered, seen with body and answer, and can be sent again."""
    client, house = opened
    anna = sign_up(client)
    with receiving() as receiver:
        id_ = add(client, anna, receiver.url)["id"]
        accepted = client.post(f"{ENDPOINTS}/{id_}/test", headers=anna)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "pending")
        assert accepted.json()["next_attempt_at"] is not None
        again = client.post(f"{ENDPOINTS}/{id_}/test", headers=anna)
        refused(again, 429, "tried_too_soon")
        assert again.headers["Retry-After"] == "10"
        delivered(house, 1)
        path = f"{DELIVERIES}/{accepted.json()['id']}"
        seen = client.get(path, headers=anna).json()
        assert (seen["type"], seen["status"], seen["attempts"]) == ("ping", "succeeded", 1)
        assert (seen["answer_status"], seen["answer"]) == (200, "thanks")
        assert seen["body"].encode() == receiver.requests[0].body
        assert seen["next_attempt_at"] is None
        assert seen["completed_at"] >= seen["created_at"]
        refused(client.post(f"{path}/resend", headers=anna), 429, "tried_too_soon")
        with house.db.write() as tx:
            # Long enough ago to be sent again, and not so long that a duty would purge it.
            tx.execute(text("UPDATE deliveries SET completed_at = completed_at - 60000000"))
        resent = client.post(f"{path}/resend", headers=anna)
        assert (resent.status_code, resent.json()["status"]) == (202, "pending")
        receiver.wait_for(2, 90)
        assert receiver.ids() == [seen["event_id"]] * 2


def test_deliveries_are_paged_and_filtered(client: TestClient, anna: dict[str, str]) -> None:
    """By endpoint and status, newest first."""
    first, second = (add(client, anna, HERE)["id"] for _ in range(2))
    sent = [
        client.post(f"{ENDPOINTS}/{one}/test", headers=anna).json()["id"] for one in (first, second)
    ]
    page = client.get(DELIVERIES, params={"limit": 1}, headers=anna).json()
    assert [one["id"] for one in page["items"]] == sent[1:]
    assert "body" not in page["items"][0]
    rest = client.get(DELIVERIES, params={"cursor": page["next_cursor"]}, headers=anna).json()
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (sent[:1], None)
    for params, count in (
        ({"endpoint": first}, 1),
        ({"endpoint": first, "status": "pending"}, 1),
        ({"status": "succeeded"}, 0),
    ):
        assert len(client.get(DELIVERIES, params=params, headers=anna).json()["items"]) == count
    for params in ({"status": "lost"}, {"limit": 0}, {"cursor": "?"}, {"endpoint": "x" * 37}):
        refused(client.get(DELIVERIES, params=params, headers=anna), 422, "invalid_input")


def test_a_disabled_endpoint_can_be_enabled(
    shared: tuple[TestClient, House], anna: dict[str, str]
) -> None:
    """Until then neither tests nor re-sends go out."""
    client, house = shared
    id_ = add(client, anna, HERE)["id"]
    delivery = client.post(f"{ENDPOINTS}/{id_}/test", headers=anna).json()["id"]
    with house.db.write() as tx:
        tx.execute(
            text("UPDATE webhook_endpoints SET status = 'disabled', failures = 10 WHERE id = :id"),
            {"id": id_},
        )
    refused(client.post(f"{ENDPOINTS}/{id_}/test", headers=anna), 409, "endpoint_disabled")
    refused(client.post(f"{DELIVERIES}/{delivery}/resend", headers=anna), 409, "endpoint_disabled")
    assert client.get(f"{ENDPOINTS}/{id_}", headers=anna).json()["status"] == "disabled"
    enabled = client.post(f"{ENDPOINTS}/{id_}/enable", headers=anna).json()
    assert (enabled["status"], enabled["failures"]) == ("active", 0)


def test_the_alert_is_set_and_taken_away(client: TestClient, anna: dict[str, str]) -> None:
    """A threshold is a whole number of credits, or null."""
    path = "/v1/balance/alert"
    assert client.get(path, headers=anna).json() == {"below": None}
    for below in (100, 2**53 - 1, 1, None):
        assert client.put(path, json={"below": below}, headers=anna).json() == {"below": below}
        assert client.get(path, headers=anna).json() == {"below": below}
    for wrong in (
        {},
        {"below": 0},
        {"below": -1},
        {"below": 1.5},
        {"below": "5"},
        {"below": True},
        {"below": 2**53},
        {"below": 5, "above": 1},
    ):
        refused(client.put(path, json=wrong, headers=anna), 422, "invalid_input")
    assert client.get(path, headers=anna).json() == {"below": None}


def test_a_low_balance_is_an_email_in_the_language_of_registration(
    opened: tuple[TestClient, House], tmp_path: Path
) -> None:
    """Top to bottom: who registers in Russian is told in Russian, at the address of registration."""
    client, house = opened
    form = {"username": "вера", "email": "vera@example.com", "password": PASSWORD}
    registered = client.post("/v1/auth/register", json=form, headers={"Accept-Language": "ru"})
    assert registered.status_code == 201
    assert registered.json()["language"] == "ru"
    vera = sign_in(client, "вера")
    client.put("/v1/balance/alert", json={"below": 4950}, headers=vera)
    admin = sign_in(client, "admin")
    adjustment = {"amount": -60, "reason": "for the test"}
    client.post(
        f"/v1/admin/users/{registered.json()['id']}/adjustments", json=adjustment, headers=admin
    )
    delivered(house, 1)
    (letter,) = (tmp_path / "outbox").iterdir()
    assert "To: vera@example.com" in letter.read_text()
    assert "Доступно кредитов: 4\N{NO-BREAK SPACE}940" in letter.read_text()
    assert users.user(house.db, registered.json()["id"]).language == "ru"


def test_nobody_writes_to_a_blocked_user(shared: tuple[TestClient, House]) -> None:
    """Nor to one who is not there; English is the language of those who said nothing."""
    client, house = shared
    sign_up(client, "boris")
    with house.db.write() as tx:
        id_ = tx.execute(text("SELECT id FROM users WHERE username = 'boris'")).scalar_one()
    assert users.recipient(house.db, id_) == ("boris@example.com", "en")
    with house.db.write() as tx:
        tx.execute(text("UPDATE users SET status = 'blocked' WHERE username = 'boris'"))
    assert users.recipient(house.db, id_) is None
    assert users.recipient(house.db, new_id()) is None


def test_starting_seals_secrets_under_the_present_key(
    shared: tuple[TestClient, House], anna: dict[str, str]
) -> None:
    """After a change of keys and one start the key before is not needed any more."""
    client, house = shared
    added = add(client, anna)
    key = "the-next-secret-of-the-tests-and-of-nobody"
    changed = house.settings.model_copy(
        update={"secret_key": SecretStr(key), "previous_secret_key": house.settings.secret_key}
    )
    bootstrap.prepare(changed)
    with house.db.read() as tx:
        sealed = tx.execute(
            text("SELECT sealed_secret FROM webhook_endpoints WHERE id = :id"), {"id": added["id"]}
        ).scalar_one()
    assert Sealer(key).open(sealed, added["id"]) == added["secret"]
