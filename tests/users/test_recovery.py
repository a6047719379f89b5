"""A forgotten password: a link that works once, and nobody learns who is known."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from augury.api.limits import AttemptLimits, RateLimited
from augury.api.routes import recovery as route
from augury.bootstrap import House
from augury.cli import admin
from augury.kit.clock import SECOND, now
from augury.users import recovery
from support.houses import PASSWORD, SECRET, sign_up
from users.houses import (
    NOBODY_LISTENS,
    Opened,
    bearing,
    house_on,
    letters,
    log_of,
    refreshed,
    tokens,
)

NEW = "an otter under the bridge"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """A house that sends mail, on either database."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "none").mkdir()
    with house_on(request, folder, models_dir=folder / "none", **NOBODY_LISTENS) as pair:
        yield pair


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "ANSWER_SECONDS", 0.0)


def forgot(client: TestClient, email: str) -> Any:
    return client.post("/v1/auth/password/forgot", json={"email": email})


def reset(client: TestClient, token: str, password: str = NEW) -> Any:
    form = {"token": token, "password": password}
    return client.post("/v1/auth/password/reset", json=form)


def id_of(client: TestClient, who: dict[str, str]) -> str:
    return str(client.get("/v1/me", headers=who).json()["id"])


def newest_secret(house: House, user_id: str) -> str:
    return [secret for kind, _, secret in letters(house, user_id) if secret][-1]


def test_a_link_gives_a_new_password_once_and_ends_every_session(
    client: TestClient, house: House
) -> None:
    """The old password, the refresh tokens and even the access tokens are good for nothing."""
    who = sign_up(client, "anna")
    user_id, other = id_of(client, who), tokens(client, "anna")
    assert forgot(client, "ANNA@example.com").status_code == 202
    secret = newest_secret(house, user_id)
    answer = reset(client, secret)
    assert (answer.status_code, answer.json()) == (200, {"ended_sessions": 2})
    assert tokens(client, "anna").status_code == 401
    assert tokens(client, "anna", NEW).status_code == 200
    assert refreshed(client, other.json()["refresh_token"]) == 401
    for headers in (who, bearing(other)):
        assert client.get("/v1/me", headers=headers).status_code == 401
    again = reset(client, secret, "yet another password")
    assert (again.status_code, again.json()["code"]) == (410, "reset_link_invalid")
    assert [one.action for one in log_of(house, user_id)][1:3] == [
        "sign_in.failed",
        "password.reset",
    ]
    assert [(kind, one.mail) for kind, one, _ in letters(house, user_id)] == [
        ("account.password_reset", "password_reset"),
        ("account.password", "password_changed"),
    ]


def test_the_answer_is_the_same_for_whoever_is_unknown(client: TestClient, house: House) -> None:
    """Nor does a mail go out; the audit log knows which it was, not what was typed."""
    who = sign_up(client, "berta")
    answers = [forgot(client, f"{name}@example.com") for name in ("berta", "nobody")]
    told = [
        (one.status_code, one.json(), {*one.headers} - {"x-request-id"}, len(one.content))
        for one in answers
    ]
    assert told[0] == told[1]
    assert len(letters(house, id_of(client, who))) == 1
    unknown = log_of(house, "unknown")[0]
    assert (unknown.action, unknown.details) == ("password_reset.asked", {"sent": False})


def test_the_answer_comes_after_the_same_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a moment that is fixed when the question comes."""
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(route, "ANSWER_SECONDS", 3600.0)
    monkeypatch.setattr(asyncio, "sleep", note)
    sign_up(client, "clock")
    for name in ("clock", "nobody"):
        forgot(client, f"{name}@example.com")
    assert len(waited) >= 2
    assert all(0 < one <= 3600 for one in waited)


def test_only_the_newest_link_works(client: TestClient, house: House) -> None:
    """And a password that will not do does not spend it."""
    user_id = id_of(client, sign_up(client, "carl"))
    secrets = []
    for _ in range(2):
        forgot(client, "carl@example.com")
        secrets.append(newest_secret(house, user_id))
    assert reset(client, secrets[0]).status_code == 410
    weak = reset(client, secrets[1], "carl")
    assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/password")
    assert reset(client, secrets[1]).status_code == 200


def test_a_mailbox_gets_three_links_an_hour(client: TestClient, house: House) -> None:
    """Who asks a fourth time is answered the same, and the third link goes on working."""
    user_id = id_of(client, sign_up(client, "dora"))
    assert [forgot(client, "dora@example.com").status_code for _ in range(4)] == [202] * 4
    sent = letters(house, user_id)
    assert len(sent) == recovery.MOST_AN_HOUR
    assert reset(client, sent[-1][2]).status_code == 200


def test_a_link_is_good_for_half_an_hour(
    client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mail is not sent later, either; nobody knows the link from the database alone."""
    user_id = id_of(client, sign_up(client, "emil"))
    forgot(client, "emil@example.com")
    ((_, letter, secret),) = letters(house, user_id)
    assert letter.until is not None
    assert secret not in str(letter)
    late = now() + (recovery.LINK_SECONDS + 1) * SECOND
    monkeypatch.setattr(recovery, "now", lambda: late)
    assert letter.until < late
    assert reset(client, secret).status_code == 410


def test_who_is_blocked_gets_no_link(client: TestClient, house: House) -> None:
    """Nor does a link of before work."""
    user_id = id_of(client, sign_up(client, "fritz"))
    forgot(client, "fritz@example.com")
    secret = newest_secret(house, user_id)
    boss = bearing(tokens(client, "admin"))
    client.patch(f"/v1/admin/users/{user_id}", headers=boss, json={"status": "blocked"})
    assert reset(client, secret).status_code == 410
    assert forgot(client, "fritz@example.com").status_code == 202
    assert len(letters(house, user_id)) == 1


@pytest.mark.parametrize("token", ["x", "ы" * 50, "../..", "0" * 200])
def test_what_is_no_link_opens_nothing(client: TestClient, token: str) -> None:
    """Whatever it looks like."""
    assert reset(client, token).json()["code"] == "reset_link_invalid"


def test_an_address_asks_ten_times_in_ten_minutes() -> None:
    """Then it waits, and others do not."""
    limits = AttemptLimits("on")
    for _ in range(10):
        limits.ask_for_link("192.0.2.1")
    with pytest.raises(RateLimited) as refused:
        limits.ask_for_link("192.0.2.1")
    assert refused.value.retry_after_seconds
    limits.ask_for_link("192.0.2.2")


def test_an_operator_makes_a_link_by_a_command(
    client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no mail is sent; it is written down, and a stranger's name is refused."""
    user_id = id_of(client, sign_up(client, "gerda"))
    monkeypatch.setenv("AUGURY_DATABASE_URL", house.settings.database_url)
    monkeypatch.setenv("AUGURY_DATA_DIR", str(house.settings.data_dir))
    monkeypatch.setenv("AUGURY_SECRET_KEY", SECRET)
    monkeypatch.setenv("AUGURY_UI_URL", "https://cabinet.test/")
    ran = CliRunner().invoke(admin.command, ["reset-link", "Gerda@example.com"])
    assert ran.exit_code == 0
    address, _, secret = ran.stdout.strip().partition("?token=")
    assert address == "https://cabinet.test/reset"
    assert log_of(house, user_id)[0].action == "password_reset.link_made"
    assert reset(client, secret).status_code == 200
    assert tokens(client, "gerda", PASSWORD).status_code == 401
    refused = CliRunner().invoke(admin.command, ["reset-link", "nobody"])
    assert refused.exit_code == 1
