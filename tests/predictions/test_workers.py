"""Who works in the background is who has said so of late."""

import pytest

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.predictions import workers
from augury.predictions.workers import ALIVE_SECONDS, SAY_SECONDS, Presence, live
from support.waiting import meet


def kinds(db: Database) -> list[str]:
    with db.read() as tx:
        return [one.kind for one in live(tx)]


def test_a_process_is_there_from_its_first_word_until_it_leaves(db: Database) -> None:
    """However often it says so, it is one."""
    embedded, apart = Presence(db, "embedded"), Presence(db, "apart")
    embedded.say()
    apart.say()
    embedded.say()
    assert kinds(db) == ["embedded", "apart"]
    embedded.leave()
    assert kinds(db) == ["apart"]


def test_a_process_that_is_silent_counts_no_more(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two words that did not come; when it speaks again, it is there again."""
    process = Presence(db, "rung")
    moment = now()
    monkeypatch.setattr(workers, "now", lambda: moment)
    process.say()
    two_words = int(2 * SAY_SECONDS)
    for passed, is_there in ((two_words, True), (ALIVE_SECONDS + 1, False)):
        monkeypatch.setattr(workers, "now", lambda passed=passed: moment + passed * SECOND)
        assert (kinds(db) == ["rung"]) is is_there
    process.say()
    assert kinds(db) == ["rung"]


def test_who_died_long_ago_is_forgotten(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table does not grow with every process that there ever was."""
    Presence(db, "apart").say()
    moment = now()
    monkeypatch.setattr(workers, "now", lambda: moment + 2 * 3600 * SECOND)
    survivor = Presence(db, "apart")
    assert survivor.say() == 1
    assert survivor.say() == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_processes_that_all_stood_still_do_not_wait_to_forget_each_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a machine has slept: each speaks again, and none of them is gone."""
    first, second = Presence(db, "apart"), Presence(db, "apart")
    first.say()
    second.say()
    moment = now()
    monkeypatch.setattr(workers, "now", lambda: moment + 2 * 3600 * SECOND)
    meet(db, first.say, second.say, after="UPDATE workers")
    assert kinds(db) == ["apart", "apart"]
