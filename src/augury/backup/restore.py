"""Restoring: a house as it was when its backup was made, beside what was there or in its place."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from augury import bootstrap
from augury.backup import postgres, sqlite
from augury.backup.archive import Backup, digest_of
from augury.backup.files import aside, sync_folder
from augury.backup.inventory import (
    ARTIFACTS,
    DATABASE,
    FILES,
    SECRET_KEY,
    Dump,
    key_fingerprint,
)
from augury.backup.make import stamp_of
from augury.backup.trouble import BackupTrouble
from augury.files.disk import blocks
from augury.files.store import store_of
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.progress import Tell
from augury.ledger.audit import Report
from augury.migrations.run import known_revisions, migrate
from augury.settings import Settings


@dataclass(frozen=True, slots=True)
class Restored:
    """The audit of what was restored, what was set aside for it, and whether the key is known."""

    report: Report
    kept: list[Path]
    same_key: bool


def restore_backup(
    settings: Settings, backup: Backup, *, replace: bool, pg_bin: Path | None, tell: Tell
) -> Restored:
    """Put a backup in its place, at the present revision, and audit it.

    Raises `BackupTrouble` before anything is touched when the place is taken or does not fit.
    """
    require_known(backup)
    address, dump = settings.database_url, backup.inventory.dump
    if address.startswith("sqlite") != (dump is None):
        message = f"This backup is of {backup.inventory.dialect}; AUGURY_DATABASE_URL is not."
        raise BackupTrouble(message)
    same_key = key_fingerprint(settings) == backup.inventory.key_fingerprint
    if dump is None:
        report, kept = _restore_sqlite(settings, backup, replace=replace, tell=tell)
    elif replace:
        message = "--replace is for SQLite. On PostgreSQL a restore wants a new, empty database."
        raise BackupTrouble(message)
    else:
        report, kept = _restore_postgres(settings, backup, dump, pg_bin, tell), []
    return Restored(report, kept, same_key)


def require_known(backup: Backup) -> None:
    """Raise `BackupTrouble` when a backup is of a newer revision than this program knows."""
    if backup.inventory.revision not in known_revisions():
        message = (
            f"The backup is of a newer Augury (revision {backup.inventory.revision});"
            " restore it with that one."
        )
        raise BackupTrouble(message)


def audit_copy(backup: Backup, tell: Tell) -> Report:
    """Return the audit of a SQLite backup, made in a temporary place."""
    with tempfile.TemporaryDirectory(prefix="augury-check-") as folder:
        copy = Path(folder, "copy")
        backup.extract(DATABASE, copy, tell)
        return _bring_up(f"sqlite:///{copy}", backup, tell)


def _restore_sqlite(
    settings: Settings, backup: Backup, *, replace: bool, tell: Tell
) -> tuple[Report, list[Path]]:
    target = sqlite.file_of(settings.database_url)
    if not (replace or sqlite.is_empty(target)):
        message = f"{target} is not empty. With --replace it is kept under another name."
        raise BackupTrouble(message)
    with sqlite.alone(target):
        pass  # before the long work, and again at its end
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".augury-restore-", dir=target.parent) as folder:
        staged = Path(folder, "database")
        backup.extract(DATABASE, staged, tell)
        report = _bring_up(f"sqlite:///{staged}", backup, tell)
        sqlite.settle(staged)
        _place_artifacts(settings, backup, tell)
        _place_batch_files(settings, backup, tell)
        with sqlite.alone(target):
            stamp = stamp_of(now())
            kept = sqlite.set_aside(target, stamp)
            kept += _place_key(settings, backup, stamp)
            staged.rename(target)
            sync_folder(target.parent)
    return report, kept


def _restore_postgres(
    settings: Settings, backup: Backup, dump: Dump, pg_bin: Path | None, tell: Tell
) -> Report:
    address = settings.database_url
    postgres.require_empty(address, dump)
    program = postgres.find_restorer(address, dump, pg_bin)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".augury-restore-", dir=settings.data_dir) as folder:
        copy = Path(folder, "copy")
        backup.extract(DATABASE, copy, tell)
        _place_artifacts(settings, backup, tell)
        _place_batch_files(settings, backup, tell)
        postgres.restore(address, copy, dump, program)
    return _bring_up(address, backup, tell)


def _bring_up(address: str, backup: Backup, tell: Tell) -> Report:
    """Migrate a restored database and return its audit, as of the moment of the backup."""
    db = Database(address)
    try:
        migrate(db)
        with db.read() as tx:
            report = bootstrap.audit_books(tx, backup.inventory.made_at, tell)
    finally:
        db.close()
    books = backup.inventory.books
    if books is not None:
        before = (books.accounts, books.transfers, books.credits_with_customers)
        after = (report.accounts, report.transfers, report.credits_with_customers)
        if before != after:
            report.add("restore_differs", "all accounts", f"{after} instead of {before}")
    return report


def _place_artifacts(settings: Settings, backup: Backup, tell: Tell) -> None:
    """Put artefacts where they belong; what is there already, with its content, stays."""
    settings.artifacts_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, member in backup.inventory.members.items():
        folder, _, file = name.partition("/")
        if folder != ARTIFACTS:
            continue
        place = settings.artifacts_dir / file
        with suppress(FileNotFoundError):
            if digest_of(place) == member.sha256:
                continue
        draft = place.with_name(f".{file}.restored")
        draft.unlink(missing_ok=True)
        backup.extract(name, draft, tell)
        draft.rename(place)
    sync_folder(settings.artifacts_dir)


def _place_batch_files(settings: Settings, backup: Backup, tell: Tell) -> None:
    """Put the files of batches into the store of the house, each of which is there whole or not."""
    store = store_of(settings)
    for name, member in backup.inventory.members.items():
        folder, _, digest = name.partition("/")
        if folder != FILES or store.exists(digest):
            continue
        with tempfile.TemporaryDirectory(prefix=".augury-restore-", dir=settings.data_dir) as place:
            copy = Path(place, "copy")
            backup.extract(name, copy, tell)
            with copy.open("rb") as file:
                store.put(blocks(file), member.bytes)


def _place_key(settings: Settings, backup: Backup, stamp: str) -> list[Path]:
    """Put the signing key of the backup in its place; return where another one is kept."""
    if SECRET_KEY not in backup.inventory.members:
        return []
    place, kept = settings.data_dir / SECRET_KEY, []
    if place.exists():
        if place.read_text() == backup.text(SECRET_KEY):
            return []
        kept = [place.rename(aside(place, stamp))]
    backup.extract(SECRET_KEY, place, lambda *_: None)
    sync_folder(settings.data_dir)
    return kept
