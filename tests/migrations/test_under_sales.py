"""Migrations while others sell: nobody is refused, nothing is lost, and the books are right.

The sales are those of a program from before 0007: they name only columns that were there then.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from augury.bootstrap import audit_books
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import first_id
from augury.ledger import guards
from augury.migrations import run
from augury.migrations.run import migrate, revision_of
from augury.predictions import expiry, history
from augury.predictions.expiry import DAY
from augury.predictions.tables import predictions
from augury.predictions.till import sell
from predictions.test_expiry import order
from support.databases import migrate_to, scripts
from support.jobs import customer

_EXPAND, _REST = "0007", "0008"
_BEFORE = str(scripts()[_EXPAND].down_revision)
_PATIENCE_SECONDS = 120
_CLOSED = " AND accounts.closed_at IS NULL"


class Sellers:
    """Threads that sell and sell, as two processes of an older program would."""

    def __init__(self, url: str, user_ids: list[str]) -> None:
        """Prepare a thread for each customer, two on each database."""
        self.sold: list[str] = []
        self.failures: list[BaseException] = []
        self._more = threading.Condition()
        self._stop = threading.Event()
        self._databases = [Database(url) for _ in range(2)]
        self._threads = [
            threading.Thread(target=self._sell, args=(self._databases[place % 2], user_id))
            for place, user_id in enumerate(user_ids)
        ]

    def _sell(self, db: Database, user_id: str) -> None:
        try:
            while not self._stop.is_set():
                asked = [order(user_id, 40 * DAY), order(user_id, 0)]
                for one, result in zip(asked, sell(db, asked), strict=True):
                    assert isinstance(result, tuple), result
                    with self._more:
                        self.sold.append(one.id)
                        self._more.notify_all()
                self._stop.wait(0.01)
        except BaseException as error:  # noqa: BLE001 -- a thread must not swallow it
            self.failures.append(error)
            with self._more:
                self._more.notify_all()

    def until_more(self, count: int = 40) -> None:
        """Wait until so many more have been sold: sales go on."""
        with self._more:
            enough = len(self.sold) + count
            went_on = self._more.wait_for(
                lambda: len(self.sold) >= enough or self.failures, _PATIENCE_SECONDS
            )
        assert self.failures == []
        assert went_on, "sales have come to a halt"

    @contextmanager
    def selling(self) -> Iterator["Sellers"]:
        """Sell until the end of the block; then everybody must have got through."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(_PATIENCE_SECONDS)
            for db in self._databases:
                db.close()
        assert self.failures == []


@pytest.fixture
def old(db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sellers]:
    """Sales at the revision before, with money for many."""
    migrate_to(db, _BEFORE)
    # Accounts could not be closed then, and no statement asked for it.
    for statement in ("_sqlite", "_postgres"):
        written = getattr(guards._MOVE, statement)
        assert _CLOSED in written
        monkeypatch.setattr(guards._MOVE, statement, written.replace(_CLOSED, ""))
    customers = [customer(db, 100_000_000) for _ in range(4)]
    with Sellers(database_url, customers).selling() as sellers:
        sellers.until_more()
        yield sellers


class _Log:
    """Stands in for the log, and tells somebody who waits that a table was busy."""

    def __init__(self) -> None:
        self.was_busy = threading.Event()

    def __call__(self, _name: str) -> "_Log":
        return self

    def warning(self, name: str, **_values: Any) -> None:
        assert name == "table_is_busy"
        self.was_busy.set()


def _check(db: Database, sellers: Sellers) -> None:
    """Everything that was sold is stored and paid once, and nothing else is."""
    with db.read() as tx:
        assert audit_books(tx).findings == []
        stored = set(tx.execute(select(predictions.c.id)).scalars())
    assert stored == set(sellers.sold)


def test_old_programs_sell_while_a_table_changes_and_new_ones_after(
    db: Database, old: Sellers
) -> None:
    """Expand, run both, contract: with sales at every moment."""
    assert run._apply_next(db)
    old.until_more()
    # The new program: it reads what the old one goes on writing, and removes contents.
    with db.read() as tx:
        assert revision_of(tx) == _EXPAND
        users = set(tx.execute(select(predictions.c.user_id)).scalars())
    for user_id in users:
        assert history.find_page(db, user_id, limit=5).items[0].expired_at is None
    # One lot: there is no end of them while old ones go on being sold.
    with db.write() as tx:
        assert expiry._expire_some(tx, predictions, first_id(now() - 30 * DAY))
    old.until_more()
    # The rest: the check of what stands there, and indexes, with nobody in the way.
    migrate(db)
    old.until_more()
    sold = len(old.sold)  # they go on
    with db.read() as tx:
        assert revision_of(tx) == list(scripts())[-1]
        kept = select(func.count()).where(predictions.c.expired_at.is_(None))
        assert tx.execute(kept).scalar_one() >= sold // 2
    full = "UPDATE predictions SET expired_at = 1 WHERE outputs <> 'null'"
    with pytest.raises(IntegrityError, match="expired_is_empty"), db.write() as tx:
        tx.execute(text(full))
    old._stop.set()
    for thread in old._threads:
        thread.join(_PATIENCE_SECONDS)
    _check(db, old)


# On SQLite a reader is in nobody's way, and an index is made in one go.
postgres_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@postgres_only
def test_a_migration_gives_way_to_sales_when_somebody_reads_for_long(
    db: Database, old: Sellers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audit that has the table keeps the migration waiting, and the migration keeps nobody."""
    log = _Log()
    monkeypatch.setattr(run, "logger", log)
    monkeypatch.setattr(run, "_BETWEEN_TRIES_SECONDS", 0.1)
    migrating = threading.Thread(target=migrate, args=(db,))
    with db.read() as audit:
        audit.execute(text("SELECT count(*) FROM predictions"))
        migrating.start()
        assert log.was_busy.wait(_PATIENCE_SECONDS)
        old.until_more()
    migrating.join(_PATIENCE_SECONDS)
    assert not migrating.is_alive()
    old.until_more()
    with db.read() as tx:
        assert revision_of(tx) == list(scripts())[-1]


@postgres_only
def test_an_index_waits_for_who_reads_and_nobody_waits_for_it(db: Database, old: Sellers) -> None:
    """While one is being made behind a long look, sales go on; when the look ends, it is there."""
    assert run._apply_next(db)
    migrating = threading.Thread(target=migrate, args=(db,))
    with db.read() as audit:
        audit.execute(text("SELECT count(*) FROM predictions"))
        migrating.start()
        waiting = text("SELECT count(*) FROM pg_stat_progress_create_index")
        for _ in range(_PATIENCE_SECONDS * 10):
            with db.read() as tx:
                if tx.execute(waiting).scalar():
                    break
            threading.Event().wait(0.1)
        old.until_more(200)
        assert migrating.is_alive()
    migrating.join(_PATIENCE_SECONDS)
    assert not migrating.is_alive()


def test_an_interrupted_migration_is_applied_again(db: Database) -> None:
    """What was left behind unfinished is replaced by what was meant."""
    migrate_to(db, _EXPAND)
    with db.write() as tx:
        tx.execute(text("CREATE INDEX ix_transfers_reference ON transfers (number)"))
        if db.dialect == "postgresql":
            # As PostgreSQL leaves it when the connection is lost.
            tx.execute(
                text(
                    "UPDATE pg_index SET indisvalid = false"
                    " WHERE indexrelid = 'ix_transfers_reference'::regclass"
                )
            )
    migrate(db)
    with db.read() as tx:
        found = {one["name"]: one["column_names"] for one in inspect(tx).get_indexes("transfers")}
        if db.dialect == "postgresql":
            invalid = text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
            assert tx.execute(invalid).scalar() == 0
    assert found["ix_transfers_reference"] == ["reference", "account_id"]


def test_a_program_starts_on_a_database_that_is_ahead_of_it(db: Database) -> None:
    """While newer programs take over, an old one that starts again changes nothing."""
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    migrate(db)
    with db.read() as tx:
        assert revision_of(tx) == "9999"
