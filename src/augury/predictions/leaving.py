"""A customer leaves: what of theirs is still being worked on."""

from typing import NamedTuple

from sqlalchemy import func, select, text

from augury.kit.db import ReadTx
from augury.predictions.tables import UNFINISHED, UNFINISHED_BATCH, batches, jobs


class Unfinished(NamedTuple):
    """How many predictions and batches of a customer are waiting or under way."""

    predictions: int
    batches: int


def unfinished(tx: ReadTx, user_id: str) -> Unfinished:
    """Return what is waiting or under way."""
    kinds = ((jobs, UNFINISHED), (batches, UNFINISHED_BATCH))
    found = (
        tx.execute(select(func.count()).where(kind.c.user_id == user_id, text(open_ones)))
        for kind, open_ones in kinds
    )
    return Unfinished(*(one.scalar_one() for one in found))
