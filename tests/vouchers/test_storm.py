"""Storms: whatever comes at once, from several processes, no code gives more than it may."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2

from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable, Refusal
from augury.kit.ids import new_id
from augury.users.tokens import Identity, Tokens
from augury.vouchers.redeem import redeem
from support.houses import SECRET, Server, findings, servers
from support.vouchers import available, batch, customers, found


async def _send(client: httpx2.AsyncClient, token: str, code: str) -> Any:
    """Send a code, and again as often as the database is too busy."""
    while True:
        answer = await client.post(
            "/v1/vouchers/redeem",
            json={"code": code},
            headers={"Authorization": f"Bearer {token}"},
        )
        if answer.status_code != 503:
            return answer


async def _storm(running: list[Server], tokens: list[str], code: str) -> Counter[str]:
    clients = [httpx2.AsyncClient(base_url=server.address, timeout=60) for server in running]
    sent = [_send(clients[n % len(clients)], token, code) for n, token in enumerate(tokens)]
    answers = await asyncio.gather(*sent)
    await asyncio.gather(*(client.aclose() for client in clients))
    return Counter(answer.json().get("code", str(answer.status_code)) for answer in answers)


def test_one_code_is_redeemed_once_by_a_hundred_users(database_url: str, tmp_path: Path) -> None:
    """A hundred customers send the same code at once through two processes: one gets credits."""
    with servers(database_url, tmp_path, 2) as running:
        db = Database(database_url)
        users = customers(db, 100)
        _, (code, _, _) = batch(db)
        issuer = Tokens(SECRET, "")
        tokens = [issuer.issue(Identity(user, new_id(), "customer")) for user in users]
        assert asyncio.run(_storm(running, tokens, code)) == {"201": 1, "voucher_spent": 99}
        assert sorted(available(db, user) for user in users) == [0] * 99 + [500]
        assert found(db) == []
        db.close()
    assert findings(database_url) == []


def _at_once(url: str, asked: list[tuple[str, str, str | None]]) -> Counter[str]:
    """Redeem `(user, code, key)` all at once, through two pools of connections."""
    databases = [Database(url) for _ in range(2)]

    def one(number: int) -> str:
        user, code, key = asked[number]
        while True:
            try:
                redeemed, _ = redeem(databases[number % 2], user, code, key=key)
            except LedgerUnavailable:
                continue
            except Refusal as refusal:
                return refusal.code
            return redeemed.id if key else "redeemed"

    with ThreadPoolExecutor(len(asked)) as pool:
        came = Counter(pool.map(one, range(len(asked))))
    for db in databases:
        db.close()
    return came


def _check(
    url: str,
    make: Callable[[Database], tuple[list[str], list[tuple[str, str, str | None]]]],
    expected: dict[str, int],
    credits_: int,
) -> None:
    db = Database(url)
    users, asked = make(db)
    assert _at_once(url, asked) == expected
    assert sum(available(db, user) for user in users) == credits_
    assert found(db) == []
    db.close()


def test_one_user_gets_as_many_codes_as_one_user_may(database_url: str) -> None:
    """Thirty codes of a batch at once, three for each customer: three are credited."""

    def make(db: Database) -> Any:
        (anna,) = customers(db)
        _, codes = batch(db, codes=30, uses_per_user=3)
        return [anna], [(anna, code, None) for code in codes]

    _check(database_url, make, {"redeemed": 3, "voucher_limit_reached": 27}, 1500)


def test_a_batch_gives_as_often_as_it_may(database_url: str) -> None:
    """Thirty customers with a code each, seven uses in all: seven are credited."""

    def make(db: Database) -> Any:
        users = customers(db, 30)
        _, codes = batch(db, codes=30, total_uses=7)
        return users, [(user, code, None) for user, code in zip(users, codes, strict=True)]

    _check(database_url, make, {"redeemed": 7, "voucher_spent": 23}, 3500)


def test_a_code_for_many_gives_as_often_as_it_may(database_url: str) -> None:
    """Ten customers send one code three times each, which is good for twelve, two for each."""

    def make(db: Database) -> Any:
        users = customers(db, 10)
        _, (code,) = batch(db, codes=1, uses_per_code=12, uses_per_user=2)
        return users, [(user, code, None) for user in users * 3]

    db = Database(database_url)
    users, asked = make(db)
    came = _at_once(database_url, asked)
    assert came["redeemed"] == 12
    assert sum(came.values()) == 30
    assert max(available(db, user) for user in users) <= 1000
    assert found(db) == []
    db.close()


def test_one_key_sent_many_times_at_once_is_one_redemption(database_url: str) -> None:
    """Thirty times the same code with the same key: the same redemption every time."""
    db = Database(database_url)
    (anna,) = customers(db)
    _, codes = batch(db)
    came = _at_once(database_url, [(anna, codes[0], "one")] * 30)
    assert list(came.values()) == [30]
    assert "voucher_spent" not in came
    assert available(db, anna) == 500
    assert found(db) == []
    db.close()


def test_two_users_with_two_codes_crosswise_never_wait_in_a_circle(database_url: str) -> None:
    """Everybody redeems all codes of two batches in another order; nothing is lost or locked."""

    def make(db: Database) -> Any:
        users = customers(db, 6)
        codes = [
            code
            for _ in range(2)
            for code in batch(db, codes=3, uses_per_code=6, uses_per_user=3)[1]
        ]
        turned = [codes[n:] + codes[:n] for n in range(6)]
        asked = [
            (user, code, None) for user, order in zip(users, turned, strict=True) for code in order
        ]
        return users, asked

    _check(database_url, make, {"redeemed": 36}, 36 * 500)
