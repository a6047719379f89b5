"""Registration: who may be called what, and which passwords are taken."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury import bootstrap
from augury.bootstrap import House
from augury.users.service import UsernameTaken
from support.houses import PASSWORD, open_house, settings_for, sign_in


def register(client: TestClient, username: Any, email: Any = None, password: Any = PASSWORD) -> Any:
    """Try to register."""
    form = {"username": username, "email": email or f"{username}@example.com", "password": password}
    return client.post("/v1/auth/register", json=form)


def test_a_new_customer_has_an_account_with_welcome_credits(client: TestClient) -> None:
    """Registration answers the user, never the password, and opens an account."""
    answer = register(client, "vera", "Vera@Example.com")
    assert answer.status_code == 201
    user = answer.json()
    assert (user["username"], user["email"]) == ("vera", "Vera@Example.com")
    assert (user["role"], user["status"]) == ("customer", "active")
    assert "password" not in answer.text
    me = client.get("/v1/me", headers=sign_in(client, "vera")).json()
    assert me == {**user, "balance": {"available": 5000, "held": 0}}


def test_the_password_is_stored_as_a_hash(client: TestClient, opened: Any, tmp_path: Path) -> None:
    """Neither the database nor its log has the password in it."""
    secret = "a very particular secret 7391"
    assert register(client, "sonya", password=secret).status_code == 201
    _, house = opened
    folder = Path(str(house.db.engine.url.database)).parent
    stored = b"".join(path.read_bytes() for path in folder.glob("augury.db*"))
    assert b"sonya" in stored
    assert secret.encode() not in stored


@pytest.mark.parametrize("again", ["boris", "BORIS", "Boris"])
def test_user_names_are_unique_whatever_their_case(client: TestClient, again: str) -> None:
    """The same name in other letters is taken."""
    register(client, "Boris", "boris@example.com")
    answer = register(client, again, "another@example.com")
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


def test_case_means_nothing_in_cyrillic_either(database_url: str, tmp_path: Path) -> None:
    """ "Анна" and "АННА" are one name, and their addresses one address, on both databases."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        assert register(client, "Анна", "почта@Пример.рф").status_code == 201
        taken = register(client, "АННА", "other@example.com")
        assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")
        taken = register(client, "other", "ПОЧТА@пример.РФ")
        assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
        for name in ("аННа", "Почта@ПРИМЕР.рф"):
            assert client.get("/v1/me", headers=sign_in(client, name)).json()["username"] == "Анна"


def test_addresses_are_unique_whatever_their_case(client: TestClient) -> None:
    """An e-mail address registers once."""
    register(client, "gleb", "gleb@example.com")
    answer = register(client, "gleb2", "GLEB@example.COM")
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize(
    ("username", "email", "password", "pointers"),
    [
        ("ab", None, PASSWORD, ["/username"]),
        ("a" * 65, "a@example.com", PASSWORD, ["/username"]),
        ("two words", "a@example.com", PASSWORD, ["/username"]),
        ("nul\x00nul", "a@example.com", PASSWORD, ["/username"]),
        ("anna@home", "a@example.com", PASSWORD, ["/username"]),
        (7, "a@example.com", PASSWORD, ["/username"]),
        (None, "a@example.com", PASSWORD, ["/username"]),
        ("fine", "nowhere", PASSWORD, ["/email"]),
        ("fine", "a b@example.com", PASSWORD, ["/email"]),
        ("fine", "nul\x00@example.com", PASSWORD, ["/email"]),
        ("fine", "a@" + "b" * 300 + ".com", PASSWORD, ["/email"]),
        ("fine", None, "short", ["/password"]),
        ("fine", None, "x" * 129, ["/password"]),
        ("fine", None, "x" * 100_000, ["/password"]),
        ("the.user.name", "a@example.com", "The.User.Name", ["/password"]),
        ("fine", None, "йцукенгшщз", ["/password"]),
        ("a!", "b", "c", ["/username", "/email"]),
        ("a!!", "b@@", "c", ["/username", "/email", "/password"]),
    ],
)
def test_a_bad_form_lists_its_faults(
    client: TestClient, username: Any, email: Any, password: Any, pointers: list[str]
) -> None:
    """Every fault of the form is named with its place, and nobody is registered."""
    answer = register(client, username, email, password)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers


def test_nobody_registers_as_an_administrator(client: TestClient) -> None:
    """A role in the form is an unknown member, not a wish."""
    form = {"username": "eve", "email": "eve@example.com", "password": PASSWORD, "role": "admin"}
    answer = client.post("/v1/auth/register", json=form)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/role"


@pytest.mark.parametrize("letter", ["ΐ", "ß", "ﬃ"])
def test_names_that_grow_when_their_case_is_folded(
    database_url: str, tmp_path: Path, letter: str
) -> None:
    """Letters that become two or three in lower case are refused or kept, never an error of ours."""
    with open_house(settings_for(database_url, tmp_path)) as (client, _):
        name = letter * 64
        answer = register(client, name, f"{name}@{'a' * 60}.com")
        assert answer.status_code in {201, 422}
        address = f"{letter * 64}@{letter * 180}.com"
        answer = register(client, "plain", address)
        assert answer.status_code in {201, 422}


def test_many_at_once_take_a_name_once(database_url: str, tmp_path: Path) -> None:
    """Of several registrations of one name at the same time exactly one succeeds."""
    with open_house(settings_for(database_url, tmp_path)) as (client, house):
        with ThreadPoolExecutor(3) as pool:
            codes = list(
                pool.map(
                    lambda number: _register_directly(house, f"n{number}@example.com"), range(3)
                )
            )
    assert sorted(codes) == ["UsernameTaken", "UsernameTaken", "ok"]


def _register_directly(house: House, email: str) -> str:
    try:
        bootstrap.register(house, "wanted", email, PASSWORD)
    except UsernameTaken:
        return "UsernameTaken"
    return "ok"
