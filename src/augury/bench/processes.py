"""The processes that a benchmark runs: Augury itself with real customers, and the free peers."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from augury import bootstrap
from augury.client import Client
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.settings import Settings

_PURSE = 10**12
_START_SECONDS = 30


@contextmanager
def augury_server(
    folder: Path, customers: int, worker: str = "embedded", admin_password: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Give the address of a fresh Augury on SQLite, and access tokens of funded customers.

    With a worker that is `apart` it leaves background work to `augury_worker`.
    """
    settings = Settings(
        data_dir=folder, rate_limits="off", admin_password=SecretStr(admin_password)
    )
    bootstrap.prepare(settings)
    port = _free_port()
    command = [sys.executable, "-m", "augury.cli", "api", "--port", str(port)]
    environment = _environment(folder) | {"AUGURY_WORKER": worker}
    with _running(command, environment, f"http://127.0.0.1:{port}", folder) as address:
        yield address, [_customer(address, settings, number) for number in range(customers)]


@contextmanager
def augury_worker(folder: Path) -> Iterator[None]:
    """Run an `augury worker` on the database of `augury_server`."""
    command = [sys.executable, "-m", "augury.cli", "worker"]
    with _process(command, _environment(folder) | {"AUGURY_WORKER": "apart"}, folder):
        yield


@contextmanager
def cabinet_server(folder: Path, api: str) -> Iterator[str]:
    """Give the address of the web cabinet in front of `augury_server`."""
    port = _free_port()
    command = [sys.executable, "-m", "augury.cli", "ui", "--port", str(port), "--api-url", api]
    with _running(command, _environment(folder), f"http://127.0.0.1:{port}", folder) as address:
        yield address


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"AUGURY_DATA_DIR": str(folder), "AUGURY_RATE_LIMITS": "off"}


def _customer(address: str, settings: Settings, number: int) -> str:
    password = secrets.token_urlsafe(12)
    with Client(address) as client:
        user = client.register(f"bench-{number}", f"bench-{number}@example.com", password)
        token = client.sign_in(f"bench-{number}", password).access_token
    db = Database(settings.database_url)
    gift = Instruction(new_id(), TransferType.PROMOTION, user.id, _PURSE, "benchmark")
    with db.write() as tx:
        ledger.post(tx, [gift])
    db.close()
    return token


@contextmanager
def peer_server(model_folder: Path, folder: Path) -> Iterator[str]:
    """Give the address of the free peers for one model."""
    port = _free_port()
    environment = os.environ | {"AUGURY_BENCH_MODEL": str(model_folder)}
    command = [sys.executable, "-m", "uvicorn", "augury.bench.peers:app", "--port", str(port)]
    command += [
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "error",
    ]
    with _running(command, environment, f"http://127.0.0.1:{port}", folder) as address:
        yield address


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], address: str, folder: Path
) -> Iterator[str]:
    with _process(command, environment, folder) as process:
        _wait(address, process)
        yield address


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "servers.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 -- ours
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    host, port = address.removeprefix("http://").split(":")
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    message = f"no server at {address}"
    raise RuntimeError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
