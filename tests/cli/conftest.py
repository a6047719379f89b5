"""A real API process, and terminals of customers in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.cli.session import api
from cli.terminal import Terminal
from support.databases import sqlite_database
from support.houses import PASSWORD, Server, findings, fund, servers
from support.lines import Line, bad_line


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API process with the shipped models, whose books are right in the end."""
    folder = tmp_path_factory.mktemp("house")
    url = sqlite_database(folder)
    with servers(url, folder, 0):
        process = Server(url, folder, welcome_credits="5000").ready()
    try:
        yield process
    finally:
        process.kill()
    assert findings(url) == []


@pytest.fixture
def terminal(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal where somebody new is signed in, with 5000 credits."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    opened = Terminal(tmp_path)
    opened.register(server.address)
    opened.login(server.address)
    return opened


@pytest.fixture
def rich(server: Server, terminal: Terminal) -> Terminal:
    """The same terminal, whose customer has credits for many rows."""
    with api(server.address) as client:
        client.sign_in(terminal.username, PASSWORD)
        fund(server.database_url, client.me().id, 10_000_000)
    return terminal


@pytest.fixture
def line(server: Server, terminal: Terminal) -> Iterator[Line]:
    """The line between the terminal and the server, which breaks where a test wants it to."""
    with bad_line(server.port) as opened:
        terminal.change_session(url=opened.address)
        yield opened
