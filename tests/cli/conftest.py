"""A real API process, and terminals of customers in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from support.databases import sqlite_database
from support.houses import Server, findings, servers
from support.lines import Line, bad_line


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API process with the shipped models, whose books are right in the end."""
    folder = tmp_path_factory.mktemp("house")
    url = sqlite_database(folder)
    with servers(url, folder, 0):
        process = Server(url, folder).ready()
    try:
        yield process
    finally:
        process.kill()
    assert findings(url) == []


@pytest.fixture
def terminal(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal where somebody new is signed in, with 5000 credits."""
    return _opened(5000, server, tmp_path, monkeypatch)


@pytest.fixture
def rich(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The same with credits for many rows."""
    return _opened(10_000_000, server, tmp_path, monkeypatch)


def _opened(
    credits_: int, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    opened = Terminal(folder)
    opened.register(server, credits_)
    opened.login(server.address)
    return opened


@pytest.fixture
def line(server: Server, request: pytest.FixtureRequest) -> Iterator[Line]:
    """The line between the terminal and the server, which breaks where a test wants it to."""
    name = "rich" if "rich" in request.fixturenames else "terminal"
    terminal: Terminal = request.getfixturevalue(name)
    with bad_line(server.port) as opened:
        terminal.change_session(url=opened.address)
        yield opened
