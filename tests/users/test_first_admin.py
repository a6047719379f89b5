"""The administrator of the first start."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from typer.testing import CliRunner

from augury import bootstrap
from augury.cli import app
from augury.settings import Settings
from support.databases import sqlite_database
from support.houses import PASSWORD, open_house, settings_for, sign_in
from support.quick import quicken_tracebacks


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command run in this process points the log at a terminal that ends with it."""
    yield
    quicken_tracebacks()


def without_password(database_url: str, folder: Path) -> Settings:
    """Return settings in which the operator did not choose a password."""
    return settings_for(database_url, folder).model_copy(update={"admin_password": SecretStr("")})


def test_an_invented_password_is_told_once(database_url: str, tmp_path: Path) -> None:
    """The first start invents a password and tells it; no later start does, and it signs in."""
    settings = without_password(database_url, tmp_path)
    password = bootstrap.prepare(settings).admin_password
    assert password is not None
    assert len(password) >= 20
    assert bootstrap.prepare(settings).admin_password is None
    with open_house(settings) as (client, _):
        me = client.get("/v1/me", headers=sign_in(client, "admin", password)).json()
    assert (me["username"], me["role"]) == ("admin", "admin")
    # Somebody has to try what is on sale.
    assert me["balance"] == {"available": settings.welcome_credits, "held": 0}


def test_the_terminal_shows_the_invented_password_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`augury migrate` prints name and password the first time and keeps silent the second."""
    for name in ("AUGURY_ADMIN_PASSWORD", "AUGURY_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    told = [CliRunner().invoke(app, ["migrate", "--data-dir", str(tmp_path)]) for _ in range(2)]
    assert [one.exit_code for one in told] == [0, 0]
    found = re.search(r"administrator: admin +password: (\S{20,})", told[0].output)
    assert found
    assert "password" not in told[1].output
    assert not [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and found[1].encode() in path.read_bytes()
    ]


def test_a_chosen_password_is_not_told(database_url: str, tmp_path: Path) -> None:
    """With AUGURY_ADMIN_PASSWORD the first start makes `admin` with it and prints nothing."""
    settings = settings_for(database_url, tmp_path)
    assert bootstrap.prepare(settings).admin_password is None
    with open_house(settings) as (client, _):
        assert client.get("/v1/me", headers=sign_in(client, "admin")).json()["role"] == "admin"


def test_a_later_setting_does_not_change_the_password(tmp_path: Path) -> None:
    """The setting is for the first start: whoever can set it later does not take the account over."""
    url = sqlite_database(tmp_path)
    bootstrap.prepare(settings_for(url, tmp_path))
    changed = settings_for(url, tmp_path).model_copy(
        update={"admin_password": SecretStr("another long password")}
    )
    with open_house(changed) as (client, _):
        assert _status(client, "another long password") == 401
        assert _status(client, PASSWORD) == 200


def _status(client: TestClient, password: str) -> int:
    form = {"username": "admin", "password": password}
    return client.post("/v1/auth/token", data=form).status_code
