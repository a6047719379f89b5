"""Low balance: a customer is told when what can be spent falls below a threshold of their own.

Once for each crossing: the move that crosses is the one that tells, in its own transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select, update

from augury.kit.db import Database, WriteTx
from augury.kit.errors import NotFound
from augury.ledger.tables import accounts
from augury.notices import service as notices
from augury.notices.service import Event, EventType


class Crossing(NamedTuple):
    """A move that took what is available from the threshold or more to less."""

    account_id: str
    available: int
    alert_below: int


def tell(tx: WriteTx, crossings: Sequence[Crossing]) -> None:
    """Tell the customers whose balances have fallen below their thresholds."""
    if crossings:
        notices.publish(
            tx,
            [
                Event(
                    EventType.BALANCE_LOW,
                    one.account_id,
                    {"available": one.available, "alert_below": one.alert_below},
                    mail="balance_low",
                )
                for one in crossings
            ],
        )


def threshold(db: Database, account_id: str) -> int | None:
    """Return below what a customer wants to be told; nothing when never, or without an account."""
    with db.read() as tx:
        below: int | None = tx.execute(
            select(accounts.c.alert_below).where(accounts.c.id == account_id)
        ).scalar()
        return below


def set_threshold(db: Database, account_id: str, below: int | None) -> None:
    """Set below what a customer wants to be told, or nothing for never; raises `NotFound`.

    A balance that is below already is not told: it crosses nothing.
    """
    with db.write() as tx:
        changed = tx.execute(
            update(accounts).where(accounts.c.id == account_id).values(alert_below=below)
        )
        if changed.rowcount == 0:
            raise NotFound
