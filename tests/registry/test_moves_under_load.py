"""The champion moves many times while customers of two processes buy without a pause."""

import json
import threading
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
from support.patience import was_busy
from support.scale import on_sqlite_in_suite, times
from support.tiny_models import MATRIX, ROWS, Tiny
from support.uploads import NAME, parts, version
from support.waiting import eventually

GAINS = (1.0, 2.0)
CREDITS = 10_000_000
# Every process looks at the registry four times a second.
NOTICE = SECOND * 35 // 100


@dataclass(frozen=True)
class Move:
    """The champion from a moment on; nobody can know of it before its announcement is stored."""

    version: int
    begins: int
    stored: int

    @property
    def starts(self) -> int:
        """When every process can have turned: the moment, unless the announcement was late."""
        return max(self.begins, self.stored)


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
    client = httpx2.Client(base_url=server.address, timeout=90, trust_env=False)
    client.headers.update(sign_up(client, name))
    fund(database_url, client.get("/v1/me").json()["id"], CREDITS)

    def sells(number: int) -> bool:
        body = {"model": f"{NAME}@{number}", "inputs": ROWS[:1]}
        return client.post("/v1/predictions", json=body).status_code == 201

    eventually(lambda: sells(1) and sells(2))  # before anybody moves to them
    return client


def shop(client: httpx2.Client, stop: threading.Event, answers: list[Answer]) -> None:
    """Buy until told to stop, one to sixteen rows at a time, and keep every answer."""
    count = 0
    while not stop.is_set():
        count += 1
        row = count % len(ROWS)
        body = json.dumps({"model": NAME, "inputs": [ROWS[row]] * (1 + count % 16)})
        sent_at = now()
        given = client.post(
            "/v1/predictions", content=body, headers={"Content-Type": "application/json"}
        )
        if was_busy(given):  # the other process stood still while it wrote
            continue
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


def move(database_url: str, times: int, answers: list[Answer]) -> list[Move]:
    """Move the champion to and fro, each time until it has answered a few; return the moves."""
    db = Database(database_url)
    moves = []
    for turn in range(times):
        number = 2 - turn % 2
        moment = change.move_alias(db, NAME, "champion", number, HOUSE, notice=NOTICE)
        moves.append(Move(number, moment, now()))
        await_answers(answers, moment, number)
    await_answers(answers, moves[-1].starts + SECOND)
    db.close()
    return moves


def await_answers(answers: list[Answer], moment: int, version_: int | None = None) -> None:
    """Return when eleven have asked after a moment and were answered, by a version or by any."""

    def came() -> bool:
        asked = [one for one in answers[-5000:] if one.sent_at > moment]
        return sum(version_ in {None, one.version} for one in asked) > 10

    eventually(came)


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
        stop, answers = threading.Event(), list[Answer]()
        with ThreadPoolExecutor(len(buyers)) as pool:
            shopping = [pool.submit(shop, client, stop, answers) for client in buyers]
            try:
                began = move(database_url, moves, answers)
            finally:
                stop.set()
            for one in shopping:
                one.result()
        for client in buyers:
            client.close()
    assert {answer.status for answer in answers} == {201}
    for answer in answers:
        assert answer.version is not None
        wanted = expected[answer.version - 1][answer.row]
        assert answer.chances == [wanted] * len(answer.chances)
    assert {answer.version for answer in answers} == {1, 2}
    assert len(answers) > 10 * moves
    late = [a for a in answers if a.sent_at > began[-1].starts + SECOND]
    assert late
    assert {answer.version for answer in late} == {began[-1].version}
    # An answer is of a version that was the champion at some time within a second before it came.
    for answer in answers:
        assert answer.version in _champions(began, answer.sent_at - SECOND, answer.came_at)
    assert findings(database_url) == []


def _champions(began: list[Move], since: int, until: int) -> set[int]:
    """Return the versions that were the champion at any time between two moments."""
    ends = [one.starts for one in began[1:]] + [2**63]
    found = {
        one.version
        for one, end in zip(began, ends, strict=True)
        if one.begins <= until and end >= since
    }
    return found | ({1} if since < began[0].starts else set())
