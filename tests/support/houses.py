"""Houses for tests: in this process behind a test client, and as real server processes."""

import fcntl
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from augury import bootstrap
from augury.api.app import create_app
from augury.bootstrap import House, audit_books
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.settings import Settings
from support.patience import was_busy

SECRET = "a-secret-of-the-tests-and-of-nobody-else"
PASSWORD = "correct horse battery"
APPLICANT: dict[str, Any] = {
    "person_age": 30,
    "person_income": 50000,
    "person_home_ownership": "RENT",
    "person_emp_length": 5,
    "loan_intent": "VENTURE",
    "loan_grade": "A",
    "loan_amnt": 10000,
    "loan_int_rate": 5.0,
    "loan_percent_income": 0.2,
    "cb_person_default_on_file": "N",
    "cb_person_cred_hist_length": 3,
}


def settings_for(database_url: str, data_dir: Path, **values: Any) -> Settings:
    """Return settings for a test house."""
    return Settings(
        database_url=database_url,
        data_dir=data_dir,
        secret_key=SECRET,
        admin_password=PASSWORD,
        welcome_credits=values.pop("welcome_credits", 5000),
        rate_limits="off",
        **values,
    )


@contextmanager
def open_house(settings: Settings) -> Iterator[tuple[TestClient, House]]:
    """Give a client of an API in this process, and its house."""
    bootstrap.prepare(settings)
    house = bootstrap.build(settings)
    with TestClient(create_app(house), raise_server_exceptions=False) as client:
        yield client, house


def sign_up(client: Any, name: str = "anna") -> dict[str, str]:
    """Register a customer, sign in and return the headers that speak for it."""
    email = f"{name}@example.com"
    form = {"username": name, "email": email, "password": PASSWORD}
    while was_busy(registered := client.post("/v1/auth/register", json=form)):
        pass
    assert registered.status_code == 201, registered.text
    return sign_in(client, name)


def sign_in(client: Any, name: str, password: str = PASSWORD) -> dict[str, str]:
    """Sign in and return the headers that speak for the user."""
    form = {"username": name, "password": password}
    while was_busy(answer := client.post("/v1/auth/token", data=form)):
        pass
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def fund(database_url: str, user_id: str, credits_: int) -> None:
    """Give a customer credits, straight through the ledger."""
    db = Database(database_url)
    gift = Instruction(new_id(), TransferType.PROMOTION, user_id, credits_, "test")
    with db.write() as tx:
        ledger.post(tx, [gift])
    db.close()


def findings(database_url: str) -> list[Any]:
    """Return what an audit of all books finds."""
    db = Database(database_url)
    with db.read() as tx:
        found = audit_books(tx).findings
    db.close()
    return found


# Below those that the system gives to whoever asks for any: a program takes seconds to start, and
# until it listens nobody else may be given its port.
_FIRST_PORT, _PORTS_OF_A_PROCESS, _MOST_PROCESSES = 12_000, 1_000, 20


@cache
def _ports() -> Iterator[int]:
    """Return ports of this process alone: others, also of other runs, are kept out by a lock."""
    blocks = list(range(_MOST_PROCESSES))
    random.SystemRandom().shuffle(blocks)
    for block in blocks:
        with suppress(OSError):
            path = Path(tempfile.gettempdir(), f"augury-ports-{block}")
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the process ends
            break
    first = _FIRST_PORT + block * _PORTS_OF_A_PROCESS
    return itertools.cycle(range(first, first + _PORTS_OF_A_PROCESS))


def free_port() -> int:
    """Return a port that is free now, and that no other test is given for a long time."""
    while True:
        port = next(_ports())
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A real `augury api` process."""

    def __init__(
        self, database_url: str, data_dir: Path, *, port: int | None = None, **settings: str
    ) -> None:
        """Start it on a prepared database; `ready` waits until it answers."""
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.data_dir = data_dir
        environment = {
            **os.environ,
            "AUGURY_DATABASE_URL": database_url,
            "AUGURY_DATA_DIR": str(data_dir),
            "AUGURY_SECRET_KEY": SECRET,
            "AUGURY_RATE_LIMITS": "off",
            "AUGURY_WELCOME_CREDITS": "0",
            "AUGURY_RECONCILE_SECONDS": "1",
            **{f"AUGURY_{name.upper()}": value for name, value in settings.items()},
        }
        self._log = (data_dir / f"api-{self.port}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "augury.cli", "api", "--port", str(self.port)],
            env=environment,
            stderr=self._log,
            stdout=self._log,
        )

    def ready(self, seconds: float = 200) -> "Server":
        """Wait until the server is ready to sell."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server has died"
            try:
                if httpx2.get(f"{self.address}/readyz", timeout=2).status_code == 200:
                    return self
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        message = "the server did not get ready"
        raise TimeoutError(message)

    def kill(self) -> None:
        """End it the hard way."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=90)
        self._log.close()
        return code


@contextmanager
def servers(database_url: str, data_dir: Path, count: int) -> Iterator[list[Server]]:
    """Give several API processes on one prepared database."""
    bootstrap.prepare(settings_for(database_url, data_dir))
    running = [Server(database_url, data_dir) for _ in range(count)]
    try:
        yield [server.ready() for server in running]
    finally:
        for server in running:
            if server.process.poll() is None:
                server.kill()


def order(model: str = "credit-logistic-regression", rows: int = 1, **changes: Any) -> bytes:
    """Return the body of a prediction request."""
    return json.dumps({"model": model, "inputs": [{**APPLICANT, **changes}] * rows}).encode()
