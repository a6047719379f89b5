"""The service as a process: how it stops, and who may read what it leaves on the disk."""

import http.client
import os
import re
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from augury import bootstrap
from augury.api.protocol import KEEP_ALIVE_SECONDS
from support.databases import sqlite_database
from support.houses import SECRET, Server, settings_for


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[str, Path]:
    """A database that is ready for a server, and its folder."""
    url = sqlite_database(tmp_path)
    bootstrap.prepare(settings_for(url, tmp_path))
    return url, tmp_path


def test_an_idle_server_stops_in_peace(prepared: tuple[str, Path]) -> None:
    """SIGTERM to a server with nothing to do ends it with exit code 0."""
    server = Server(*prepared).ready()
    assert server.stop() == 0


def test_a_server_that_has_just_begun_to_listen_stops_in_peace(
    prepared: tuple[str, Path],
) -> None:
    """SIGTERM in the moment when the port opens ends the server with exit code 0 as well."""
    server = Server(*prepared)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                break
        time.sleep(0.002)
    assert server.stop() == 0


def test_a_server_keeps_an_idle_connection_longer_than_its_callers_do(
    prepared: tuple[str, Path],
) -> None:
    """Whoever comes back on it is answered: libraries keep theirs for five seconds."""
    server = Server(*prepared).ready()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        for pause in (6, 0):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            socket_then = connection.sock
            time.sleep(pause)
        assert connection.sock is socket_then
    assert server.stop() == 0
    proxy = (Path(__file__).parent.parent / "deploy/proxy/Caddyfile").read_text()
    assert [int(one) for one in re.findall(r"\bkeepalive (\d+)s", proxy)] == [30]
    assert KEEP_ALIVE_SECONDS > 2 * 30


@pytest.mark.parametrize("command", ["api", "worker"])
def test_what_is_told_to_stop_while_it_starts_ends_in_peace(
    prepared: tuple[str, Path], command: str
) -> None:
    """SIGTERM while a command is imported is no failure: the exit code is 0."""
    url, folder = prepared
    told = {"AUGURY_DATABASE_URL": url, "AUGURY_DATA_DIR": str(folder), "AUGURY_SECRET_KEY": SECRET}
    code = f"""
import os, runpy, signal, sys

class Teller:
    def find_spec(self, name, path=None, target=None):
        if name == "augury.bootstrap":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Teller())
sys.argv = ["augury", {command!r}]
runpy.run_module("augury.cli", run_name="__main__")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | told, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_what_migrate_makes_is_its_owners_alone(tmp_path: Path) -> None:
    """Nothing that `augury migrate` leaves in a fresh folder can be read by group or others."""
    data_dir = tmp_path / "fresh"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AUGURY_")
    }
    ran = subprocess.run(
        [sys.executable, "-m", "augury.cli", "migrate", "--data-dir", str(data_dir)],
        env=environment | {"AUGURY_SECRET_KEY": SECRET},
        umask=0o022,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    made = [data_dir, *data_dir.rglob("*")]
    assert any(path.suffix == ".db" for path in made)
    open_to_others = {
        str(path.relative_to(tmp_path)): oct(path.stat().st_mode)
        for path in made
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others == {}
