"""Idempotency keys are kept for a while that is documented, and then forgotten."""

import threading

from sqlalchemy import delete, select, tuple_

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, locked
from augury.kit.lots import by_lots
from augury.ledger.tables import idempotency_keys

_DAY = 24 * 3600 * SECOND
_AT_ONCE = 1000


def purge_keys(db: Database, keep_days: int, stop: threading.Event) -> int:
    """Delete keys older than so many days, a thousand a transaction; return how many there were."""
    key = idempotency_keys.c.account_id, idempotency_keys.c.key
    old = (
        select(*key)
        .where(idempotency_keys.c.created_at < now() - keep_days * _DAY)
        .order_by(idempotency_keys.c.created_at)
        .limit(_AT_ONCE)
    )
    purge = delete(idempotency_keys).where(tuple_(*key).in_(locked(old)))

    def lot() -> int | None:
        with db.write() as tx:
            return tx.execute(purge).rowcount or None

    return by_lots(lot, stop)
