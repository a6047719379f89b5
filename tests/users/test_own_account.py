"""What people change about themselves, and where they are signed in."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.kit.clock import SECOND, now, rfc3339
from augury.kit.ids import first_id
from augury.users import sessions
from augury.users.sessions import purge
from augury.users.tables import sessions as rows
from augury.users.tables import users
from augury.users.tokens import REFRESH_SECONDS
from support.houses import PASSWORD, sign_up
from users.houses import Opened, bearing, house_on, letters, log_of, refreshed, tokens

NEW = "an otter under the bridge"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """A house without mail, on either database."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "none").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        # A house purges in a thread when it opens; that may come late, before a test that counts.
        patch.setattr(sessions, "purge", lambda *_: 0)
        with house_on(request, folder, models_dir=folder / "none") as pair:
            yield pair


def me(client: TestClient, who: dict[str, str]) -> Any:
    return client.get("/v1/me", headers=who).json()


def put(client: TestClient, who: dict[str, str], what: str, **form: str) -> Any:
    return client.put(f"/v1/me/{what}", headers=who, json=form)


def test_a_house_without_mail_says_what_the_operator_can_do(client: TestClient) -> None:
    """To everybody alike, and makes no link."""
    sign_up(client, "alone")
    for name in ("alone", "nobody"):
        body = {"email": f"{name}@example.com"}
        answer = client.post("/v1/auth/password/forgot", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "mail_not_configured")
        assert "augury admin reset-link" in answer.json()["detail"]


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    client: TestClient, house: House
) -> None:
    """Its tokens go on; those of the others are refused at once."""
    sign_up(client, "anna")
    mine, other = tokens(client, "anna"), tokens(client, "anna")
    who = bearing(mine)
    wrong = put(client, who, "password", current_password="wrong", new_password=NEW)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    weak = put(client, who, "password", current_password=PASSWORD, new_password="1234567890")
    assert weak.json()["errors"][0]["pointer"] == "/new_password"
    answer = put(client, who, "password", current_password=PASSWORD, new_password=NEW)
    assert (answer.status_code, answer.json()) == (200, {"ended_sessions": 2})
    user_id = me(client, who)["id"]
    assert client.get("/v1/me", headers=bearing(other)).status_code == 401
    assert refreshed(client, other.json()["refresh_token"]) == 401
    assert refreshed(client, mine.json()["refresh_token"]) == 200
    assert tokens(client, "anna").status_code == 401
    assert tokens(client, "anna", NEW).status_code == 200
    found = {one.action for one in log_of(house, user_id)}
    assert {"password.mistaken", "password.changed"} <= found
    assert [one.mail for _, one, _ in letters(house, user_id)] == ["password_changed"]


def test_an_address_is_changed_with_the_password_and_the_old_one_is_told(
    client: TestClient, house: House
) -> None:
    """It is one person's only, in letters of any case, and the log has none of it."""
    sign_up(client, "taken")
    who = sign_up(client, "berta")
    user_id = me(client, who)["id"]
    taken = put(client, who, "email", current_password=PASSWORD, email="TAKEN@example.com")
    assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
    odd = put(client, who, "email", current_password=PASSWORD, email="nowhere")
    assert odd.json()["errors"][0]["pointer"] == "/email"
    wrong = put(client, who, "email", current_password="no", email="b@example.org")
    assert wrong.status_code == 403
    done = put(client, who, "email", current_password=PASSWORD, email="B@example.org")
    assert (done.status_code, done.json()["email"]) == (200, "B@example.org")
    assert tokens(client, "b@example.org").status_code == 200
    ((_, letter, _),) = letters(house, user_id)
    assert (letter.mail, letter.to) == ("email_changed", ("berta@example.com", "en"))
    changed = next(one for one in log_of(house, user_id) if one.action == "user.email_changed")
    assert changed.details == {}


def test_the_language_of_mails_can_be_chosen(client: TestClient, house: House) -> None:
    """Written down once, however often it is chosen."""
    who = sign_up(client, "carl")
    for _ in range(2):
        answer = client.patch("/v1/me", headers=who, json={"language": "ru"})
        assert answer.json()["language"] == "ru"
    user = me(client, who)
    assert user["language"] == "ru"
    told = [one.details for one in log_of(house, user["id"]) if one.action == "user.language"]
    assert told == [{"before": "en", "now": "ru"}]
    assert client.patch("/v1/me", headers=who, json={"language": "fr"}).status_code == 422


def test_sessions_are_told_apart_and_end_one_by_one(client: TestClient) -> None:
    """With program and address, and which of them asks; what is over is not there."""
    sign_up(client, "dora")
    mine, other = tokens(client, "dora", agent=FIREFOX), tokens(client, "dora", agent="curl/8.5.0")
    who = bearing(mine)

    def shown() -> Any:
        return client.get("/v1/me/sessions", headers=who).json()["items"]

    curl, firefox, first = shown()
    assert (firefox["agent"], firefox["current"]) == ("Firefox 141, Linux", True)
    assert (curl["agent"], curl["current"], curl["address"]) == ("curl/8", False, "testclient")
    assert curl["last_used_at"] >= curl["created_at"]
    path = f"/v1/me/sessions/{curl['id']}"
    assert client.delete(path, headers=who).status_code == 204
    assert client.delete(path, headers=who).status_code == 404
    assert client.get("/v1/me", headers=bearing(other)).status_code == 401
    assert [one["id"] for one in shown()] == [firefox["id"], first["id"]]
    assert client.delete("/v1/me/sessions", headers=who).json() == {"ended_sessions": 1}
    assert client.delete("/v1/me/sessions", headers=who).json() == {"ended_sessions": 0}
    assert [one["id"] for one in shown()] == [firefox["id"]]
    stranger = sign_up(client, "stranger")
    foreign = f"/v1/me/sessions/{firefox['id']}"
    assert client.delete(foreign, headers=stranger).status_code == 404
    page = client.get("/v1/me/sessions?limit=1", headers=who).json()
    assert page["next_cursor"] is None


def test_the_last_use_of_a_session_moves_with_its_refresh(client: TestClient) -> None:
    """So do the address and the program."""
    sign_up(client, "emil")
    mine = tokens(client, "emil", agent="curl/8.5.0").json()
    form = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    answer = client.post("/v1/auth/token", data=form, headers={"User-Agent": FIREFOX})
    newest, _ = client.get("/v1/me/sessions", headers=bearing(answer)).json()["items"]
    assert newest["agent"] == "Firefox 141, Linux"
    assert newest["last_used_at"] > newest["created_at"]


def test_sessions_that_have_expired_are_deleted_and_their_user_was_seen_all_the_same(
    client: TestClient, house: House
) -> None:
    """Those that go on stay, however long ago they began."""
    who = sign_up(client, "fritz")
    user_id = me(client, who)["id"]
    tokens(client, "fritz")
    past = now() - (REFRESH_SECONDS + 3600) * SECOND
    seen = past - 5 * SECOND
    with house.db.write() as tx:
        old, long = (first_id(past - place) for place in (20_000, 10_000))
        new, newer = tx.execute(
            select(rows.c.id).where(rows.c.user_id == user_id).order_by(rows.c.id)
        ).scalars()
        expired = {"id": old, "expires_at": seen + REFRESH_SECONDS * SECOND}
        tx.execute(update(rows).where(rows.c.id == new).values(**expired))
        tx.execute(update(rows).where(rows.c.id == newer).values(id=long))
        tx.execute(update(users).where(users.c.id == user_id).values(created_at=past))
    assert purge(house.db, threading.Event()) == 1
    with house.db.write() as tx:
        left = tx.execute(select(rows.c.id).where(rows.c.user_id == user_id)).scalars().all()
        assert left == [long]
        tx.execute(rows.delete().where(rows.c.id == long))
    boss = bearing(tokens(client, "admin"))
    told = client.get(f"/v1/admin/users/{user_id}", headers=boss).json()
    assert told["last_seen_at"] == rfc3339(seen)
