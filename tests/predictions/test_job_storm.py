"""Storms and crashes over predictions in the background: every accepted one ends, paid or free."""

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from augury import bootstrap
from support.houses import (
    Server,
    findings,
    fund,
    order,
    settings_for,
    sign_up,
)
from support.patience import was_busy
from support.scale import on_sqlite_in_suite, times

_PRICE = 10
_WITHIN_SECONDS = 120
_UNFINISHED = {"queued", "running"}


async def _order(
    client: httpx2.AsyncClient, headers: dict[str, str], *, later: bool, key: str | None = None
) -> Any:
    more = {"Content-Type": "application/json"}
    if later:
        more["Prefer"] = "respond-async"
    if key is not None:
        more["Idempotency-Key"] = key
    while True:
        answer = await client.post("/v1/predictions", content=order(), headers=headers | more)
        if not was_busy(answer):
            return answer


def _all(client: httpx2.Client, headers: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return every prediction of a customer by id; none may be listed twice."""
    found: dict[str, dict[str, Any]] = {}
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = client.get("/v1/predictions", params=query, headers=headers).json()
        for one in page["items"]:
            assert one["id"] not in found
            found[one["id"]] = one
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def _finished(client: httpx2.Client, headers: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return every prediction of a customer once all are over."""
    until = time.monotonic() + _WITHIN_SECONDS
    while True:
        found = _all(client, headers)
        if not any(one["status"] in _UNFINISHED for one in found.values()):
            return found
        assert time.monotonic() < until, Counter(one["status"] for one in found.values())
        time.sleep(0.2)


def test_a_mixed_storm_spends_every_credit_and_no_more(pair: list[Server]) -> None:
    """Five customers funded for 20 each order 40, half of them in the background, through two
    processes at once: 20 are sold to each, 20 refused with 402, and nothing is left or held."""
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        customers = [sign_up(client, f"customer{number}") for number in range(5)]
        for headers in customers:
            id_ = client.get("/v1/me", headers=headers).json()["id"]
            fund(pair[0].database_url, id_, 20 * _PRICE)

    async def storm() -> list[list[Any]]:
        clients = [
            httpx2.AsyncClient(base_url=server.address, timeout=60)
            for server in pair
            for _ in range(2)
        ]
        answers = await asyncio.gather(
            *(
                _order(clients[(number + turn) % 4], headers, later=turn % 2 == 0)
                for turn in range(40)
                for number, headers in enumerate(customers)
            )
        )
        await asyncio.gather(*(client.aclose() for client in clients))
        return [answers[number :: len(customers)] for number in range(len(customers))]

    answered = asyncio.run(storm())
    with httpx2.Client(base_url=pair[1].address, timeout=60) as client:
        for headers, answers in zip(customers, answered, strict=True):
            codes = Counter(answer.status_code for answer in answers)
            assert codes[201] + codes[202] == 20
            assert codes[402] == 20
            found = _finished(client, headers)
            accepted = [one.json()["id"] for one in answers if one.is_success]
            assert found.keys() == set(accepted)
            assert {one["status"] for one in found.values()} == {"succeeded"}
            left = client.get("/v1/balance", headers=headers).json()
            assert left == {"available": 0, "held": 0}
    assert findings(pair[0].database_url) == []


def test_one_key_sent_many_times_at_once_is_one_job(pair: list[Server]) -> None:
    """The same key through two processes, waiting and not waiting mixed, is charged once."""
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        anna = sign_up(client)
        fund(pair[0].database_url, client.get("/v1/me", headers=anna).json()["id"], 1000)

    async def storm() -> list[Any]:
        clients = [httpx2.AsyncClient(base_url=server.address, timeout=60) for server in pair]
        answers = await asyncio.gather(
            *(
                _order(clients[turn % 2], anna, later=turn % 4 < 2, key="the only one")
                for turn in range(40)
            )
        )
        await asyncio.gather(*(client.aclose() for client in clients))
        return answers

    answers = asyncio.run(storm())
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    with httpx2.Client(base_url=pair[0].address, timeout=60) as client:
        assert len(_finished(client, anna)) == 1
        left = client.get("/v1/balance", headers=anna).json()
        assert left == {"available": 990, "held": 0}
    assert findings(pair[0].database_url) == []


@on_sqlite_in_suite
@pytest.mark.parametrize("rounds", [times(1, 25)])
def test_a_killed_worker_loses_no_job_and_charges_none_twice(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    """After `kill -9` under load, again and again, every accepted prediction ends: each success
    has its result and one charge, and nothing else has cost anything."""
    bootstrap.prepare(settings_for(database_url, tmp_path))
    accepted: set[str] = set()
    cut_off: list[str] = []
    dice = random.Random(11)
    server = Server(database_url, tmp_path).ready()
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        customers = [sign_up(client, f"customer{number}") for number in range(4)]
        for headers in customers:
            fund(database_url, client.get("/v1/me", headers=headers).json()["id"], 1_000_000)

    async def load(round_: int, seconds: float) -> None:
        taken = asyncio.Semaphore(0)  # so often at least before the end, however slow it goes
        async with httpx2.AsyncClient(base_url=server.address, timeout=60) as client:

            async def buy(number: int) -> None:
                for turn in range(10_000):
                    key = f"{round_}-{number}-{turn}"
                    try:
                        answer = await _order(client, customers[number % 4], later=True, key=key)
                    except httpx2.TransportError:
                        cut_off.append(key)
                        return
                    if answer.status_code == 429:
                        await asyncio.sleep(0.01)
                        continue
                    assert answer.status_code == 202, answer.text
                    accepted.add(answer.json()["id"])
                    taken.release()

            buying = [asyncio.create_task(buy(number)) for number in range(8)]
            await asyncio.gather(asyncio.sleep(seconds), *(taken.acquire() for _ in range(15)))
            server.process.send_signal(signal.SIGKILL)
            await asyncio.gather(*buying)

    for round_ in range(rounds):
        asyncio.run(load(round_, 0.3 + dice.random()))
        server.kill()
        assert findings(database_url) == []
        server = Server(database_url, tmp_path).ready()
    assert len(accepted) > 10 * rounds
    assert cut_off
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        seen: set[str] = set()
        for headers in customers:
            found = _finished(client, headers)
            paid = 0
            for one in found.values():
                assert one["status"] == "succeeded", one
                assert len(one["outputs"]) == 1
                assert one["charge"]["amount"] == _PRICE
                paid += _PRICE
            left = client.get("/v1/balance", headers=headers).json()
            assert left == {"available": 1_000_000 - paid, "held": 0}
            seen |= found.keys()
        assert accepted <= seen
        assert len(seen) <= len(accepted) + len(cut_off)
    assert server.stop() == 0
    assert findings(database_url) == []
