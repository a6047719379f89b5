"""The database: what a transaction promises, on SQLite and PostgreSQL."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from augury.kit.db import Database, Given, Id, Int64, WriteTx, insert_rows, locked
from augury.kit.errors import LedgerUnavailable
from augury.kit.ids import new_id
from support.databases import plan_badly
from support.waiting import eventually

_notes = Table(
    "notes",
    MetaData(),
    Column("id", Id, primary_key=True),
    Column("number", BigInteger),
    Column("word", String(40)),
)


@pytest.fixture
def notes(db: Database) -> Database:
    """A database with one table of no meaning."""
    with db.write() as tx:
        _notes.create(tx)
    return db


def _count(db: Database) -> int:
    with db.read() as tx:
        return tx.execute(select(func.count()).select_from(_notes)).scalar_one()


def _note(number: int | None = 1, word: str | None = "a") -> dict[str, object]:
    return {"id": new_id(), "number": number, "word": word}


def _insert(tx: WriteTx, rows: list[dict[str, object]]) -> None:
    insert_rows(tx, _notes, ("id", "number", "word"), [tuple(row.values()) for row in rows])


def test_a_block_that_ends_is_committed(notes: Database) -> None:
    """What a write block did is there for everybody afterwards."""
    with notes.write() as tx:
        tx.execute(insert(_notes), [_note(), _note()])
    assert _count(notes) == 2


def test_a_block_that_fails_leaves_nothing(notes: Database) -> None:
    """An exception takes everything back that its block did, and reaches the caller unchanged."""

    def fail() -> None:
        with notes.write() as tx:
            tx.execute(insert(_notes), _note())
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert _count(notes) == 0
    with notes.write() as tx:
        tx.execute(insert(_notes), _note())
    assert _count(notes) == 1, "the next writer is not in the way of the failed one"


def test_a_statement_that_fails_leaves_nothing(notes: Database) -> None:
    """A broken constraint takes back the whole block, also what was right before it."""
    twin = _note()
    with pytest.raises(IntegrityError), notes.write() as tx:
        tx.execute(insert(_notes), _note())
        tx.execute(insert(_notes), twin)
        tx.execute(insert(_notes), twin)
    assert _count(notes) == 0


def test_a_reading_transaction_cannot_write(notes: Database) -> None:
    """The database itself refuses to write in a transaction that is for reading."""
    with pytest.raises(Exception) as refused, notes.read() as tx:  # noqa: PT011 - each driver has its own
        tx.execute(insert(_notes), _note())
        tx.commit()
    # SQLite calls it an operational error, which `read` takes for a database out of reach.
    told = f"{refused.value} {refused.value.__cause__}".lower().replace("-", "")
    assert "readonly" in told
    assert _count(notes) == 0


def test_a_reading_transaction_sees_one_moment(notes: Database) -> None:
    """What others commit meanwhile does not appear in the middle of a read."""
    with notes.read() as tx:
        before = tx.execute(select(func.count()).select_from(_notes)).scalar_one()
        with notes.write() as other:
            other.execute(insert(_notes), _note())
        after = tx.execute(select(func.count()).select_from(_notes)).scalar_one()
    assert (before, after) == (0, 0)
    assert _count(notes) == 1


def test_an_unreachable_postgresql_is_a_refusal() -> None:
    """Nobody listens: both kinds of transaction say that the ledger is unavailable, and since when to retry."""
    with socket.socket() as held:  # nobody else is given its port
        held.bind(("127.0.0.1", 0))
        db = Database(f"postgresql://nobody@127.0.0.1:{held.getsockname()[1]}/nothing")
        for transaction in (db.read, db.write):
            with pytest.raises(LedgerUnavailable) as refused, transaction():
                pass
            assert refused.value.status == 503
            assert refused.value.retry_after_seconds
        db.close()


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    """However often it is met meanwhile, and again at the next one."""
    file = tmp_path / "file.db"
    db = Database(f"sqlite:///{file}")
    with capture_logs() as logs:
        for _ in range(2):
            for left in tmp_path.iterdir():
                left.unlink()
            file.mkdir()  # a folder is no file
            for _ in range(3):
                with pytest.raises(LedgerUnavailable), db.write():
                    pass
            file.rmdir()
            for _ in range(2):
                with db.write():
                    pass
            db.close()
    # A thread that another test has left behind may have something to say as well.
    ours = [log for log in logs if log["event"].startswith("database_")]
    told = [(log["event"], log["kind"], log.get("failed")) for log in ours]
    once = [("database_unreachable", "write", None), ("database_reachable", "write", 3)]
    assert told == once * 2


def test_an_unreachable_sqlite_file_is_a_refusal(tmp_path: Path) -> None:
    """A file that cannot be opened is an unavailable ledger too."""
    db = Database(f"sqlite:///{tmp_path}")  # a folder is no file
    for transaction in (db.read, db.write):
        with pytest.raises(LedgerUnavailable), transaction():
            pass
    db.close()


def test_an_unknown_database_is_named() -> None:
    """An address of another kind says what can be used."""
    with pytest.raises(ValueError, match="use sqlite or postgresql"):
        Database("mysql://localhost/augury")


def test_many_writers_wait_for_each_other(notes: Database) -> None:
    """Eight threads write fifty times each, reading first: nobody is locked out, nothing is lost."""
    with notes.write() as tx:
        tx.execute(insert(_notes), {"id": new_id(), "number": 0, "word": "counter"})
    failures: list[BaseException] = []
    select_counter = select(_notes.c.number).where(_notes.c.word == "counter").with_for_update()

    def work() -> None:
        try:
            for _ in range(50):
                with notes.write() as tx:
                    seen = tx.execute(select_counter).scalar_one()
                    tx.execute(
                        _notes.update().where(_notes.c.word == "counter").values(number=seen + 1)
                    )
        except BaseException as error:  # noqa: BLE001 - a thread must not swallow it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with notes.read() as again:
        assert again.execute(select(_notes.c.number)).scalar_one() == 400


def test_writers_of_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    """Two databases on one file, as two processes have them, take turns without "locked"."""
    address = f"sqlite:///{tmp_path / 'shared.db'}"
    first, second = Database(address), Database(address)
    with first.write() as tx:
        _notes.create(tx)
    failures: list[BaseException] = []

    def work(db: Database) -> None:
        try:
            for _ in range(50):
                with db.write() as tx:
                    tx.execute(select(func.count()).select_from(_notes)).scalar_one()
                    tx.execute(insert(_notes), _note())
        except BaseException as error:  # noqa: BLE001 - a thread must not swallow it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(db,)) for db in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _count(first) == 100
    first.close()
    second.close()


def test_who_writes_seldom_is_not_kept_waiting_by_who_writes_always(tmp_path: Path) -> None:
    """While two processes write without a pause, twenty transactions of a third get their turn."""
    address = f"sqlite:///{tmp_path / 'shared.db'}"
    busy, seldom = [Database(address), Database(address)], Database(address)
    with seldom.write() as tx:
        _notes.create(tx)
    stop = threading.Event()

    written: list[Database] = []

    def work(db: Database) -> None:
        while not stop.is_set():
            with db.write() as tx:
                tx.execute(insert(_notes), _note())
                time.sleep(0.002)
            written.append(db)

    waits = []
    with ThreadPoolExecutor(len(busy)) as pool:
        writing = [pool.submit(work, db) for db in busy]
        try:
            eventually(lambda: {*written} == {*busy})
            for _ in range(20):
                before = len(written)
                with seldom.write() as tx:
                    waits.append(len(written) - before)
                    tx.execute(insert(_notes), _note())
        finally:
            stop.set()
        for one in writing:
            one.result()
    # A fair share would be 40 in all; with the database's own patience it was a thousand. The
    # longest waits do not count: the system may let this thread stand still and not the others.
    assert sum(sorted(waits)[:-3]) < 340
    for db in (*busy, seldom):
        db.close()


_FIND = Given(
    """
    SELECT given.place, notes.number, notes.word FROM {given}
    JOIN notes ON notes.id = given.id WHERE notes.number >= :least
    """,
    id=Id,
    place=Int64,
)
_ECHO = Given(
    "SELECT given.id, given.number, given.word FROM {given}", id=Id, number=Int64, word=String(40)
)
_SET = Given(
    "UPDATE notes SET number = given.number FROM {given} WHERE notes.id = given.id",
    id=Id,
    number=Int64,
)


def test_given_rows_are_joined_in_one_statement(notes: Database) -> None:
    """A statement over three thousand given rows finds exactly those that exist."""
    rows = [_note(number) for number in range(1500)]
    with notes.write() as tx:
        _insert(tx, rows)
    asked = [(row["id"], place) for place, row in enumerate(rows)]
    asked += [(new_id(), -1) for _ in range(1500)]
    with notes.read() as tx:
        found = _FIND.run(tx, asked, least=500)
    assert sorted((place, number) for place, number, _ in found) == [
        (n, n) for n in range(500, 1500)
    ]


@pytest.mark.parametrize(
    "word", ["", "Анна", "quote ' and \" and \\", "{braces} :colon %s", "🙂", "null", None]
)
def test_given_values_arrive_as_they_were(notes: Database, word: str | None) -> None:
    """Any text, missing values and the largest integers survive the way into a statement."""
    rows = [(new_id(), number, word) for number in (0, -1, 2**53 - 1, 2**63 - 1, -(2**63), None)]
    with notes.read() as tx:
        assert [tuple(row) for row in _ECHO.run(tx, rows)] == rows


def test_given_without_rows_does_nothing(notes: Database) -> None:
    """No rows, no statement; and a statement that returns nothing gives an empty list."""
    row = _note()
    with notes.write() as tx:
        assert _SET.run(tx, []) == []
        _insert(tx, [])
        _insert(tx, [row])
        assert _SET.run(tx, [(row["id"], 77)]) == []
        assert tx.execute(select(_notes.c.number)).scalar_one() == 77


def test_inserted_rows_keep_their_missing_values(notes: Database) -> None:
    """Many rows in one statement keep null apart from zero and from the empty text."""
    rows = [_note(None, ""), _note(0, None), _note(5, "five")]
    with notes.write() as tx:
        _insert(tx, rows)
    with notes.read() as tx:
        assert [row._asdict() for row in tx.execute(select(_notes).order_by(_notes.c.id))] == rows


@pytest.mark.parametrize("is_planned_badly", [False, True])
def test_a_limit_of_locked_rows_holds(notes: Database, is_planned_badly: bool) -> None:
    """However often the database looks for them; and what another has locked is passed by."""
    if is_planned_badly:
        plan_badly(notes)
    rows = [_note(number) for number in range(5)]
    with notes.write() as tx:
        _insert(tx, rows)
    some = select(_notes.c.id).order_by(_notes.c.number).limit(2)
    with notes.write() as tx:
        taken = delete(_notes).where(_notes.c.id.in_(locked(some))).returning(_notes.c.number)
        assert sorted(tx.execute(taken).scalars()) == [0, 1]
        if notes.dialect == "postgresql":
            with notes.write() as other:
                others = update(_notes).where(_notes.c.id.in_(locked(some))).values(word="b")
                assert other.execute(others.returning(_notes.c.number)).scalars().all() == [2, 3]


def test_sqlite_commits_survive_a_power_cut(tmp_path: Path) -> None:
    """Every commit on SQLite is synced in full, with a write-ahead log and foreign keys on."""
    db = Database(f"sqlite:///{tmp_path / 'new folder' / 'a.db'}")
    with db.write() as tx:
        found = [
            tx.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        ]
    db.close()
    assert found == [2, "wal", 1]


def test_integer_columns_are_wide(notes: Database) -> None:
    """Int64 keeps 64 bits on both databases."""
    table = Table("wide", MetaData(), Column("a", Int64), Column("b", Integer))
    with notes.write() as tx:
        table.create(tx)
        tx.execute(insert(table), {"a": 2**63 - 1, "b": 1})
        assert tx.execute(select(table.c.a)).scalar_one() == 2**63 - 1
