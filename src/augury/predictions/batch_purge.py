"""Giving up what has been kept long enough: the files of old batches, and what crashes left."""

import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import delete, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.lots import by_lots
from augury.predictions.tables import batch_chunks, batches

_PURGED_AT_ONCE = 20
_DAY_SECONDS = 24 * 3600
# Files that are being written, and what is being restored or packed: hidden until it is whole.
_DRAFTS = (".draft-*", ".augury-unfinished-*", ".augury-restore-*")


def purge(db: Database, keep_days: int, stop: threading.Event) -> int:
    """Give up the files of batches that ended so many days ago; return of how many.

    The rows of the batches stay. Their files are nobody's then (`Keeper.delete_unnamed`).
    """

    def lot() -> int | None:
        moment = now()
        old = (
            select(batches.c.id)
            .where(
                batches.c.purged_at.is_(None),
                batches.c.completed_at < moment - keep_days * _DAY_SECONDS * SECOND,
            )
            .order_by(batches.c.id)
            .limit(_PURGED_AT_ONCE)
        )
        with db.read() as tx:
            ids = tx.execute(old).scalars().all()
        if not ids:
            return None
        with db.write() as tx:
            tx.execute(delete(batch_chunks).where(batch_chunks.c.batch_id.in_(ids)))
            given_up = update(batches).where(batches.c.id.in_(ids), batches.c.purged_at.is_(None))
            return tx.execute(given_up.values(purged_at=moment)).rowcount

    return by_lots(lot, stop)


def sweep_drafts(folders: Iterable[Path]) -> int:
    """Delete what processes that died a day ago or earlier were writing; return how much."""
    swept = 0
    long_ago = time.time() - _DAY_SECONDS
    for folder in folders:
        for draft in [found for form in _DRAFTS for found in folder.glob(form)]:
            try:
                if draft.lstat().st_mtime > long_ago:
                    continue
                if draft.is_dir():
                    shutil.rmtree(draft)
                else:
                    draft.unlink()
            except FileNotFoundError:
                continue  # another process was first
            swept += 1
    return swept
