"""The chain over the audit log: whole when nobody touched the log, and it shows who did."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from typer.testing import CliRunner, Result

from augury.audit_log import chain
from augury.audit_log.chain import START, Head, seal, verify
from augury.audit_log.service import HOUSE, record
from augury.bootstrap import audit_books
from augury.cli import app
from augury.kit.db import Database, WriteTx
from augury.kit.ids import new_id
from support.houses import SECRET


def run(*arguments: str) -> Result:
    """Run a command in this process; the log does not stay with its terminal."""
    told = CliRunner().invoke(app, ["audit", "verify", *arguments])
    structlog.reset_defaults()
    return told


def write(db: Database, count: int = 1) -> None:
    """Write so many events, each in a transaction of its own."""
    for number in range(count):
        with db.write() as tx:
            record(tx, HOUSE, "tested", f"event:{number}", {"was": number, "is": number + 1})


def sealed(db: Database, count: int = 5) -> Head:
    """Write events, seal them and return the end of the chain."""
    write(db, count)
    assert seal(db, threading.Event()) == count
    return head(db)


def head(db: Database) -> Head:
    with db.read() as tx:
        return verify(tx).head


def kinds(db: Database, known: Head | None = None) -> list[str]:
    """Return the kinds of faults that following the chain finds."""
    with db.read() as tx:
        return [fault.kind for fault in verify(tx, known).faults]


def tamper(db: Database, *statements: str, **values: Any) -> None:
    """Do what only the owner of the database can: past the triggers."""
    with db.write() as tx:
        _lift_triggers(tx)
        for statement in statements:
            tx.execute(text(statement), values)


def _lift_triggers(tx: WriteTx) -> None:
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for name in tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        tx.execute(text(f"DROP TRIGGER {name[0]}"))


def _id_of(db: Database, number: int) -> str:
    with db.read() as tx:
        found = text("SELECT event_id FROM audit_links WHERE number = :number")
        return str(tx.execute(found, {"number": number}).scalar_one())


def test_an_empty_log_and_a_sealed_one_are_whole(db: Database) -> None:
    """What waits for its link is no fault; sealing again does nothing."""
    assert head(db) == Head(0, START)
    write(db, 3)
    with db.read() as tx:
        assert verify(tx).waiting == 3
    assert seal(db, threading.Event()) == 3
    assert seal(db, threading.Event()) == 0
    with db.read() as tx:
        verdict = verify(tx)
    assert (verdict.waiting, verdict.faults, verdict.head.number) == (0, [], 3)


def test_an_event_that_is_committed_late_gets_a_later_number(db: Database) -> None:
    """Its identifier is older than that of events that are sealed already: nothing is passed by."""
    early = new_id()
    sealed(db, 2)
    with db.write() as tx:
        tx.execute(
            text(
                "INSERT INTO audit_events (id, action, subject, details, created_at)"
                " VALUES (:id, 'late', 'event:late', '{}', 1)"
            ),
            {"id": early},
        )
    assert seal(db, threading.Event()) == 1
    assert _id_of(db, 3) == early
    assert kinds(db) == []


def test_many_who_seal_at_once_make_one_chain(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes have this duty, while others go on writing."""
    monkeypatch.setattr(chain, "_SEALED_AT_ONCE", 3)
    with ThreadPoolExecutor(8) as threads:
        writing = [threads.submit(write, db, 10) for _ in range(4)]
        sealing = [threads.submit(seal, db, threading.Event()) for _ in range(12)]
        for written in writing:
            written.result()
        assert sum(some.result() for some in sealing) <= 40
    seal(db, threading.Event())
    assert head(db).number == 40
    assert kinds(db) == []


@pytest.mark.parametrize("table", ["audit_events", "audit_links"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET {} = NULL"])
def test_the_database_refuses_to_change_log_and_chain(db: Database, table: str, verb: str) -> None:
    """Whoever asks."""
    sealed(db)
    column = {"audit_events": "actor_id", "audit_links": "link"}[table]
    with pytest.raises(Exception, match="never changed or deleted"), db.write() as tx:
        tx.execute(text(verb.format(table, column)))
    assert kinds(db) == []


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = '01a201ed-8000-741d-a992-87838575df92'",
        "action = 'nothing'",
        "subject = 'user:somebody'",
        "details = '{}'",
        "address = '192.0.2.7'",
        "request_id = 'another'",
        "created_at = created_at + 1",
    ],
)
def test_any_change_of_an_event_is_found(db: Database, change: str) -> None:
    """Whichever of its columns it is, only that event is named."""
    sealed(db)
    tamper(db, f"UPDATE audit_events SET {change} WHERE id = :id", id=_id_of(db, 3))
    with db.read() as tx:
        (fault,) = verify(tx).faults
    assert (fault.kind, fault.subject) == ("audit_event_changed", f"event {_id_of(db, 3)}")


def test_an_event_taken_from_the_middle_is_found(db: Database) -> None:
    """With its link, and without."""
    sealed(db)
    id_ = _id_of(db, 3)
    tamper(db, "DELETE FROM audit_events WHERE id = :id", id=id_)
    assert kinds(db) == ["audit_event_lost"]
    tamper(db, "DELETE FROM audit_links WHERE event_id = :id", id=id_)
    assert kinds(db) == ["audit_link_lost"]


def test_a_tail_that_was_taken_away_is_found(db: Database) -> None:
    """Also when the note of the end was turned back, if its last value is known from elsewhere."""
    known = sealed(db)
    tail = [_id_of(db, number) for number in (4, 5)]
    for id_ in tail:
        tamper(db, "DELETE FROM audit_events WHERE id = :id", id=id_)
        tamper(db, "DELETE FROM audit_links WHERE event_id = :id", id=id_)
    assert kinds(db) == ["audit_tail_lost"]
    left = head(db)
    tamper(db, "UPDATE audit_head SET number = :number, link = :link", number=3, link=left.link)
    assert kinds(db) == []
    assert kinds(db, known) == ["audit_head_lost"]
    assert kinds(db, left) == []


def test_a_chain_that_was_made_anew_does_not_lead_through_a_known_end(db: Database) -> None:
    """Whoever owns the database can forge all of it, but not with the same links."""
    known = sealed(db)
    tamper(
        db,
        "UPDATE audit_events SET details = '{}'",
        "DELETE FROM audit_links",
        f"UPDATE audit_head SET number = 0, link = '{START}'",
        "INSERT INTO audit_unsealed SELECT id FROM audit_events",
    )
    assert seal(db, threading.Event()) == 5
    assert kinds(db) == []
    assert kinds(db, known) == ["audit_head_lost"]


def test_events_that_nothing_will_seal_are_found(db: Database) -> None:
    """One was slipped in past the trigger, and one that waited was taken away."""
    sealed(db)
    write(db)
    tamper(db, "DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_unsealed)")
    slipped = (
        "INSERT INTO audit_events (id, action, subject, details, created_at)"
        " VALUES (:id, 'slipped', 'in', '{}', 1)"
    )
    tamper(db, slipped, id=new_id())
    assert sorted(kinds(db)) == ["audit_event_lost", "audit_event_unsealed"]


def test_a_link_that_was_changed_is_found(db: Database) -> None:
    """The event before and after it are as they were; the chain is not."""
    sealed(db)
    tamper(db, f"UPDATE audit_links SET link = '{'f' * 64}' WHERE number = 5")
    assert kinds(db) == ["audit_event_changed", "audit_tail_lost"]


def test_the_audit_of_the_books_follows_the_chain(db: Database) -> None:
    """So a backup, the chaos test and `augury ledger audit` find it as well."""
    sealed(db)
    tamper(db, "UPDATE audit_events SET details = '{}' WHERE id = :id", id=_id_of(db, 1))
    with db.read() as tx:
        assert [one.kind for one in audit_books(tx).findings] == ["audit_event_changed"]


def test_the_command_says_whether_the_log_is_whole(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints the end of the chain, which it takes back as `--known`; 1 means it is not whole."""
    monkeypatch.setenv("AUGURY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUGURY_SECRET_KEY", SECRET)
    known = sealed(db)
    told = run()
    assert told.exit_code == 0, told.output
    assert "The audit log is whole." in told.stdout
    printed = re.search(r"^head +(\S+)$", told.stdout, re.MULTILINE)
    assert printed is not None
    assert printed[1] == f"{known.number}:{known.link}"
    write(db)
    seal(db, threading.Event())
    again = run("--known", printed[1])
    assert again.exit_code == 0, again.output
    forged = f"{known.number}:{'0' * 64}"
    assert run("--known", forged).exit_code == 1
    assert run("--known", "nonsense").exit_code == 2
    tamper(db, "DELETE FROM audit_events WHERE id = :id", id=_id_of(db, 2))
    broken = run()
    assert broken.exit_code == 1
    assert "audit_event_lost" in broken.stderr
