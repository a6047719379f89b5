"""The champion moves many times while customers of two processes buy without a pause."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2

from augury.audit_log.service import HOUSE
from augury.inference.model import Model
from augury.inference.quarantine import Limits
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.registry import change
from augury.registry.publish import Draft, Press, publish_model, publish_version
from support.houses import Server, findings, fund, servers, sign_up
from support.scale import on_sqlite_in_suite, times
from support.tiny_models import MATRIX, ROWS, Tiny
from support.uploads import NAME, parts, version

GAINS = (1.0, 2.0)
CREDITS = 10_000_000
# Every process looks at the registry four times a second.
NOTICE = SECOND * 35 // 100


@dataclass(frozen=True)
class Answer:
    """What a customer got, and when it was asked for and given."""

    sent_at: int
    came_at: int
    status: int
    version: int | None
    chances: list[float]
    row: int


def publish(database_url: str, data_dir: Path) -> list[Tiny]:
    """Put a model with two versions on sale, straight through the registry."""
    tinies = [version(data_dir / "drafts", gain) for gain in GAINS]
    db = Database(database_url)
    press = Press(db, data_dir / "artifacts", Limits(), ())
    for number, tiny in enumerate(tinies):
        draft = Draft(parts(tiny)["manifest"][1], tiny.path, "", "")
        if number:
            publish_version(press, NAME, draft, HOUSE)
        else:
            publish_model(press, draft, HOUSE)
    change.amend(db, NAME, change.Amendment(status="active"), HOUSE)
    db.close()
    return tinies


def buyer(server: Server, name: str, database_url: str) -> httpx2.Client:
    """Return a customer with credits, signed in at a server."""
    client = httpx2.Client(base_url=server.address, timeout=20, trust_env=False)
    client.headers.update(sign_up(client, name))
    fund(database_url, client.get("/v1/me").json()["id"], CREDITS)
    return client


def shop(client: httpx2.Client, stop: threading.Event) -> list[Answer]:
    """Buy until told to stop, one to sixteen rows at a time, and return every answer."""
    answers = []
    count = 0
    while not stop.is_set():
        count += 1
        row = count % len(ROWS)
        body = json.dumps({"model": NAME, "inputs": [ROWS[row]] * (1 + count % 16)})
        sent_at = now()
        given = client.post(
            "/v1/predictions", content=body, headers={"Content-Type": "application/json"}
        )
        sold = given.json()
        answers.append(
            Answer(
                sent_at,
                now(),
                given.status_code,
                sold.get("version"),
                [output["default_probability"] for output in sold.get("outputs", [])],
                row,
            )
        )
    return answers


def move(database_url: str, times: int) -> list[tuple[int, int]]:
    """Move the champion to and fro; return each version with the moment it began."""
    db = Database(database_url)
    began = []
    for turn in range(times):
        number = 2 - turn % 2
        moment = change.move_alias(db, NAME, "champion", number, HOUSE, notice=NOTICE)
        began.append((number, moment))
        time.sleep(max(0, moment - now()) / SECOND + 0.02)
    db.close()
    return began


@on_sqlite_in_suite
def test_sales_go_through_many_moves_of_the_champion(database_url: str, tmp_path: Path) -> None:
    """No sale fails, no answer mixes two versions, and each move is in force within a second.

    The turn itself knows no database, so PostgreSQL gets fewer of them.
    """
    moves = times(6, 100) if database_url.startswith("sqlite") else times(3, 20)
    with servers(database_url, tmp_path, 2) as running:
        tinies = publish(database_url, tmp_path)
        expected = [
            [round(float(p), 6) for p in Model(tiny.manifest, tiny.path, 1).predict(MATRIX)]
            for tiny in tinies
        ]
        buyers = [buyer(running[n % 2], f"buyer{n}", database_url) for n in range(4)]
        time.sleep(1)
        stop = threading.Event()
        with ThreadPoolExecutor(len(buyers)) as pool:
            import os as _os, signal as _sig, time as _t
            def _stall():
                for one in (0, 1):
                    _t.sleep(0.9)
                    _os.kill(running[one].process.pid, _sig.SIGSTOP); _t.sleep(5); _os.kill(running[one].process.pid, _sig.SIGCONT)
            threading.Thread(target=_stall, daemon=True).start()
            shopping = [pool.submit(shop, client, stop) for client in buyers]
            try:
                began = move(database_url, moves)
                time.sleep(1.5)
            finally:
                stop.set()
            answers = [answer for one in shopping for answer in one.result()]
        for client in buyers:
            client.close()
    assert {answer.status for answer in answers} == {201}
    for answer in answers:
        assert answer.version is not None
        wanted = expected[answer.version - 1][answer.row]
        assert answer.chances == [wanted] * len(answer.chances)
    assert {answer.version for answer in answers} == {1, 2}
    assert len(answers) > 10 * moves
    late = [a for a in answers if a.sent_at > began[-1][1] + SECOND]
    assert late
    assert {answer.version for answer in late} == {began[-1][0]}
    # An answer is of a version that was the champion at some time within a second before it came.
    for answer in answers:
        assert answer.version in _champions(began, answer.sent_at - SECOND, answer.came_at)
    assert findings(database_url) == []


def _champions(began: list[tuple[int, int]], since: int, until: int) -> set[int]:
    """Return the versions that were the champion at any time between two moments."""
    ends = [moment for _, moment in began[1:]] + [2**63]
    found = {
        number
        for (number, start), end in zip(began, ends, strict=True)
        if start <= until and end >= since
    }
    return found | ({1} if since < began[0][1] else set())
