"""Making a backup while the house sells."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from augury import bootstrap
from augury.backup import postgres, sqlite
from augury.backup.archive import digest_of, pack
from augury.backup.files import sync_folder
from augury.backup.inventory import (
    ARTIFACTS,
    DATABASE,
    FILES,
    FORMAT,
    SECRET_KEY,
    Books,
    Dump,
    Inventory,
    key_fingerprint,
)
from augury.backup.trouble import BackupTrouble
from augury.files.local import LocalStore
from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx
from augury.kit.progress import Tell
from augury.migrations.run import known_revisions, revision_of
from augury.predictions.batch_store import named_files
from augury.registry.shelf import artifact_digests
from augury.settings import Settings


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a copy told about itself."""

    revision: str
    books: Books | None
    artifacts: dict[Path, str]
    batch_files: set[str]


def make_backup(
    settings: Settings, path: Path, pg_bin: Path | None, tell: Tell
) -> tuple[Path, Inventory]:
    """Return where a new backup is, a file or one in the folder `path`, and its inventory.

    Raises `BackupTrouble`, and then there is no backup.
    """
    moment = now()
    target = _target(path, moment)
    # On the same disk, so that the last step is a rename. What is in there is called no backup.
    with tempfile.TemporaryDirectory(prefix=".augury-unfinished-", dir=target.parent) as folder:
        copy = Path(folder, "copy")
        with _copying(settings, copy, pg_bin, tell) as (tx, dump):
            seen = _look(tx, settings, moment, tell)
        files = {DATABASE: copy} | _secret_key(settings)
        missing = []
        for artifact, digest in sorted(seen.artifacts.items()):
            if artifact.is_file() and digest_of(artifact) == digest:
                files[f"{ARTIFACTS}/{artifact.name}"] = artifact
            else:
                missing.append(digest)
        missing_files = _add_batch_files(settings, seen, files)
        inventory = Inventory(
            format=FORMAT,
            program=version("augury"),
            made_at=moment,
            dialect="postgresql" if dump else "sqlite",
            dump=dump,
            revision=seen.revision,
            books=seen.books,
            key_fingerprint=key_fingerprint(settings),
            missing_artifacts=missing,
            members={},
            missing_files=missing_files,
        )
        draft = Path(folder, "draft")
        complete = pack(draft, files, inventory, tell)
        _refuse_taken(target)
        draft.rename(target)
        sync_folder(target.parent)
    return target, complete


def _target(path: Path, moment: int) -> Path:
    path = path.absolute()
    if path.is_dir():
        path /= f"augury-{stamp_of(moment)}.tar"
    if not path.parent.is_dir():
        message = f"There is no folder {path.parent}."
        raise BackupTrouble(message)
    _refuse_taken(path)
    return path


def stamp_of(moment: int) -> str:
    """Return a moment as part of a file's name, to the microsecond."""
    whole, micros = divmod(moment, SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y%m%dT%H%M%S}.{micros:06d}Z"


def _refuse_taken(path: Path) -> None:
    if path.exists():
        message = f"{path} is there already; a backup never replaces another."
        raise BackupTrouble(message)


@contextmanager
def _copying(
    settings: Settings, copy: Path, pg_bin: Path | None, tell: Tell
) -> Iterator[tuple[ReadTx, Dump | None]]:
    address = settings.database_url
    if address.startswith("sqlite"):
        with sqlite.copying(address, copy, tell) as tx:
            yield tx, None
    else:
        with postgres.copying(address, copy, pg_bin, tell) as pair:
            yield pair


def _look(tx: ReadTx, settings: Settings, moment: int, tell: Tell) -> _Seen:
    known, revision = known_revisions(), revision_of(tx)
    if revision is None:
        message = "There is no house in this database: it was never migrated."
        raise BackupTrouble(message)
    if revision not in known:
        message = f"The database is of a newer Augury (revision {revision}); back it up with that."
        raise BackupTrouble(message)
    books = None
    if revision == known[0]:
        books = Books.of(bootstrap.audit_books(tx, moment, tell))
    artifacts = artifact_digests(tx, settings.artifacts_dir)
    return _Seen(revision, books, artifacts, named_files(tx))


def _add_batch_files(settings: Settings, seen: _Seen, files: dict[str, Path]) -> list[str]:
    """Add the files of batches that are in a folder of this house; return what is not there."""
    if settings.files_url.get_secret_value():
        return []  # a bucket is not ours to copy
    store, missing = LocalStore(settings.files_dir), []
    for digest in sorted(seen.batch_files):
        try:
            with store.local(digest) as path:
                whole = digest_of(path) == digest
        except FileNotFoundError:
            whole = False
        if whole:
            files[f"{FILES}/{digest}"] = path
        else:
            missing.append(digest)
    return missing


def _secret_key(settings: Settings) -> dict[str, Path]:
    """Return the generated signing key, if it is the one in use: nobody else has a copy of it."""
    path = settings.data_dir / SECRET_KEY
    in_use = settings.secret_key.get_secret_value()
    return {SECRET_KEY: path} if path.is_file() and path.read_text() == in_use else {}
