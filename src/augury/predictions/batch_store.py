"""The files of batches in the store: none is deleted that somebody needs, and none is forgotten.

The store names files by their content, so two batches may share one, and a file may come into the
store again while it is being deleted. So there is a row for each: written before the file comes,
and deleted after it has gone. Who finds a row that is doomed waits until the file is gone.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, exists, inspect, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from augury.files.store import Store
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx
from augury.kit.lots import by_lots
from augury.predictions.tables import batch_chunks, batches, stored_files

# Longer than anybody takes from putting a file to naming it.
UNNAMED_SECONDS = 24 * 3600
# Who deletes a file and is not done by then has died.
_DOOMED_SECONDS = 3600
_DELETED_AT_ONCE = 500
_PATIENCE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.05
_MOST_COPIES = 4

_PUT = text(
    """
    INSERT INTO stored_files (digest, puts, put_at) VALUES (:digest, 1, :moment)
    ON CONFLICT (digest) DO UPDATE SET puts = stored_files.puts + 1, put_at = :moment
    WHERE stored_files.doomed_at IS NULL
    RETURNING puts
    """
)
_IS_NAMED = exists().where(
    batches.c.file_digest == stored_files.c.digest, batches.c.purged_at.is_(None)
).correlate(stored_files) | exists().where(
    batch_chunks.c.part_digest == stored_files.c.digest
).correlate(stored_files)


class FileDoomedError(OSError):
    """The same content is being deleted, and that takes long."""


class Kept(NamedTuple):
    """A file in the store, and how often its content had been put there by then."""

    digest: str
    puts: int


class Keeper:
    """Puts files into the store and deletes those that no batch names."""

    def __init__(self, db: Database, store: Store) -> None:
        """Use a store whose files have rows in a database."""
        self._db = db
        self.store = store

    def keep(self, digest: str, content: Iterable[bytes], most_bytes: int) -> Kept:
        """Put a file of a known digest; whoever names it in a row must do so within a day."""
        puts = self._announce(digest)
        stored = self.store.put(content, most_bytes)
        if stored.digest != digest:
            message = f"a file has changed on its way into the store, {digest} before"
            raise OSError(message)
        return Kept(digest, puts)

    def keep_part(self, part: bytes) -> str:
        """Put a part of results and return its digest; it must be named within a day."""
        digest = hashlib.sha256(part).hexdigest()
        self._announce(digest)
        self.store.put([part], len(part), digest)
        return digest

    def discard(self, kept: Kept) -> None:
        """Delete what was put a moment ago in vain, unless its content is somebody else's too."""
        if kept.puts == 1:
            self._delete(stored_files.c.digest == kept.digest, stored_files.c.puts == 1)

    def delete_unnamed(self, stop: threading.Event) -> int:
        """Delete the files that no batch names, or whose deletion broke off; return how many.

        What was put today may be about to be named.
        """

        def lot() -> int | None:
            moment = now()
            unnamed = stored_files.c.put_at < moment - UNNAMED_SECONDS * SECOND
            abandoned = stored_files.c.doomed_at < moment - _DOOMED_SECONDS * SECOND
            with self._db.read() as tx:
                found = (
                    select(stored_files.c.digest)
                    .where((unnamed & stored_files.c.doomed_at.is_(None) & ~_IS_NAMED) | abandoned)
                    .order_by(stored_files.c.digest)
                    .limit(_DELETED_AT_ONCE)
                )
                digests = list(tx.execute(found).scalars())
            still_so = (unnamed & stored_files.c.doomed_at.is_(None)) | abandoned
            return self._delete(stored_files.c.digest.in_(digests), still_so) or None

        return by_lots(lot, stop)

    def _announce(self, digest: str) -> int:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with self._db.write() as tx:
                puts = tx.execute(_PUT, {"digest": digest, "moment": now()}).scalar()
            if puts is not None:
                return int(puts)
            if time.monotonic() > until:
                raise FileDoomedError(digest)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _delete(self, *which: ColumnElement[bool]) -> int:
        """Doom files that nobody names, delete them, and then their rows; return how many."""
        doomed = (
            update(stored_files)
            .where(*which, ~_IS_NAMED)
            .values(doomed_at=now())
            .returning(stored_files.c.digest)
        )
        with self._db.write() as tx:
            digests: Sequence[str] = tx.execute(doomed).scalars().all()
        for digest in digests:
            self.store.delete(digest)
        with self._db.write() as tx:
            tx.execute(delete(stored_files).where(stored_files.c.digest.in_(digests)))
        return len(digests)


def named_files(tx: ReadTx) -> set[str]:
    """Return the digests of the files that batches need: what was sent, and parts of results.

    Of a database of an older revision, which has no batches, that is none.
    """
    if not inspect(tx).has_table(batches.name):
        return set()
    sent = select(batches.c.file_digest).where(batches.c.purged_at.is_(None))
    made = select(batch_chunks.c.part_digest).where(batch_chunks.c.part_digest.is_not(None))
    return {str(digest) for one in (sent, made) for digest in tx.execute(one).scalars()}


class LocalCopies:
    """Files of the store as files of this machine, fetched once while several chunks need them."""

    def __init__(self, store: Store) -> None:
        """Fetch from a store."""
        self._store = store
        self._changing = threading.Lock()
        # The ones used last come last.
        self._open: OrderedDict[str, tuple[Path, ExitStack]] = OrderedDict()
        self._users: dict[str, int] = {}

    @contextmanager
    def of(self, digest: str) -> Iterator[Path]:
        """Give a file, which is there as long as the block lasts."""
        with self._changing:
            if digest not in self._open:
                stack = ExitStack()
                self._open[digest] = (stack.enter_context(self._store.local(digest)), stack)
            self._open.move_to_end(digest)
            self._users[digest] = self._users.get(digest, 0) + 1
            path, _ = self._open[digest]
        try:
            yield path
        finally:
            with self._changing:
                self._users[digest] -= 1
                self._let_go(_MOST_COPIES)

    def let_go(self) -> None:
        """Forget the copies that nobody uses."""
        with self._changing:
            self._let_go(0)

    def _let_go(self, most: int) -> None:
        idle = [digest for digest in self._open if not self._users[digest]]
        for digest in idle[: max(0, len(self._open) - most)]:
            _, stack = self._open.pop(digest)
            del self._users[digest]
            stack.close()
