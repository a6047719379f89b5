"""Where a moment lies in an account's journal, found without an index on time.

Numbers grow by one, and time grows with them, but for the moments by which two processes may
differ: each takes the time before it waits for the account.
"""

from collections.abc import Sequence

from sqlalchemy import select

from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.ledger.tables import accounts, transfers

# Movements that are this far apart in time have numbers in the same order.
SLACK = 60 * SECOND


def places(tx: ReadTx, account_id: str, moments: Sequence[int]) -> list[int]:
    """Return for each moment the number of the last movement before it; 0 when there is none.

    The answer is made bit by bit, from the highest: each time one movement is looked at, for all
    moments by the same statement. Which ones those are does not depend on the journal's length, so
    the place of a moment that has passed stays where it is; and a later moment never has an
    earlier place. Where two movements stand in the wrong order, one of the places between which
    the moment lies is chosen, always the same.
    """
    newest = tx.execute(select(accounts.c.transfers).where(accounts.c.id == account_id)).scalar()
    found = [0] * len(moments)
    for bit in reversed(range((newest or 0).bit_length())):
        steps = [place + (1 << bit) for place in found]
        rows = tx.execute(
            select(transfers.c.number, transfers.c.created_at).where(
                transfers.c.account_id == account_id, transfers.c.number.in_(set(steps))
            )
        )
        times = {row.number: row.created_at for row in rows}
        found = [
            step if times.get(step, moment) < moment else place
            for place, step, moment in zip(found, steps, moments, strict=True)
        ]
    return found
