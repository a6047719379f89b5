"""A customer leaves: nothing may charge them any more, and nothing of theirs may be undecided."""

from typing import NamedTuple

from sqlalchemy import func, select, update

from augury.kit.clock import now
from augury.kit.db import WriteTx
from augury.payments.tables import automatic, methods, refunds
from augury.payments.tables import top_ups as rows


class Undecided(NamedTuple):
    """How many payments and refunds of a customer have not come to their end."""

    top_ups: int
    refunds: int


def forget_methods(tx: WriteTx, user_id: str) -> int:
    """End a customer's standing order, forget the saved methods, and return how many of those.

    Part of what closes their account.
    """
    # The order comes after its method, as everywhere: nobody waits in a circle.
    forgotten = tx.execute(
        update(methods)
        .where(methods.c.user_id == user_id, methods.c.removed_at.is_(None))
        .values(removed_at=now())
    )
    tx.execute(automatic.delete().where(automatic.c.user_id == user_id))
    return forgotten.rowcount


def undecided(tx: WriteTx, user_id: str) -> Undecided:
    """Return what is under way, paid top-ups that could not be credited included."""
    open_top_ups = select(func.count()).where(
        rows.c.user_id == user_id,
        (rows.c.status == "pending")
        | (rows.c.status.in_(["expired", "failed"]) & rows.c.attention.is_not(None)),
    )
    open_refunds = (
        select(func.count())
        .select_from(refunds.join(rows))
        .where(rows.c.user_id == user_id, refunds.c.status == "pending")
    )
    found = (tx.execute(one).scalar_one() for one in (open_top_ups, open_refunds))
    return Undecided(*found)
