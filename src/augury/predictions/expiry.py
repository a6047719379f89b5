"""Expiry: what was asked and answered is forgotten after a while; what was paid for it never is.

A prediction keeps its row: model, version, number of rows, price and transfer, so that every credit
stays explained. The oldest go first, each table from where the last round ended.
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Table, select, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx
from augury.kit.ids import first_id
from augury.kit.lots import by_lots
from augury.predictions.tables import expiries, jobs, predictions

DAY = 24 * 3600 * SECOND
# They are JSON as before, so that whoever knows nothing of expiry reads them too.
EXPIRED: Final = {"inputs": "null", "outputs": "null", "warnings": "[]"}
_OVER = ("succeeded", "failed", "cancelled")
# On SQLite nobody sells meanwhile. A prediction has up to a thousand rows of half a kilobyte.
_AT_ONCE = 500
_ROWS_AT_ONCE = 5_000


def expire(db: Database, keep_days: int, stop: threading.Event) -> int:
    """Empty predictions and ended jobs that are older than so many days; return how many.

    With 0 days everything is kept. Several processes may call it: one of them does the work.
    """
    if not keep_days:
        return 0
    before = first_id(now() - keep_days * DAY)
    return sum(by_lots(partial(_expire, db, table, before), stop) for table in (jobs, predictions))


def _expire(db: Database, table: Table, before: str) -> int | None:
    with db.write() as tx:
        return _expire_some(tx, table, before)


def _expire_some(tx: WriteTx, table: Table, before: str) -> int | None:
    """Empty the oldest rows; returns nothing when none are left, or another process is at it."""
    place = expiries.c.subject == table.name
    start = tx.execute(
        select(expiries.c.up_to).where(place).with_for_update(skip_locked=True)
    ).scalar()
    if start is None:
        return None
    last = _last_of_a_lot(
        tx.execute(
            select(table.c.id, table.c.rows)
            .where(table.c.id > start, table.c.id < before)
            .order_by(table.c.id)
            .limit(_AT_ONCE)
        ).all()
    )
    if last is None:
        return None
    old = [table.c.id > start, table.c.id <= last, table.c.status.in_(_OVER)]
    content = {name: value for name, value in EXPIRED.items() if name in table.c}
    emptied = tx.execute(update(table).where(*old).values(expired_at=now(), **content)).rowcount
    tx.execute(update(expiries).where(place).values(up_to=last))
    return emptied


def _last_of_a_lot(oldest: Sequence[Any]) -> str | None:
    """Return the id up to which a transaction may go, by how much there is to forget."""
    last, rows = None, 0
    for row in oldest:
        rows += row.rows
        if last is not None and rows > _ROWS_AT_ONCE:
            break
        last = str(row.id)
    return last
