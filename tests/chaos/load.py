"""Customers who buy without a pause, and note every answer that they were given."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from chaos.tables import SentFile, made_file, made_row
from support.houses import sign_in, sign_up
from support.uploads import NAME

# Patience with one question, with the same key, until somebody answers it for good.
_PATIENCE_SECONDS = 150
_TRY_AGAIN = {429, 502, 503, 504}
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.02, 0.15


@dataclass
class Seen:
    """What the customers were answered; nothing else counts as promised."""

    sold: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    batches: dict[str, tuple[str, SentFile]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    longest_seconds: float = 0.0
    odd: list[str] = field(default_factory=list)


class Customer:
    """Somebody with credits, who asks until there is an answer."""

    def __init__(self, addresses: Sequence[str], name: str) -> None:
        """Register at one of the APIs."""
        self.addresses = addresses
        self.name = name
        self.seen = Seen()
        self._signing_in = threading.Lock()
        with httpx2.Client(base_url=addresses[0], timeout=90, trust_env=False) as client:
            self.headers = sign_up(client, name)
            self.id: str = client.get("/v1/me", headers=self.headers).json()["id"]

    def renew(self, client: httpx2.Client) -> None:
        """Sign in again: an access token is good for a quarter of an hour."""
        with self._signing_in:
            self.headers = sign_in(client, self.name)


class Door:
    """How one thread of a customer reaches the APIs."""

    def __init__(self, customer: Customer, dice: random.Random) -> None:
        self.customer = customer
        self.dice = dice
        self._clients = [
            httpx2.Client(base_url=address, timeout=15, trust_env=False)
            for address in customer.addresses
        ]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response | None:
        """Return the first answer that is for good, from either API; none if there never is one."""
        seen, told = self.customer.seen, more.pop("headers", {})
        begun = time.monotonic()
        while time.monotonic() < begun + _PATIENCE_SECONDS:
            client = self.dice.choice(self._clients)
            try:
                answer = client.request(method, path, headers=self.customer.headers | told, **more)
                answered = str(answer.status_code)
                if answer.status_code in _TRY_AGAIN:
                    answered += f" {answer.json()['code']}"
            except httpx2.TransportError as error:
                answered = type(error).__name__
            except AssertionError as error:
                answered = str(error)
            seen.codes[answered] += 1
            if not answered.isdigit():
                time.sleep(0.1 + self.dice.random() * 0.2)
            elif answered == "401":
                self._renew(client)
            elif answered == "500":
                seen.odd.append(f"{method} {path}: {answer.text}")
                time.sleep(0.2)
            else:
                seen.longest_seconds = max(seen.longest_seconds, time.monotonic() - begun)
                return answer
        seen.odd.append(f"{method} {path}: no answer for good")
        return None

    def _renew(self, client: httpx2.Client) -> None:
        try:
            self.customer.renew(client)
        except (httpx2.TransportError, AssertionError):
            time.sleep(0.2)


def _key(door: Door, kind: str, number: int) -> dict[str, str]:
    return {"Idempotency-Key": f"{door.customer.name}-{kind}-{number}"}


def _buy(door: Door, number: int) -> None:
    """Buy and wait; now and then ask again with the same key."""
    seen, key = door.customer.seen, _key(door, "sale", number)
    rows = [made_row(door.dice) for _ in range(door.dice.choice((1, 1, 1, 3)))]
    body = {"model": NAME, "inputs": rows}
    answer = door.ask("POST", "/v1/predictions", json=body, headers=key)
    if answer is None or answer.status_code != 201:
        return _complain(seen, "sale", answer)
    first = answer.json()
    seen.sold[first["id"]], seen.rows[first["id"]] = first, rows
    if door.dice.random() < 0.15:
        again = door.ask("POST", "/v1/predictions", json=body, headers=key)
        seen.replays += 1
        if again is None or again.status_code != 201 or again.json() != first:
            return _complain(seen, "replay", again)
    return None


def _order(door: Door, number: int) -> None:
    """Order in the background; now and then cancel."""
    seen, key = door.customer.seen, _key(door, "job", number)
    rows = [made_row(door.dice)]
    answer = door.ask(
        "POST",
        "/v1/predictions",
        json={"model": NAME, "inputs": rows},
        headers=key | {"Prefer": "respond-async"},
    )
    # The same key again, after an answer that was lost: 201 when it is made by then.
    if answer is None or answer.status_code not in {200, 201, 202}:
        return _complain(seen, "job", answer)
    id_ = answer.json()["id"]
    seen.jobs[key["Idempotency-Key"]], seen.rows[id_] = id_, rows
    if door.dice.random() < 0.2:
        cancelled = door.ask("POST", f"/v1/predictions/{id_}/cancel")
        if cancelled is not None and cancelled.status_code == 200:
            seen.cancelled.add(id_)
        elif cancelled is None or cancelled.status_code != 409:
            return _complain(seen, "cancel", cancelled)
    return None


def _send(door: Door, number: int) -> None:
    """Send a file; now and then cancel the batch."""
    seen, key = door.customer.seen, _key(door, "batch", number)
    file = made_file(door.dice)
    answer = door.ask(
        "POST",
        "/v1/batches",
        files={"file": ("rows.csv", file.content), "model": (None, NAME)},
        headers=key,
    )
    if answer is None or answer.status_code not in {200, 202}:
        return _complain(seen, "batch", answer)
    id_ = answer.json()["id"]
    seen.batches[key["Idempotency-Key"]] = id_, file
    if door.dice.random() < 0.2:
        time.sleep(door.dice.random())
        cancelled = door.ask("POST", f"/v1/batches/{id_}/cancel")
        if cancelled is not None and cancelled.status_code == 200:
            seen.cancelled.add(id_)
        elif cancelled is None or cancelled.status_code != 409:
            return _complain(seen, "cancel of a batch", cancelled)
    return None


def _complain(seen: Seen, what: str, answer: httpx2.Response | None) -> None:
    if answer is not None:
        seen.odd.append(f"{what}: {answer.status_code} {answer.text[:300]}")


# In seconds between two: a worker that shares two processors with everything else keeps up.
_WAYS = ((_buy, 0.0), (_order, 0.2), (_send, 0.7))


class Load:
    """Three threads for each customer: who buys, who orders for later, who sends files."""

    def __init__(self, customers: Sequence[Customer], seed: int) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._go_on,
                args=[do, pause, Door(customer, random.Random(f"{seed} {customer.name} {way}"))],
                name=f"{customer.name}-{way}",
                daemon=True,
            )
            for customer in customers
            for way, (do, pause) in enumerate(_WAYS)
        ]
        for thread in self._threads:
            thread.start()

    def _go_on(self, do: Any, pause: float, door: Door) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            do(door, number)
            self._stop.wait(pause + door.dice.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS))
        door.close()

    def stop(self) -> None:
        """Let everybody finish what was begun, with all the patience that takes."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS * 2)
            assert not thread.is_alive(), thread.name

    def abandon(self) -> None:
        """Tell everybody to stop and do not wait."""
        self._stop.set()
