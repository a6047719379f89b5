"""Brings a database to the newest revision while others use it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.log import logger

# Any number that nobody else uses: whoever holds it migrates, the others wait their turn.
_ADVISORY_LOCK = 0x41756775
_LOOK_AGAIN_SECONDS = 0.2
# Behind a statement that waits for a table everybody waits who wants it. A sale waits longer than
# this before it gives up, and PostgreSQL takes longer to find out who waits in a circle.
LOCK_TIMEOUT_MS = 400
_BETWEEN_TRIES_SECONDS = 1.0
_TRIES = 120


class TableIsBusyError(Exception):
    """Somebody has used a table for so long that it could not be changed."""


class _BusyError(Exception):
    """A lock was not to be had in time; the transaction is taken back."""


def migrate(db: Database) -> None:
    """Apply every missing migration, each for itself; several processes may call it at once.

    Raises `TableIsBusyError` when a table cannot be had for minutes.
    """
    with _alone(db):
        while _apply_next(db):
            pass


@contextmanager
def _alone(db: Database) -> Iterator[None]:
    """Wait until no other process migrates. On SQLite each transaction is alone already."""
    if db.dialect != "postgresql":
        yield
        return
    while True:
        with db.write() as tx:
            if tx.execute(text(f"SELECT pg_try_advisory_xact_lock({_ADVISORY_LOCK})")).scalar():
                # The creation of an index waits for all snapshots that are older than it. This
                # statement has none and ends that of the one before, so this transaction has none;
                # and whoever waits for the lock has no transaction.
                tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                yield
                return
        time.sleep(_LOOK_AGAIN_SECONDS)


def _apply_next(db: Database) -> bool:
    """Apply one migration; tell whether there was one."""
    with db.read() as tx:
        following = _following(tx)
    if following is None:
        return False
    if db.dialect == "postgresql" and getattr(following.module, "PIECEMEAL", False):
        with db.piecemeal() as tx:
            # It makes nobody wait, so it may wait itself: for the end of what has begun before it.
            tx.execute(text("SET lock_timeout = 0"))
            _upgrade(tx, following)
    else:
        _apply_between_sales(db, following)
    return True


def _apply_between_sales(db: Database, script: Script) -> None:
    """Apply a migration in a transaction that is given up as soon as it holds up others."""
    for _ in range(_TRIES):
        try:
            with db.write() as tx:
                if tx.dialect.name == "postgresql":
                    tx.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
                # On SQLite another process may have applied it meanwhile.
                waiting = _following(tx)
                if waiting is not None and waiting.revision == script.revision:
                    _upgrade(tx, script)
        except _BusyError:
            logger("migrations").warning("table_is_busy", revision=script.revision)
            time.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return
    message = f"revision {script.revision} waits for a table that somebody does not let go of"
    raise TableIsBusyError(message)


def _upgrade(tx: WriteTx, script: Script) -> None:
    config = _config()
    config.attributes["connection"] = tx
    try:
        command.upgrade(config, script.revision)
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
            raise _BusyError from error
        raise


def _following(tx: ReadTx) -> Script | None:
    """Return the migration that comes after what a database is at; none at the end."""
    current = revision_of(tx)
    scripts = _scripts()
    if current is not None and all(one.revision != current for one in scripts):
        # While newer processes take over, one of the old ones may have to start again.
        logger("migrations").warning("database_is_ahead", revision=current)
    return next((one for one in scripts if one.down_revision == current), None)


def revision_of(tx: ReadTx) -> str | None:
    """Return the revision that a database is at; none when it was never migrated."""
    return MigrationContext.configure(tx).get_current_revision()


def known_revisions() -> list[str]:
    """Return the revisions that this program knows, the newest first."""
    return [one.revision for one in _scripts()]


@cache
def _scripts() -> tuple[Script, ...]:
    return tuple(ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
