"""SQLite: a copy of a database that is written to, and a file that nobody else has open."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from augury.backup.files import aside
from augury.backup.trouble import BackupTrouble
from augury.kit.db import Database, ReadTx
from augury.kit.progress import Tell

_PAGES_AT_ONCE = 1024
# What SQLite keeps beside a database. Left behind, it would be read into the next of that name.
_BESIDE = ("-wal", "-shm", "-journal")
_TAKEN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def file_of(address: str) -> Path:
    """Return the file of a database."""
    return Path(make_url(address).database or "").absolute()


@contextmanager
def copying(address: str, copy: Path, tell: Tell) -> Iterator[ReadTx]:
    """Copy a database, sold from or not, and give a transaction that reads the copy.

    When the block ends the copy is one file, with nothing beside it.
    """
    source = file_of(address)
    if not source.is_file():
        message = f"There is no database at {source}."
        raise BackupTrouble(message)
    try:
        _copy(source, copy, tell)
        db = Database(f"sqlite:///{copy}")
        try:
            with db.read() as tx:
                yield tx
        finally:
            db.close()
        settle(copy)
    except sqlite3.Error as error:
        message = f"{source} cannot be copied: {error}."
        raise BackupTrouble(message) from error


def _copy(source: Path, copy: Path, tell: Tell) -> None:
    with closing(_connect(source)) as live, closing(sqlite3.connect(copy)) as target:
        copy.chmod(0o600)
        # The copy begins again whenever another process commits, so that beside busy sales it would
        # never end. Inside a transaction it sees one state, and nobody waits for it.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        live.backup(
            target,
            pages=_PAGES_AT_ONCE,
            progress=lambda _status, left, total: tell("copying", total - left, total),
        )
        live.execute("ROLLBACK")
        (sound,) = target.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        message = f"{source} is damaged, and so would its copy be: {sound}."
        raise BackupTrouble(message)


def settle(path: Path) -> None:
    """Bring a database that nobody has open into one durable file."""
    with closing(_connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def is_empty(path: Path) -> bool:
    """Tell whether there is no database, or one without a table."""
    if not path.exists():
        return True
    try:
        with closing(_connect(path)) as connection:
            (things,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError:
        return False  # something is there, even if it cannot be read
    return bool(things == 0)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep everybody else out of a database, or raise `BackupTrouble` when somebody is in it."""
    if not path.exists():
        yield
        return
    with closing(_connect(path)) as connection:
        try:
            # Folds its log into the file, for which nobody else may have it open, not even idly.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _TAKEN:
                message = f"{path} is in use. Stop what serves it, then restore."
                raise BackupTrouble(message) from error
            # It is damaged, which may be why somebody restores.
        yield


def set_aside(path: Path, stamp: str) -> list[Path]:
    """Rename a database and what is beside it; return the names under which they are kept."""
    kept = []
    for suffix in ("", *_BESIDE):
        place = path.with_name(path.name + suffix)
        if place.exists():
            target = aside(path, stamp)
            kept.append(place.rename(target.with_name(target.name + suffix)))
    return kept


def _connect(path: Path) -> sqlite3.Connection:
    # `rw` makes no file, where a path alone would.
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=1)
