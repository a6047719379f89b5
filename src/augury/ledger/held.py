"""How many holds are open, as the operator's machines ask it."""

from typing import NamedTuple

from sqlalchemy import func, select

from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx
from augury.ledger.audit import SWEEP_SECONDS
from augury.ledger.tables import holds

# Who scrapes must not pay for many of them; that there are at least so many says enough.
_MOST_COUNTED = 100_000


class HoldCounts(NamedTuple):
    """Holds that are not resolved, and those of them that should have been released by now."""

    open: int
    overdue: int


def count_holds(tx: ReadTx) -> HoldCounts:
    """Return how many holds are open and how many overdue, up to a hundred thousand of each."""
    unresolved = select(holds.c.expires_at).where(holds.c.resolved_by.is_(None))
    late = unresolved.where(holds.c.expires_at <= now() - SWEEP_SECONDS * SECOND)
    counts = (
        tx.execute(select(func.count()).select_from(which.limit(_MOST_COUNTED).subquery()))
        for which in (unresolved, late)
    )
    return HoldCounts(*(found.scalar_one() for found in counts))
