"""`augury login` and what keeps somebody signed in, against a real API process."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import augury.users.tokens
from augury.cli import session
from augury.client import Client
from augury.client import Tokens as Pair
from augury.kit.clock import SECOND, now
from augury.users.tokens import Identity, Tokens
from cli.terminal import Terminal
from support.houses import SECRET, Server, free_port


def expired(monkeypatch: pytest.MonkeyPatch, user_id: str) -> str:
    """Return a token that was good an hour ago."""
    with monkeypatch.context() as past:
        past.setattr(augury.users.tokens, "now", lambda: now() - 3600 * SECOND)
        return Tokens(SECRET).issue(Identity(user_id, user_id, "customer"))


def test_the_sign_in_is_kept_for_its_owner_alone(terminal: Terminal) -> None:
    """The folder and the file are closed to others, and the password is in neither."""
    assert (terminal.session.stat().st_mode & 0o777) == 0o600
    assert (terminal.session.parent.stat().st_mode & 0o777) == 0o700
    assert set(json.loads(terminal.session.read_bytes())) == {
        *("url", "username", "access_token", "refresh_token")
    }
    assert [path.name for path in terminal.session.parent.iterdir()] == ["session.json"]


def test_a_wrong_password_is_told_in_the_apis_words(terminal: Terminal, server: Server) -> None:
    """And who was signed in before still is."""
    told = terminal.run(
        "login", "--url", server.address, "--username", terminal.username, typed="wrong\n"
    )
    assert (told.exit_code, "do not fit" in told.stderr) == (1, True)
    assert terminal.available == 5000


def test_the_password_is_no_argument(terminal: Terminal, server: Server) -> None:
    """Arguments are seen by everybody on the machine."""
    told = terminal.run("login", "--url", server.address, "--password", "secret")
    assert told.exit_code == 2


def test_nobody_signed_in_is_told_what_to_do(terminal: Terminal) -> None:
    """Every command says it, and none breaks."""
    terminal.ok("logout")
    for command in (["balance"], ["usage"], ["models"], ["predict", "m", "--input", "{}"]):
        told = terminal.run(*command)
        assert (told.exit_code, "augury login" in told.stderr) == (1, True)
    assert "Nobody" in terminal.ok("logout")


def test_a_token_that_has_run_out_is_renewed_unseen(
    terminal: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new pair is kept, as closed as the first."""
    before = json.loads(terminal.session.read_bytes())
    with Client(server.address, before["access_token"]) as client:
        old = expired(monkeypatch, client.me().id)
    terminal.change_session(access_token=old)
    assert terminal.available == 5000
    after = json.loads(terminal.session.read_bytes())
    assert after["access_token"] != old
    assert after["refresh_token"] != before["refresh_token"]
    assert (terminal.session.stat().st_mode & 0o777) == 0o600


def test_commands_at_once_renew_once(
    terminal: Terminal, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh token that is used twice would end the session for all of them."""
    kept = session.kept()
    assert kept is not None
    terminal.change_session(
        access_token=expired(monkeypatch, "01994f0e-7a51-7c3e-8f4e-3d1d5b0c9a77")
    )

    def ask(_: int) -> int:
        with session.customer() as client:
            return client.me().balance.available

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [5000] * 8
    assert terminal.available == 5000


def test_a_session_that_was_ended_elsewhere_says_so(terminal: Terminal) -> None:
    """There is nothing to renew by, so it takes the password again."""
    terminal.change_session(access_token="old", refresh_token="old")
    told = terminal.run("balance")
    assert (told.exit_code, "augury login" in told.stderr) == (1, True)


def test_signing_out_ends_the_session_at_the_server(terminal: Terminal, server: Server) -> None:
    """Somebody who copied the file has nothing of it."""
    kept = session.kept()
    assert kept is not None
    terminal.ok("logout")
    assert not terminal.session.exists()
    session.keep(kept.url, kept.username, Pair(kept.access_token, kept.refresh_token, 900))
    terminal.change_session(access_token="old")
    assert terminal.run("balance").exit_code == 1


def test_an_api_that_is_down_is_told_apart_from_a_refusal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts tell it by the exit code."""
    monkeypatch.setattr("augury.client.transport.time.sleep", lambda _: None)
    terminal.change_session(url=f"http://127.0.0.1:{free_port()}")
    told = terminal.run("balance")
    assert (told.exit_code, "cannot be reached" in told.stderr) == (3, True)
