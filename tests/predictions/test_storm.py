"""Storms and crashes: the books stay right, and what a customer saw is true."""

import asyncio
import json
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from augury import bootstrap
from support.houses import Server, findings, order, settings_for, sign_in, sign_up
from support.patience import was_busy
from support.scale import on_sqlite_in_suite, times

_PRICE = 10


async def _post(client: httpx2.AsyncClient, headers: dict[str, str], key: str | None = None) -> Any:
    more = {} if key is None else {"Idempotency-Key": key}
    typed = headers | more | {"Content-Type": "application/json"}
    while True:
        answer = await client.post("/v1/predictions", content=order(), headers=typed)
        if not was_busy(answer):
            return answer


def test_two_processes_sell_exactly_what_is_affordable(pair: list[Server]) -> None:
    """Funded for 20, 200 at once through two processes: 20 are sold, 180 refused with 402."""
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        anna = sign_up(client)
        admin = sign_in(client, "admin")
        id_ = client.get("/v1/me", headers=anna).json()["id"]
        given = client.post(
            f"/v1/admin/users/{id_}/adjustments",
            json={"amount": 20 * _PRICE, "reason": "for the storm"},
            headers=admin,
        )
        assert given.status_code == 201

    async def storm() -> Counter[int]:
        clients = [
            httpx2.AsyncClient(base_url=server.address, timeout=60)
            for server in pair
            for _ in range(4)
        ]
        answers = await asyncio.gather(*(_post(clients[n % 8], anna) for n in range(200)))
        await asyncio.gather(*(client.aclose() for client in clients))
        return Counter(answer.status_code for answer in answers)

    assert asyncio.run(storm()) == {201: 20, 402: 180}
    with httpx2.Client(base_url=pair[1].address, timeout=60) as client:
        left = client.get("/v1/balance", headers=anna).json()
    assert left == {"available": 0, "held": 0}
    assert findings(pair[0].database_url) == []


def test_one_key_sent_many_times_at_once_is_one_sale(pair: list[Server]) -> None:
    """The same request with the same key, 40 times through two processes, is charged once."""
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        anna = sign_up(client, "boris")
        _fund(client, anna, 1000)

    async def storm() -> list[Any]:
        clients = [httpx2.AsyncClient(base_url=server.address, timeout=60) for server in pair]
        answers = await asyncio.gather(
            *(_post(clients[n % 2], anna, "the only one") for n in range(40))
        )
        await asyncio.gather(*(client.aclose() for client in clients))
        return answers

    answers = asyncio.run(storm())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        assert client.get("/v1/balance", headers=anna).json()["available"] == 990
    assert findings(pair[0].database_url) == []


def _fund(client: httpx2.Client, headers: dict[str, str], amount: int) -> None:
    id_ = client.get("/v1/me", headers=headers).json()["id"]
    given = client.post(
        f"/v1/admin/users/{id_}/adjustments",
        json={"amount": amount, "reason": "for the storm"},
        headers=sign_in(client, "admin"),
    )
    assert given.status_code == 201


@on_sqlite_in_suite
@pytest.mark.parametrize("rounds", [times(2, 25)])
def test_a_killed_server_loses_no_sale_and_charges_none_twice(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    """After `kill -9` under load every 201 a client saw is stored and charged once, and a retry
    with the same key of what was cut off gives one sale."""
    bootstrap.prepare(settings_for(database_url, tmp_path))
    seen: dict[str, dict[str, Any]] = {}
    cut_off: list[str] = []
    dice = random.Random(7)
    server = Server(database_url, tmp_path).ready()
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        anna = sign_up(client)
        _fund(client, anna, 10_000_000)

    async def load(round_: int, seconds: float) -> None:
        sold = asyncio.Semaphore(0)  # so often at least before the end, however slow the machine is
        async with httpx2.AsyncClient(base_url=server.address, timeout=60) as client:

            async def customer(number: int) -> None:
                for turn in range(10_000):
                    key = f"{round_}-{number}-{turn}"
                    try:
                        answer = await _post(client, anna, key)
                    except httpx2.TransportError:
                        cut_off.append(key)
                        return
                    assert answer.status_code == 201, answer.text
                    seen[key] = answer.json()
                    sold.release()

            customers = [asyncio.create_task(customer(number)) for number in range(16)]
            await asyncio.gather(asyncio.sleep(seconds), *(sold.acquire() for _ in range(30)))
            server.process.send_signal(signal.SIGKILL)
            await asyncio.gather(*customers)

    for round_ in range(rounds):
        asyncio.run(load(round_, 0.3 + dice.random()))
        server.kill()
        assert findings(database_url) == []
        server = Server(database_url, tmp_path).ready()
    assert len(seen) > 50
    assert cut_off
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        before = client.get("/v1/balance", headers=anna).json()["available"]
        stored = (10_000_000 - before) // _PRICE
        again = [
            client.post(
                "/v1/predictions",
                content=order(),
                headers=anna | {"Idempotency-Key": key, "Content-Type": "application/json"},
            )
            for key in cut_off
        ]
        assert {answer.status_code for answer in again} == {201}
        survived = sum("idempotent-replayed" in answer.headers for answer in again)
        assert stored == len(seen) + survived
        sample = dice.sample(sorted(seen), min(50, len(seen)))
        for key in sample:
            told = client.get(f"/v1/predictions/{seen[key]['id']}", headers=anna).json()
            assert json.loads(json.dumps(seen[key])) == {
                name: value for name, value in told.items() if name != "inputs"
            }
        after = client.get("/v1/balance", headers=anna).json()["available"]
        assert after == before - (len(cut_off) - survived) * _PRICE
    assert server.stop() == 0
    assert findings(database_url) == []
