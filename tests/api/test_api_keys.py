"""API keys over HTTP: shown once, good for what they are for, and refused when they are over."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from augury.api.app import create_app
from augury.audit_log.service import events
from augury.bootstrap import House
from augury.kit import clock
from augury.kit.db import Database
from augury.users.gate import Gate
from augury.users.tokens import Unauthenticated
from support.houses import order, sign_in, sign_up

_JSON = {"Content-Type": "application/json"}


def make(client: TestClient, who: dict[str, str], **wish: Any) -> dict[str, Any]:
    """Return a new key as the API tells of it."""
    answer = client.post("/v1/api-keys", headers=who, json={"name": "nightly", **wish})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def buy(client: TestClient, who: dict[str, str]) -> Any:
    return client.post("/v1/predictions", content=order(), headers=who | _JSON)


def test_a_key_is_shown_once_and_kept_as_a_digest(
    client: TestClient, house: House, anna: dict[str, str]
) -> None:
    """Neither the list nor the database nor the log has more than how it begins."""
    made = make(client, anna, credit_limit=500)
    assert made["key"].startswith(made["start"])
    assert made["start"].startswith("aug_")
    assert len(made["key"]) - len(made["start"]) == 28
    assert made["scopes"] == ["predict", "read"]
    listed = client.get("/v1/api-keys", headers=anna).json()["items"][0]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    with house.db.read() as tx:
        stored = str(tx.execute(text("SELECT * FROM api_keys")).all())
        log = str([event.details for event in events(tx, limit=1000)])
    assert made["start"] in stored
    assert made["key"] not in stored + log
    assert made["key"].removeprefix(made["start"]) not in stored + log


def test_a_key_buys_and_reads(client: TestClient, anna: dict[str, str]) -> None:
    """Wherever a customer's token is taken; what it spends is told."""
    key = make(client, anna)
    sold = buy(client, bearer(key))
    assert sold.status_code == 201, sold.text
    found = client.get(f"/v1/predictions/{sold.json()['id']}", headers=bearer(key))
    assert found.status_code == 200
    for path in ("/v1/me", "/v1/balance", "/v1/predictions", "/v1/transactions", "/v1/batches"):
        assert client.get(path, headers=bearer(key)).status_code == 200, path
    listed = client.get("/v1/api-keys", headers=anna).json()["items"][0]
    assert listed["credits_used"] == sold.json()["price"]


def test_scopes_are_held_to(client: TestClient, anna: dict[str, str]) -> None:
    """`read` buys nothing, `predict` reads nothing."""
    reading, buying = (make(client, anna, scopes=[scope]) for scope in ("read", "predict"))
    assert client.get("/v1/balance", headers=bearer(reading)).status_code == 200
    quote = client.post("/v1/quotes", content=order(), headers=bearer(buying) | _JSON)
    assert quote.status_code == 200
    for answer in (
        buy(client, bearer(reading)),
        client.post("/v1/quotes", content=order(), headers=bearer(reading) | _JSON),
        client.post("/v1/batches", headers=bearer(reading)),
        client.get("/v1/balance", headers=bearer(buying)),
        client.get("/v1/predictions", headers=bearer(buying)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_no_key_does_what_takes_a_person(client: TestClient, admin: dict[str, str]) -> None:
    """Money, keys, sessions and everything of administrators, whose keys these are."""
    key = bearer(make(client, admin))
    paths = client.get("/openapi.json").json()["paths"]
    asked = [
        (method, path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if operation.get("security")
        and (
            path.startswith(("/v1/admin/", "/v1/api-keys", "/v1/vouchers", "/v1/payment-methods"))
            or (method != "get" and path.startswith(("/v1/top-ups", "/v1/balance", "/v1/webhook")))
            or path == "/v1/auth/logout"
        )
    ]
    assert len(asked) > 40
    for method, path in asked:
        answer = client.request(method, path, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)


def test_a_limit_is_refused_with_what_is_left(client: TestClient, anna: dict[str, str]) -> None:
    """402 with a code of its own; the balance is not the reason."""
    key = bearer(make(client, anna, credit_limit=15))
    assert buy(client, key).status_code == 201
    refused = buy(client, key)
    assert refused.status_code == 402
    told = refused.json()
    assert (told["code"], told["required"], told["left"]) == ("key_limit_reached", 10, 5)
    later = client.post(
        "/v1/predictions", content=order(), headers=key | _JSON | {"Prefer": "respond-async"}
    )
    assert later.json()["code"] == "key_limit_reached"


def test_a_revoked_key_is_refused_at_once(
    client: TestClient, house: House, anna: dict[str, str]
) -> None:
    """Here with the answer; in another process at its next look, which is twice a second."""
    made = make(client, anna)
    elsewhere = Gate(house.db, house.tokens)
    elsewhere.refresh()
    assert elsewhere.identify(made["key"]).api_key_id == made["id"]
    assert elsewhere.recognise(made["key"]) is not None
    assert buy(client, bearer(made)).status_code == 201
    boris = sign_up(client, "boris-of-keys")
    path = f"/v1/api-keys/{made['id']}"
    assert client.delete(path, headers=boris).status_code == 404
    assert client.delete(path, headers=anna).status_code == 204
    assert client.delete(path, headers=anna).status_code == 404
    for answer in (buy(client, bearer(made)), client.get("/v1/me", headers=bearer(made))):
        assert answer.status_code == 401
    assert elsewhere.refresh()
    with pytest.raises(Unauthenticated):
        elsewhere.identify(made["key"])
    assert made["id"] not in client.get("/v1/api-keys", headers=anna).text


def test_a_key_that_was_looked_up_before_its_end_is_not_remembered_after_it(
    client: TestClient, house: House, anna: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow look that began before the revocation must not bring the key back."""
    made = make(client, anna)
    db = Database(house.settings.database_url)  # no duty of the house reads through it
    gate = Gate(db, house.tokens)
    gate.refresh()
    read = db.read

    def slow() -> Any:
        monkeypatch.undo()
        context = read()
        tx = context.__enter__()
        tx.execute(text("SELECT 1 FROM api_keys")).first()  # the snapshot is taken here
        client.delete(f"/v1/api-keys/{made['id']}", headers=anna)
        gate.refresh()

        class Held:
            def __enter__(self) -> Any:
                return tx

            def __exit__(self, *_: object) -> None:
                context.__exit__(None, None, None)

        return Held()

    monkeypatch.setattr(db, "read", slow)
    gate.look_up(made["key"])
    assert gate.recognise(made["key"]) is None
    db.close()


def test_a_key_expires(
    client: TestClient, anna: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every process at its moment; and a moment that has passed is refused."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    key = bearer(make(client, anna, expires_at=soon.isoformat()))
    assert client.get("/v1/balance", headers=key).status_code == 200
    later = time.time_ns() // 1000 + 2 * 3600 * clock.SECOND
    monkeypatch.setattr("augury.users.gate.now", lambda: later)
    assert client.get("/v1/balance", headers=key).status_code == 401
    past = {"name": "late", "expires_at": "2020-01-01T00:00:00Z"}
    refused = client.post("/v1/api-keys", headers=anna, json=past)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/expires_at"


@pytest.mark.parametrize(
    "key", ["aug_", "aug_nonsense", "aug_" + "x" * 40, "aug_é", "aug_" + "x" * 5000]
)
def test_what_is_no_key_is_refused(client: TestClient, key: str) -> None:
    """As any token that is none."""
    who: Any = {"Authorization": f"Bearer {key}".encode("latin-1")}
    for answer in (
        client.get("/v1/me", headers=who),
        client.post("/v1/predictions", content=order(), headers=who | _JSON),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_key_with_the_right_beginning_and_another_end_is_refused(
    client: TestClient, anna: dict[str, str]
) -> None:
    """How it begins is no secret."""
    made = make(client, anna)
    forged = {"key": made["start"] + "x" * 28}
    assert client.get("/v1/me", headers=bearer(forged)).status_code == 401


def test_nobody_has_more_than_fifty(client: TestClient) -> None:
    """And revoking one makes room."""
    who = sign_up(client, "collector")
    made = [make(client, who) for _ in range(50)]
    refused = client.post("/v1/api-keys", headers=who, json={"name": "one more"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    client.delete(f"/v1/api-keys/{made[0]['id']}", headers=who)
    make(client, who)
    first = client.get("/v1/api-keys?limit=30", headers=who).json()
    rest = client.get(
        "/v1/api-keys", params={"limit": 30, "cursor": first["next_cursor"]}, headers=who
    ).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (30, 20, None)


def test_the_last_use_is_noted_now_and_then(
    client: TestClient, house: House, anna: dict[str, str]
) -> None:
    """By a duty of each process, not by each request."""
    made = make(client, anna, scopes=["read"])
    gate = Gate(house.db, house.tokens)
    gate.refresh()
    # Its worker is not started: nobody notes anything behind our back.
    resting = TestClient(create_app(dataclasses.replace(house, gate=gate)))
    assert resting.get("/v1/balance", headers=bearer(made)).status_code == 200
    assert _listed(client, anna, made)["last_used_at"] is None
    assert gate.note_uses() == 1
    assert _listed(client, anna, made)["last_used_at"] > made["created_at"]
    assert gate.note_uses() == 0


def _listed(client: TestClient, who: dict[str, str], made: dict[str, Any]) -> dict[str, Any]:
    items = client.get("/v1/api-keys", headers=who).json()["items"]
    return next(item for item in items if item["id"] == made["id"])


def test_keys_are_in_the_audit_log(client: TestClient, house: House, anna: dict[str, str]) -> None:
    """When they are made and when they are revoked, with what they were for."""
    made = make(client, anna, credit_limit=7)
    client.delete(f"/v1/api-keys/{made['id']}", headers=anna)
    with house.db.read() as tx:
        revoked, created = events(tx, limit=2, subject=f"api_key:{made['id']}")
    assert (created.action, revoked.action) == ("api_key.created", "api_key.revoked")
    assert created.details["credit_limit"] == 7
    assert created.details["scopes"] == ["predict", "read"]
    assert created.actor_id == revoked.actor_id == created.details["user"]


def test_a_blocked_user_is_out_everywhere(client: TestClient, house: House) -> None:
    """Access token, refresh token, API key and password; in another process at its next look."""
    who, admin = sign_up(client, "clara"), sign_in(client, "admin")
    form = {"username": "clara", "password": "correct horse battery"}
    granted = client.post("/v1/auth/token", data=form).json()
    made = make(client, who)
    token = who["Authorization"].removeprefix("Bearer ")
    elsewhere = Gate(house.db, house.tokens)
    elsewhere.refresh()
    assert elsewhere.identify(token).user_id == elsewhere.identify(made["key"]).user_id
    id_ = client.get("/v1/me", headers=who).json()["id"]
    blocked = client.patch(f"/v1/admin/users/{id_}", headers=admin, json={"status": "blocked"})
    assert (blocked.status_code, blocked.json()["status"]) == (200, "blocked")
    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    for answer in (
        client.get("/v1/me", headers=who),
        buy(client, who),
        client.get("/v1/me", headers=bearer(made)),
        buy(client, bearer(made)),
        client.post("/v1/auth/token", data=form),
        client.post("/v1/auth/token", data=again),
    ):
        assert answer.status_code == 401, answer.text
    assert elsewhere.refresh()
    for text_ in (token, made["key"]):
        with pytest.raises(Unauthenticated):
            elsewhere.identify(text_)
    client.patch(f"/v1/admin/users/{id_}", headers=admin, json={"status": "active"})
    assert client.get("/v1/me", headers=bearer(made)).status_code == 200
    assert client.post("/v1/auth/token", data=again).status_code == 401
    assert client.post("/v1/auth/token", data=form).status_code == 200
