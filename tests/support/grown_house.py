"""A grown house: every part of it a process of its own, started by the product's own commands."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from augury import bootstrap
from augury.kit.db import Database
from support.houses import PASSWORD, SECRET, free_port, fund, order, settings_for, sign_up
from support.patience import was_busy
from support.programs import Program
from support.waiting import eventually

WITHIN_SECONDS = 120


class GrownHouse:
    """Parts of a house on one prepared database, by name; `end` ends whatever still runs."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        """Prepare; nothing runs yet. `settings` are those of every part."""
        self.database_url, self.folder = database_url, folder
        self.parts: dict[str, Program] = {}
        self._clients: list[httpx2.Client] = []
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AUGURY_")},
            "AUGURY_DATABASE_URL": database_url,
            "AUGURY_DATA_DIR": str(folder),
            "AUGURY_SECRET_KEY": SECRET,
            "AUGURY_ADMIN_PASSWORD": PASSWORD,
            "AUGURY_RATE_LIMITS": "off",
            "AUGURY_WELCOME_CREDITS": "0",
            # A worker that runs as root is told off by its library; in a test that says nothing.
            "PYTHONWARNINGS": "ignore",
            **{f"AUGURY_{name.upper()}": value for name, value in settings.items()},
        }
        shipped = {"models_dir": settings["models_dir"]} if "models_dir" in settings else {}
        bootstrap.prepare(settings_for(database_url, folder, **shipped))
        self.db = Database(database_url)

    def start(self, command: str, *options: str, name: str = "", **settings: str) -> Program:
        """Start a part: a command of `augury`."""
        name = name or f"{command}-{len(self.parts) + 1}"
        more = {f"AUGURY_{key.upper()}": value for key, value in settings.items()}
        words = [sys.executable, "-m", "augury.cli", command, *options]
        part = Program(name, words, self._environment | more, self.folder)
        self.parts[name] = part
        return part

    def api(self, **settings: str) -> httpx2.Client:
        """Start an API and return a client of it, ready to sell."""
        port = free_port()
        part = self.start("api", "--port", str(port), **settings)
        address = f"http://127.0.0.1:{port}"
        client = httpx2.Client(base_url=address, timeout=60, trust_env=False)
        self._clients.append(client)

        def answers() -> bool:
            try:
                return client.get("/readyz").status_code == 200
            except httpx2.TransportError:
                return False

        part.until(answers)
        return client

    def worker(self, processes: int = 1, **settings: str) -> Program:
        """Start a worker."""
        return self.start("worker", "--concurrency", str(processes), **settings)

    def beat(self, **settings: str) -> Program:
        """Start what rings for the duties."""
        return self.start("beat", **settings)

    def end(self) -> None:
        """End everything the hard way."""
        for client in self._clients:
            client.close()
        for part in self.parts.values():
            if part.process.poll() is None:
                part.resume()
            part.kill()
        self.db.close()


@contextmanager
def grown_house(database_url: str, folder: Path, **settings: str) -> Iterator[GrownHouse]:
    """Give a house whose parts end with the block."""
    house = GrownHouse(database_url, folder, **settings)
    try:
        yield house
    finally:
        house.end()


class Customer:
    """Somebody with credits who orders predictions in the background."""

    def __init__(self, house: GrownHouse, client: httpx2.Client, name: str = "anna") -> None:
        """Register and get a million credits."""
        self.client = client
        self.headers = sign_up(client, name)
        self.id = client.get("/v1/me", headers=self.headers).json()["id"]
        fund(house.database_url, self.id, 1_000_000)

    def order(self, count: int = 1, body: bytes | None = None) -> list[str]:
        """Order predictions of one row and return their ids."""
        told = {"Prefer": "respond-async", "Content-Type": "application/json"}
        ids = []
        for _ in range(count):
            while was_busy(answer := self._send(body or order(), told)):
                pass
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
        return ids

    def _send(self, body: bytes, told: dict[str, str]) -> httpx2.Response:
        return self.client.post("/v1/predictions", content=body, headers=self.headers | told)

    def get(self, id_: str) -> dict[str, Any]:
        """Return a prediction as it is now."""
        answer = self.client.get(f"/v1/predictions/{id_}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def cancel(self, id_: str) -> dict[str, Any]:
        """Cancel a prediction and return it."""
        answer = self.client.post(f"/v1/predictions/{id_}/cancel", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def balance(self) -> dict[str, int]:
        """Return what can be spent and what is held."""
        found: dict[str, int] = self.client.get("/v1/balance", headers=self.headers).json()
        return found

    def ended(self, ids: list[str], seconds: float = WITHIN_SECONDS) -> list[dict[str, Any]]:
        """Return predictions once all of them are over."""
        over = {"succeeded", "failed", "cancelled"}
        eventually(lambda: all(self.get(id_)["status"] in over for id_ in ids), seconds)
        return [self.get(id_) for id_ in ids]
