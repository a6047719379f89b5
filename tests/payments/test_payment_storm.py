"""Real processes and money: one instant in two processes, and `kill -9` in the middle of paying."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select

from augury.kit.db import Database
from augury.payments.providers import sandbox
from augury.payments.providers.protocol import Context, Notification
from augury.payments.providers.sandbox import Choice, Sandbox
from augury.payments.tables import sandbox_payments, top_ups
from support.houses import Server, findings, servers, settings_for, sign_up
from support.scale import on_postgres_in_suite, times

_ROUNDS = times(2, 25)
_HANGS_SECONDS = 90


def bank_of(db: Database, database_url: str, data_dir: Path) -> Sandbox:
    """Return the bank behind the servers' sandbox: it signs with the same key."""
    return sandbox.open_provider(Context(settings_for(database_url, data_dir), db))


def begin(client: httpx2.Client, headers: dict[str, str], credits_: int = 100) -> dict[str, Any]:
    """Start a top-up, as soon as the server is not too busy and the older ones are decided."""
    while True:
        answer = client.post("/v1/top-ups", json={"credits": credits_}, headers=headers)
        if answer.status_code not in {429, 503}:
            break
        time.sleep(0.05)
    assert answer.status_code == 201, answer.text
    top_up: dict[str, Any] = answer.json()
    return top_up


def reference_of(top_up: dict[str, Any]) -> str:
    """Return the bank's name of a top-up's payment."""
    return str(top_up["checkout_url"]).rpartition("/")[2]


def tell(server: Server, notification: Notification) -> int:
    """Post a notification, again as often as the database is too busy; return the status."""
    while True:
        status = httpx2.post(
            f"{server.address}/v1/webhooks/sandbox",
            content=notification.body,
            headers=dict(notification.headers),
            timeout=_HANGS_SECONDS,
        ).status_code
        if status != 503:
            return status


def test_one_instant_in_two_processes(db: Database, database_url: str, tmp_path: Path) -> None:
    """The same notifications hit two processes at once, many times: every payment counts once."""
    with servers(database_url, tmp_path, 2) as running:
        bank = bank_of(db, database_url, tmp_path)
        with httpx2.Client(base_url=running[0].address, timeout=_HANGS_SECONDS) as client:
            headers = sign_up(client)
            for _ in range(4):
                top_up = begin(client, headers)
                (notification,) = bank.decide(reference_of(top_up), Choice.APPROVE)
                barrier = threading.Barrier(16)

                def hit(
                    number: int,
                    barrier: threading.Barrier = barrier,
                    notification: Notification = notification,
                ) -> int:
                    barrier.wait()
                    return tell(running[number % 2], notification)

                with ThreadPoolExecutor(16) as pool:
                    assert set(pool.map(hit, range(16))) == {200}
            assert client.get("/v1/balance", headers=headers).json()["available"] == 400
    assert findings(database_url) == []


@on_postgres_in_suite
def test_no_payment_is_lost_or_doubled_when_processes_are_killed(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    """Customers pay while the process is killed again and again: in the end the books agree."""
    with servers(database_url, tmp_path, 1) as running:
        with httpx2.Client(base_url=running[0].address, timeout=_HANGS_SECONDS) as client:
            headers = sign_up(client)
        port = running[0].port
        for _ in range(_ROUNDS):
            stop = threading.Event()
            buyers = [
                threading.Thread(target=_buy, args=[running[-1].address, headers, stop])
                for _ in range(6)
            ]
            for buyer in buyers:
                buyer.start()
            _wait_until_paid(db)  # however slow the machine: there must be something to lose
            time.sleep(random.uniform(0.1, 0.8))
            running[-1].kill()
            stop.set()
            for buyer in buyers:
                buyer.join()
            running.append(Server(database_url, tmp_path, port=port).ready())
        _wait_until_decided(db)
        assert running[-1].stop() == 0
    with db.read() as tx:
        paid = tx.execute(
            select(sandbox_payments.c.top_up_id).where(sandbox_payments.c.state == "succeeded")
        ).scalars()
        credited = tx.execute(select(top_ups.c.id).where(top_ups.c.status == "succeeded")).scalars()
        assert set(paid) == set(credited) != set()
    assert findings(database_url) == []


def _buy(address: str, headers: dict[str, str], stop: threading.Event) -> None:
    """Buy and pay as a customer with a browser does, until the server is gone."""
    with httpx2.Client(base_url=address, timeout=_HANGS_SECONDS) as client:
        while not stop.is_set():
            try:
                top_up = begin(client, headers, 1)
                page = f"/sandbox/{reference_of(top_up)}"
                client.post(page, data={"choice": random.choice(["approve", "twice", "decline"])})
            except httpx2.TransportError:
                return


def _wait_until_paid(db: Database) -> None:
    """Wait until somebody has paid at the bank."""
    paid = select(sandbox_payments.c.top_up_id).where(sandbox_payments.c.state == "succeeded")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with db.read() as tx:
            if tx.execute(paid).first() is not None:
                return
        time.sleep(0.05)
    message = "nobody could pay"
    raise AssertionError(message)


def _wait_until_decided(db: Database) -> None:
    """Wait until the reconciliation has found every payment that the bank has decided."""
    undecided = (
        select(top_ups.c.id)
        .join(sandbox_payments, sandbox_payments.c.top_up_id == top_ups.c.id)
        .where(sandbox_payments.c.state == "succeeded", top_ups.c.status != "succeeded")
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with db.read() as tx:
            if tx.execute(undecided).first() is None:
                return
        time.sleep(0.2)
    message = "a payment that was made is still without its credits"
    raise AssertionError(message)
