"""Grown houses with two small models: one that answers at once, one that waits for the test."""

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from support.brokers import Broker
from support.grown_house import Customer, GrownHouse, grown_house
from support.open_inference import OpenInference
from support.programs import Program, end
from support.tiny_models import Tiny, proven, save_remote
from support.uploads import ROW, version
from support.waiting import eventually

FAR = "far"
_MARK = 77
_numbers = itertools.count(1)


def body(model: str) -> bytes:
    """Return an order of one row."""
    return json.dumps({"model": model, "inputs": [{**ROW, "amount": _MARK}]}).encode()


class Far:
    """A model server whose answers wait for the test's word."""

    def __init__(self) -> None:
        self.server = OpenInference()
        self.go_on = threading.Event()
        self.go_on.set()
        self.server.instead = self._hesitate
        self.begun = 0

    def _hesitate(self, handler: Any, body: bytes) -> bool:
        # Whoever loads the model tries it first, with other rows.
        if handler.command == "POST" and _MARK in json.loads(body)["inputs"][0]["data"]:
            self.begun += 1
            self.go_on.wait()
        return False


class Scene:
    """A house with a broker, an API and a customer; workers are the test's."""

    def __init__(self, house: GrownHouse, far: Far, broker: Broker | None) -> None:
        self.house, self.far, self.broker = house, far, broker
        self.api = house.api()
        self.beat = house.beat() if broker else None
        self.anna = self.customer()

    def customer(self) -> Customer:
        """Return a new customer with credits."""
        return Customer(self.house, self.api, f"customer{next(_numbers)}")

    def begin(self) -> "Scene":
        """Begin anew, with another customer and without workers."""
        for name, part in self.house.parts.items():
            if name.startswith("worker"):
                part.kill()
        if self.beat and self.beat.process.poll() is not None:
            self.beat.start()
        self.far.go_on.set()
        self.anna = self.customer()
        return self

    def begin_far(self, who: Customer) -> str:
        """Order of the far model and return the id once it runs there."""
        self.far.go_on.clear()
        before = self.far.begun
        (id_,) = who.order(body=body(FAR))
        eventually(lambda: self.far.begun > before)
        return id_

    def end_children(self, worker: Program) -> None:
        """Kill the processes of a worker that do the work; it starts others."""
        end(worker.children())


@contextmanager
def scene_with(
    database_url: str, folder: Path, broker: Broker | None, **settings: str
) -> Iterator[Scene]:
    """Give a scene with a broker, or without."""
    far = Far()
    more = settings if broker is None else settings | {"broker_url": broker.url}
    address = save_remote(folder / "far.json", far.server.url, timeout_ms=60_000)
    models = shipped(folder, version(folder), proven(address, "remote", name=FAR))
    host = far.server.url.removeprefix("http://")
    try:
        with grown_house(
            database_url, folder, models_dir=str(models), remote_hosts=host, **more
        ) as house:
            yield Scene(house, far, broker)
    finally:
        far.go_on.set()
        far.server.close()


def shipped(folder: Path, *models: Tiny) -> Path:
    """Return a folder of models, as a house ships them: on sale at the first start."""
    for tiny in models:
        place = folder / "models" / tiny.manifest.name
        place.mkdir(parents=True)
        shutil.copy(tiny.path, place)
        (place / "manifest.json").write_bytes(msgspec.json.encode(tiny.manifest))
        for card in ("card.md", "card.ru.md"):
            (place / card).write_text("# A card")
    return folder / "models"
