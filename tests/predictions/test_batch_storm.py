"""Storms and crashes over batches: every accepted one ends, no row is lost and none is twice."""

import io
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.csv as pa_csv
import pytest

from augury import bootstrap
from support.files import NUMBER, PRICE, applicants, await_end, send, written
from support.houses import Server, findings, fund, settings_for, sign_up
from support.patience import was_busy
from support.scale import on_sqlite_in_suite, times

_ROWS = 25_000
_BAD = (7, 20_000, _ROWS - 1)
_WIDE = [f"note_{number}" for number in range(100)]


def test_parallel_orders_spend_what_there_is_and_no_more(pair: list[Server]) -> None:
    """Ten files at once through two processes, credits for four: six are refused, and the rows
    that could not be predicted leave credits for later."""
    clients = [httpx2.Client(base_url=server.address, timeout=60) for server in pair]
    anna = sign_up(clients[0])
    fund(pair[0].database_url, clients[0].get("/v1/me", headers=anna).json()["id"], 4 * 50 * PRICE)
    content = written("csv", applicants(50, bad=(1,)))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: _sent(clients[n % 2], anna, content), range(10)))
    accepted = [one.json()["id"] for one in answers if one.status_code == 202]
    ended = [await_end(clients[0], anna, id_) for id_ in accepted]
    assert {one.status_code for one in answers} <= {202, 402}
    assert len(accepted) >= 4
    assert {one["credits_captured"] for one in ended} == {49 * PRICE}
    left = clients[1].get("/v1/balance", headers=anna).json()
    assert left == {"available": (4 * 50 - len(accepted) * 49) * PRICE, "held": 0}
    for client in clients:
        client.close()
    assert findings(pair[0].database_url) == []


def _sent(client: httpx2.Client, headers: dict[str, str], content: bytes, **form: str) -> Any:
    """Return the answer to an order of a batch by a house that could get at its database."""
    while was_busy(answer := send(client, headers, content, **form)):
        pass
    return answer


@on_sqlite_in_suite
@pytest.mark.parametrize("rounds", [times(1, 25)])
def test_a_killed_worker_loses_no_row_and_makes_none_twice(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    """After `kill -9` in the middle of batches, again and again, each has every row in its order
    and was paid once for those that succeeded."""
    bootstrap.prepare(settings_for(database_url, tmp_path))
    rows = applicants(_ROWS, _BAD)
    # So wide that there are three chunks.
    content = written("csv", [row | dict.fromkeys(_WIDE, "") for row in rows])
    dice = random.Random(5)
    server = Server(database_url, tmp_path).ready()
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        customers = [sign_up(client, f"customer{number}") for number in range(2)]
        for headers in customers:
            id_ = client.get("/v1/me", headers=headers).json()["id"]
            fund(database_url, id_, rounds * _ROWS * PRICE)
    ids: dict[str, dict[str, str]] = {}
    for number in range(rounds):
        with httpx2.Client(base_url=server.address, timeout=60) as client:
            for place, headers in enumerate(customers):
                key = f"{number}-{place}"
                ids[_sent(client, headers, content, key=key).json()["id"]] = headers
                again = _sent(client, headers, content, key=key)
                assert again.json()["id"] in ids
        time.sleep(dice.uniform(0.1, 1.5))
        server.kill()
        server = Server(database_url, tmp_path).ready()
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        for id_, headers in ids.items():
            ended = await_end(client, headers, id_, 200)
            assert (ended["status"], ended["rows_done"]) == ("succeeded", _ROWS - len(_BAD))
            _check(client, headers, id_)
        for headers in customers:
            left = client.get("/v1/balance", headers=headers).json()
            assert left == {"available": rounds * len(_BAD) * PRICE, "held": 0}
    assert server.stop() == 0
    assert findings(database_url) == []


def _check(client: httpx2.Client, headers: dict[str, str], id_: str) -> None:
    answer: Any = client.get(f"/v1/batches/{id_}/results", headers=headers)
    told = pa_csv.ConvertOptions(
        strings_can_be_null=True, include_columns=[NUMBER, "error", "default_probability"]
    )
    numbers, errors, probabilities = (
        pa_csv.read_csv(io.BytesIO(answer.content), convert_options=told).to_pydict().values()
    )
    assert numbers == list(range(_ROWS))
    assert [place for place, error in enumerate(errors) if error is not None] == [*_BAD]
    assert [place for place, one in enumerate(probabilities) if one is None] == [*_BAD]
