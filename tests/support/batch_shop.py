"""An open house in which chunks of batches, four rows each, run when the test says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.predictions import batches
from augury.predictions.batch_runner import BatchRunner
from augury.worker import duties
from support.files import send
from support.houses import findings, open_house, settings_for, sign_up

CHUNK_ROWS = 4


class _Idle(BatchRunner):
    """A runner of a house that leaves the work to the test."""

    def run_due(self, _stop: threading.Event) -> int:
        """Run nothing."""
        return 0


@dataclass
class BatchShop:
    """A house and the headers of a customer with 5000 credits."""

    client: TestClient
    house: House
    headers: dict[str, str]

    def send(self, content: bytes, **form: str) -> Any:
        """Return the answer to an order."""
        return send(self.client, self.headers, content, **form)

    def get(self, path: str, **query: str) -> Any:
        """Return what stands at a path."""
        answer = self.client.get(f"/v1/{path}", params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def results(self, id_: str) -> Any:
        """Return the answer to a question for results."""
        return self.client.get(f"/v1/batches/{id_}/results", headers=self.headers)

    def cancel(self, id_: str) -> Any:
        """Return the answer to a cancellation."""
        return self.client.post(f"/v1/batches/{id_}/cancel", headers=self.headers)

    def runner(self) -> BatchRunner:
        """Return what another process would run."""
        return BatchRunner(self.house.db, self.house.shop.catalogue, self.house.batches.keeper)

    def run(self, most: int = 1000) -> int:
        """Run chunks that are due and return how many were."""
        runner, ran = self.runner(), 0
        while ran < most and runner.run_one():
            ran += 1
        return ran

    def balance(self) -> tuple[int, int]:
        """Return what can be spent and what is held."""
        told = self.get("balance")
        return told["available"], told["held"]

    def stored(self) -> set[str]:
        """Return the names of the files in the store."""
        folder = self.house.settings.files_dir
        return {path.name for path in folder.rglob("*") if path.is_file()}


def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide files into chunks of a few rows."""
    for name in ("CHUNK_ROWS", "SLOW_CHUNK_ROWS"):
        monkeypatch.setattr(batches, name, CHUNK_ROWS)


@contextmanager
def open_shop(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BatchShop]:
    """Give a house whose books must be right in the end."""
    small_chunks(monkeypatch)
    monkeypatch.setattr(duties, "BatchRunner", _Idle)
    with open_house(settings_for(database_url, folder)) as (client, house):
        yield BatchShop(client, house, sign_up(client))
    assert findings(database_url) == []
