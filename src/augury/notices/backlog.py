"""How many deliveries wait, as the operator's machines ask it."""

from sqlalchemy import func, select, text

from augury.kit.clock import now
from augury.kit.db import ReadTx
from augury.notices.tables import deliveries

# Who scrapes must not pay for many of them; that there are at least so many says enough.
_MOST_COUNTED = 100_000


def due_deliveries(tx: ReadTx) -> dict[str, int]:
    """Return how many deliveries are due now, by channel, up to a hundred thousand of each."""
    due = select(deliveries.c.id).where(
        text("status = 'pending'"),  # as the index says it; a parameter would hide that
        deliveries.c.next_at <= now(),
    )
    channels = {
        "webhook": due.where(deliveries.c.endpoint_id.is_not(None)),
        "mail": due.where(deliveries.c.endpoint_id.is_(None)),
    }
    return {
        channel: tx.execute(
            select(func.count()).select_from(which.limit(_MOST_COUNTED).subquery())
        ).scalar_one()
        for channel, which in channels.items()
    }
