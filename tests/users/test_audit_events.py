"""What people do at the door is in the audit log: who, from where, and what came of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.audit_log.service import AuditEvent, events
from augury.bootstrap import House
from support.databases import postgres_database, sqlite_database
from support.houses import PASSWORD, open_house, settings_for


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, House]]:
    """One house for the file, on either database, with nothing on sale."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "none").mkdir()
    if request.param == "sqlite":
        with _open(sqlite_database(folder), folder) as pair:
            yield pair
    else:
        with (
            postgres_database(request.getfixturevalue("postgres")) as url,
            _open(url, folder) as pair,
        ):
            yield pair


def _open(url: str, folder: Path) -> Any:
    return open_house(settings_for(url, folder, models_dir=folder / "none"))


def register(client: TestClient, name: str) -> Any:
    form = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    return client.post("/v1/auth/register", json=form)


def token(client: TestClient, name: str, password: str = PASSWORD) -> Any:
    return client.post("/v1/auth/token", data={"username": name, "password": password})


def refresh(client: TestClient, refresh_token: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/v1/auth/token", data=form)


def newest(house: House, count: int = 1) -> list[AuditEvent]:
    with house.db.read() as tx:
        return events(tx, limit=count)


def test_a_registration_and_a_sign_in_are_in_the_log(client: TestClient, house: House) -> None:
    """By the customer, with address and request; nothing of the password or the tokens."""
    user = register(client, "anna").json()
    answer = token(client, "anna")
    signed_in, registered = newest(house, 2)
    assert (registered.action, signed_in.action) == ("user.registered", "sign_in.succeeded")
    for one in (registered, signed_in):
        assert (one.actor_id, one.subject) == (user["id"], f"user:{user['id']}")
        assert one.address == "testclient"
    assert signed_in.request_id == answer.headers["X-Request-ID"]
    assert registered.details == {"role": "customer"}
    assert signed_in.details.keys() == {"session"}


def test_a_refused_registration_leaves_no_line(client: TestClient, house: House) -> None:
    """Somebody has the name already."""
    register(client, "berta")
    before = newest(house)
    assert register(client, "berta").status_code == 409
    assert newest(house) == before


def test_failures_say_whose_door_it_was_and_never_what_was_typed(
    client: TestClient, house: House
) -> None:
    """People type passwords into the field of the name."""
    user = register(client, "carl").json()
    answer = token(client, "carl", "a wrong password")
    (wrong,) = newest(house)
    assert (wrong.action, wrong.subject) == ("sign_in.failed", f"user:{user['id']}")
    assert (wrong.actor_id, wrong.address) == (None, "testclient")
    assert wrong.request_id == answer.headers["X-Request-ID"]
    assert wrong.details == {"because": "password"}
    token(client, "my secret typed here", "x")
    (unknown,) = newest(house)
    assert (unknown.subject, unknown.details) == ("user:unknown", {"because": "unknown"})


def test_the_end_of_a_session_is_in_the_log_once(client: TestClient, house: House) -> None:
    """By its owner, or because a refresh token came a second time."""
    register(client, "dora")
    granted = token(client, "dora").json()
    who = {"Authorization": f"Bearer {granted['access_token']}"}
    for _ in range(2):
        assert client.post("/v1/auth/logout", headers=who).status_code == 204
    ended, before = newest(house, 2)
    assert (ended.action, ended.details["because"]) == ("session.ended", "signed out")
    assert (before.action, before.details["session"]) == (
        "sign_in.succeeded",
        ended.details["session"],
    )
    assert ended.actor_id == before.actor_id
    granted = token(client, "dora").json()
    for _ in range(3):
        refresh(client, granted["refresh_token"])
    ended, before = newest(house, 2)
    assert (ended.details["because"], ended.actor_id) == ("reuse", None)
    assert before.action == "sign_in.succeeded"
