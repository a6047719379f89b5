"""Sign-in: the same answer to every guess, refresh tokens that work once, and who is kept out."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from limits.storage import memory
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import select, update
from starlette.testclient import TestClient

from augury.api import limits
from augury.bootstrap import House
from augury.users.tables import sessions, users
from support.databases import sqlite_database
from support.houses import PASSWORD, open_house, settings_for, sign_in, sign_up


def token(client: TestClient, username: str, password: str = PASSWORD, **headers: str) -> Any:
    """Ask for tokens with a password."""
    form = {"grant_type": "password", "username": username, "password": password}
    return client.post("/v1/auth/token", data=form, headers=headers)


def refresh(client: TestClient, refresh_token: str) -> Any:
    """Ask for tokens with a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/v1/auth/token", data=form)


@pytest.fixture(scope="module")
def anna(opened: tuple[TestClient, House]) -> str:
    """A customer of this file's house."""
    sign_up(opened[0], "anna")
    return "anna"


def test_tokens_come_as_oauth_wants_them(client: TestClient, anna: str) -> None:
    """A sign-in gives a bearer token of fifteen minutes and a refresh token."""
    granted = token(client, anna).json()
    assert granted.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (granted["token_type"], granted["expires_in"]) == ("bearer", 900)


@pytest.mark.parametrize("name", ["anna", "ANNA", "anna@example.com", "Anna@Example.COM"])
def test_the_address_signs_in_as_well_as_the_name(client: TestClient, anna: str, name: str) -> None:
    """Name or e-mail address, in letters of any case."""
    assert client.get("/v1/me", headers=sign_in(client, name)).json()["username"] == anna


def _guess(client: TestClient, monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[Any, list[str]]:
    """Return the answer to a wrong guess, and the cost of every hash that was verified for it."""
    costs: list[str] = []
    verify = BcryptHasher.verify

    def counted(self: BcryptHasher, password: str | bytes, stored: str | bytes) -> bool:
        costs.append(str(stored)[:7])
        return verify(self, password, stored)

    with monkeypatch.context() as patch:
        patch.setattr(BcryptHasher, "verify", counted)
        return token(client, name, "a wrong password"), costs


def test_a_stranger_and_a_wrong_password_look_alike(
    client: TestClient, house: House, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer and the hashing work are the same for unknown users, wrong passwords and the blocked."""
    sign_up(client, "barred")
    with house.db.write() as tx:
        tx.execute(update(users).where(users.c.username == "barred").values(status="blocked"))
    answers = [
        _guess(client, monkeypatch, name) for name in (anna, "nobody", "barred", "no\x00body")
    ]
    for answer, costs in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert costs == ["$2b$12$"]
    told = [{**answer.json(), "request_id": ""} for answer, _ in answers]
    assert all(one == told[0] for one in told)
    assert told[0]["code"] == "invalid_credentials"


def test_odd_names_are_unknown_on_both_databases(database_url: str, tmp_path: Path) -> None:
    """NUL and other characters that a database may dislike are a refused sign-in and not an error."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        for name in ("a\x00b", "admin\x00", "\x00", "' OR 1=1 --", "🙂", "%", "\u202eanna"):
            answer = token(client, name)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials"), name


def test_the_blocked_are_kept_out(client: TestClient, house: House) -> None:
    """A blocked user neither signs in with the right password nor lives on by refresh tokens."""
    sign_up(client, "viktor")
    granted = token(client, "viktor").json()
    with house.db.write() as tx:
        tx.execute(update(users).where(users.c.username == "viktor").values(status="blocked"))
    assert token(client, "viktor").status_code == 401
    assert refresh(client, granted["refresh_token"]).status_code == 401


def test_a_refresh_token_works_once(client: TestClient, anna: str) -> None:
    """Refreshing gives new tokens; the new ones work on, generation after generation."""
    granted = token(client, anna).json()
    seen = {granted["refresh_token"]}
    for _ in range(3):
        answer = refresh(client, granted["refresh_token"])
        assert answer.status_code == 200
        granted = answer.json()
        headers = {"Authorization": f"Bearer {granted['access_token']}"}
        assert client.get("/v1/me", headers=headers).json()["username"] == anna
        assert granted["refresh_token"] not in seen
        seen.add(granted["refresh_token"])


def test_a_stolen_refresh_token_ends_its_session_only(client: TestClient, anna: str) -> None:
    """When a used token comes again, the newest of that session dies too; other sessions live."""
    other = token(client, anna).json()
    first = token(client, anna).json()["refresh_token"]
    newest = refresh(client, first).json()["refresh_token"]
    assert refresh(client, first).status_code == 401
    assert refresh(client, newest).status_code == 401
    assert refresh(client, other["refresh_token"]).status_code == 200


def _forgeries(genuine: str) -> list[str]:
    session, generation, signature = genuine.split(".")
    return [
        f"{session}.{int(generation) + 1}.{signature}",
        f"{session}.{generation}.{'0' * len(signature)}",
        f"{session}.{generation}.",
        f"{session}.{generation}",
        session,
        f"{session}.-1.{signature}",
        f"{session}.x.{signature}",
        f"{session}.{generation}.{signature}ё",
        f"{session}.{generation}.{signature.upper()}",
        f"{session}.{'9' * 120}.{signature}",
        "",
        "...",
        "\x00",
        "ё",
    ]


def test_guessing_a_refresh_token_revokes_nothing(client: TestClient, anna: str) -> None:
    """Who knows a session's id and guesses the rest is refused, and its owner stays signed in."""
    genuine = token(client, anna).json()["refresh_token"]
    for forged in _forgeries(genuine):
        answer = refresh(client, forged)
        assert answer.status_code in {401, 422}, forged
    assert refresh(client, genuine).status_code == 200


def test_a_refresh_token_is_no_access_token(client: TestClient, anna: str) -> None:
    """Neither kind of token does the other's work."""
    granted = token(client, anna).json()
    headers = {"Authorization": f"Bearer {granted['refresh_token']}"}
    assert client.get("/v1/me", headers=headers).status_code == 401
    assert refresh(client, granted["access_token"][:200]).status_code == 401


def test_signing_out_ends_the_session(client: TestClient, anna: str) -> None:
    """After logout this session's refresh token is useless; another session is not touched."""
    here, elsewhere = token(client, anna).json(), token(client, anna).json()
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    assert client.post("/v1/auth/logout", headers=headers).status_code == 204
    assert client.post("/v1/auth/logout", headers=headers).status_code == 204
    assert refresh(client, here["refresh_token"]).status_code == 401
    assert refresh(client, elsewhere["refresh_token"]).status_code == 200
    assert client.post("/v1/auth/logout").status_code == 401


def test_an_old_session_ends_by_itself(client: TestClient, house: House, anna: str) -> None:
    """A session that nobody refreshed in time is over."""
    granted = token(client, anna).json()
    session = granted["refresh_token"].split(".")[0]
    with house.db.write() as tx:
        assert tx.execute(select(sessions).where(sessions.c.id == session)).one().expires_at
        tx.execute(update(sessions).where(sessions.c.id == session).values(expires_at=1))
    assert refresh(client, granted["refresh_token"]).status_code == 401


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({}, "/username"),
        ({"username": "anna"}, "/password"),
        ({"password": "x"}, "/username"),
        ({"grant_type": "refresh_token"}, "/refresh_token"),
        ({"grant_type": "client_credentials"}, "/grant_type"),
        ({"username": "a" * 300, "password": "x"}, "/username"),
        ({"username": "anna", "password": "x" * 1001}, "/password"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 201}, "/refresh_token"),
    ],
)
def test_an_incomplete_form_is_told_what_is_missing(
    client: TestClient, form: dict[str, str], pointer: str
) -> None:
    """A token request with a part missing or oversized is a fault of the input."""
    answer = client.post("/v1/auth/token", data=form)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.fixture
def one_moment() -> Iterator[None]:
    """All attempts are of the same minute, however long they take."""
    moment = time.time()
    clock = SimpleNamespace(time=lambda: moment)
    with pytest.MonkeyPatch.context() as patch:
        for module in (memory, limits):
            patch.setattr(module, "time", clock)
        yield


def test_guessing_is_slowed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_moment: None
) -> None:
    """After ten failed sign-ins for a name, more are refused untried, with the time to come back."""
    settings = settings_for(sqlite_database(tmp_path), tmp_path).model_copy(
        update={"rate_limits": "on"}
    )
    with open_house(settings) as (client, _):
        sign_up(client, "anna")
        monkeypatch.setattr(BcryptHasher, "verify", lambda *_: False)
        codes = [token(client, "anna", "wrong").status_code for _ in range(10)]
        assert codes == [401] * 10
        monkeypatch.undo()
        for name in ("anna", "ANNA"):
            refused = token(client, name)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert token(client, "admin").status_code == 200, "others are not punished"


def test_attempts_from_one_address_are_limited(tmp_path: Path, one_moment: None) -> None:
    """One address cannot try name after name without end, whatever it tries."""
    settings = settings_for(sqlite_database(tmp_path), tmp_path).model_copy(
        update={"rate_limits": "on"}
    )
    with open_house(settings) as (client, _):
        codes = [refresh(client, f"guess {n}").status_code for n in range(121)]
        assert codes == [401] * 120 + [429]
        assert client.get("/v1/models").status_code == 200


def test_refreshing_is_not_guessing(tmp_path: Path, one_moment: None) -> None:
    """Good refreshes do not count towards the limit of an address, and work when it is used up."""
    settings = settings_for(sqlite_database(tmp_path), tmp_path).model_copy(
        update={"rate_limits": "on"}
    )
    with open_house(settings) as (client, _):
        sign_up(client, "anna")  # two attempts
        granted = token(client, "anna").json()  # the third
        for _ in range(130):
            answer = refresh(client, granted["refresh_token"])
            assert answer.status_code == 200
            granted = answer.json()
        codes = [refresh(client, f"guess {n}").status_code for n in range(118)]
        assert codes == [401] * 117 + [429]
        assert refresh(client, granted["refresh_token"]).status_code == 200


def test_without_limits_nobody_is_slowed_down(
    client: TestClient, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limits off, failures are only failures."""
    monkeypatch.setattr(BcryptHasher, "verify", lambda *_: False)
    assert {token(client, anna, "wrong").status_code for _ in range(15)} == {401}
    monkeypatch.undo()
    assert token(client, anna).status_code == 200
