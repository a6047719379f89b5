"""Shadow scores: what they hold, what they cost the sale, and that nothing waits for them."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import insert, select

from augury.inference.model import Model, Probabilities
from augury.inference.signature import Matrix
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import first_id, new_id
from augury.predictions import shadow
from augury.predictions.shadow import KEPT, Shadow, purge, sampled
from augury.predictions.tables import shadow_scores

ROWS = np.zeros((2, 3), dtype=np.float32)
SOLD = np.array([0.25, 0.1234567890])


@dataclass
class Scripted:
    """A model that says what a test wants."""

    says: Callable[[Matrix], Probabilities]
    asked: list[int] = field(default_factory=list)

    def predict(self, matrix: Matrix) -> Probabilities:
        self.asked.append(len(matrix))
        return self.says(matrix)


def saying(value: float) -> Scripted:
    return Scripted(lambda matrix: np.full(len(matrix), value))


def offer(
    to: Shadow, challenger: Scripted, champion: Scripted | None = None, id_: str | None = None
) -> str:
    id_ = id_ or new_id()
    models = cast("Model", champion or saying(0.5)), cast("Model", challenger)
    to.offer(id_, "tiny", 1, models[0], 2, models[1], ROWS, SOLD)
    return id_


def drained(to: Shadow) -> None:
    """Wait until the thread has taken what waits, and has stored it."""
    done = threading.Event()

    def tell(matrix: Matrix) -> Probabilities:
        done.set()
        return np.full(len(matrix), 0.5)

    offer(to, Scripted(tell))
    assert done.wait(60)
    to.close()
    to._thread.join(60)


def scores(db: Database) -> dict[str, Any]:
    with db.read() as tx:
        return {row.prediction_id: row for row in tx.execute(select(shadow_scores))}


@pytest.fixture
def behind(db: Database) -> Iterator[Shadow]:
    """A shadow behind a database."""
    opened = Shadow(db)
    yield opened
    opened.close()


def test_what_was_sold_is_scored_by_the_challenger_too(db: Database, behind: Shadow) -> None:
    """Stored is what was sold, as customers see it, and what the challenger says of the rows."""
    challenger, champion = saying(0.75), saying(0.9)
    id_ = offer(behind, challenger, champion)
    drained(behind)
    row = scores(db)[id_]
    assert (row.model, row.champion, row.version) == ("tiny", 1, 2)
    assert json.loads(row.scores) == [0.75, 0.75]
    assert json.loads(row.champion_scores) == [0.25, 0.123457]
    assert row.seconds > 0
    assert row.champion_seconds > 0
    assert (challenger.asked, champion.asked) == ([2], [2])
    assert behind.dropped == 0


def test_a_challenger_that_fails_is_stored_as_failed(db: Database, behind: Shadow) -> None:
    def fail(_: Matrix) -> Probabilities:
        message = "broken"
        raise RuntimeError(message)

    id_ = offer(behind, Scripted(fail))
    after = offer(behind, saying(0.5))
    drained(behind)
    found = scores(db)
    assert found[id_].scores is None
    assert json.loads(found[id_].champion_scores) == [0.25, 0.123457]
    assert json.loads(found[after].scores) == [0.5, 0.5]


def test_a_sale_handed_over_twice_is_scored_once(db: Database, behind: Shadow) -> None:
    id_ = offer(behind, saying(0.5))
    offer(behind, saying(0.6), id_=id_)
    after = offer(behind, saying(0.7))
    drained(behind)
    assert {id_, after} <= scores(db).keys()
    assert json.loads(scores(db)[id_].scores) == [0.5, 0.5]


def test_what_is_too_much_is_dropped_and_nobody_waits(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the challenger hangs, offers come back at once, and those beyond the limit are lost."""
    monkeypatch.setattr(shadow, "_MOST_WAITING", 5)
    behind = Shadow(db)
    begun, free = threading.Event(), threading.Event()

    def hang(matrix: Matrix) -> Probabilities:
        begun.set()
        free.wait(60)
        return np.full(len(matrix), 0.5)

    first = offer(behind, Scripted(hang))
    assert begun.wait(60)
    waiting = [offer(behind, saying(0.5)) for _ in range(5)]
    lost = [offer(behind, saying(0.5)) for _ in range(3)]
    assert behind.dropped == 3
    free.set()
    while not behind._waiting.empty():
        free.wait(0.01)
    drained(behind)
    assert {first, *waiting} <= scores(db).keys()
    assert not {*lost} & scores(db).keys()


def test_champion_and_challenger_take_turns_in_going_first(db: Database, behind: Shadow) -> None:
    """Whoever comes second finds warm caches; over many rows neither has that advantage."""
    order: list[str] = []

    def tell(name: str) -> Scripted:
        def says(matrix: Matrix) -> Probabilities:
            order.append(name)
            return np.full(len(matrix), 0.5)

        return Scripted(says)

    for _ in range(4):
        offer(behind, tell("challenger"), tell("champion"))
    drained(behind)
    pairs = Counter(zip(order[::2], order[1::2], strict=True))
    assert pairs == {("challenger", "champion"): 2, ("champion", "challenger"): 2}


@pytest.mark.parametrize("trouble", [LedgerUnavailable, RuntimeError])
def test_a_database_that_is_away_costs_scores_and_not_the_thread(
    db: Database, behind: Shadow, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    refused = threading.Event()

    def away() -> Any:
        refused.set()
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(db, "write", away)
        offer(behind, saying(0.5))
        assert refused.wait(60)
        while not behind.dropped:
            threading.Event().wait(0.01)
    after = offer(behind, saying(0.5))
    drained(behind)
    assert behind.dropped == 1
    assert after in scores(db)


def test_after_closing_nothing_is_scored(db: Database) -> None:
    behind = Shadow(db)
    behind.close()
    behind._thread.join(60)  # closing itself waits for a second
    assert not behind._thread.is_alive()
    offer(behind, saying(0.5))
    assert scores(db) == {}


def test_the_dice_fall_the_same_way_again_and_for_the_share_that_is_asked() -> None:
    """For 5000 ids about as many are chosen as the share says; a larger share has all of them."""
    dice = random.Random(5)
    ids = [str(UUID(int=dice.getrandbits(128), version=4)) for _ in range(5000)]
    for percent in (1, 10, 50, 99):
        chosen = {id_ for id_ in ids if sampled(id_, percent)}
        assert chosen == {id_ for id_ in ids if sampled(id_, percent)}
        assert abs(len(chosen) / 5000 - percent / 100) < 0.03
        assert chosen <= {id_ for id_ in ids if sampled(id_, percent + 1)}
    assert all(sampled(id_, 100) for id_ in ids)
    assert not any(sampled(id_, 0) for id_ in ids)
    assert sampled("0198c0de-0000-7000-8000-000000000000", 4)
    assert not sampled("0198c0de-0000-7000-8000-000000000000", 3)


def test_old_scores_are_deleted_and_younger_ones_stay(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, however many transactions that takes; a stop ends it between two."""
    monkeypatch.setattr(shadow, "_PURGED_AT_ONCE", 10)
    moments = {"old": now() - KEPT - 600 * SECOND, "young": now() - KEPT + 600 * SECOND}
    ids = {
        name: [first_id(moment)[:18] + new_id()[18:] for _ in range(25)]
        for name, moment in moments.items()
    }
    row = {
        "model": "tiny",
        "champion": 1,
        "scores": None,
        "champion_scores": "[]",
        "seconds": 1,
        "champion_seconds": 1,
    }
    with db.write() as tx:
        rows = [
            {**row, "prediction_id": id_, "version": version, "created_at": moments[name]}
            for name, some in ids.items()
            for id_ in some
            for version in (2, 3)
        ]
        tx.execute(insert(shadow_scores), rows)
    stopped = threading.Event()
    stopped.set()
    assert purge(db, stopped) == 0
    assert purge(db, threading.Event()) == 50
    assert set(scores(db)) == set(ids["young"])
    assert purge(db, threading.Event()) == 0
