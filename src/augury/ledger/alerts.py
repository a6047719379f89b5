"""Low balance: a customer is told when what can be spent falls below a threshold of their own.

Once for each crossing, in the transaction that crosses. What goes up and down again inside one, as
the release of a hold and the refund that takes its credits, is none.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select, update

from augury.audit_log.service import HOUSE, Actor, record
from augury.kit.db import Database, WriteTx
from augury.kit.errors import NotFound
from augury.ledger.tables import accounts
from augury.notices import service as notices
from augury.notices.service import Event, EventType


class Level(NamedTuple):
    """What an account had available before a transaction and has after it."""

    account_id: str
    before: int
    after: int
    alert_below: int


def tell(tx: WriteTx, levels: Iterable[Level]) -> None:
    """Tell the customers whose balances have fallen below their thresholds."""
    fallen = [one for one in levels if one.before >= one.alert_below > one.after]
    if fallen:
        notices.publish(
            tx,
            [
                Event(
                    EventType.BALANCE_LOW,
                    one.account_id,
                    {"available": one.after, "alert_below": one.alert_below},
                    mail="balance_low",
                )
                for one in fallen
            ],
        )


def threshold(db: Database, account_id: str) -> int | None:
    """Return below what a customer wants to be told; nothing when never, or without an account."""
    with db.read() as tx:
        below: int | None = tx.execute(
            select(accounts.c.alert_below).where(accounts.c.id == account_id)
        ).scalar()
        return below


def set_threshold(db: Database, account_id: str, below: int | None, actor: Actor = HOUSE) -> None:
    """Set below what a customer wants to be told, or nothing for never; raises `NotFound`.

    A balance that is below already is not told: it crosses nothing.
    """
    with db.write() as tx:
        before = tx.execute(
            select(accounts.c.alert_below).where(accounts.c.id == account_id).with_for_update()
        ).scalar()
        changed = tx.execute(
            update(accounts).where(accounts.c.id == account_id).values(alert_below=below)
        )
        if changed.rowcount == 0:
            raise NotFound
        details = {"before": before, "now": below}
        record(tx, actor, "balance_alert.set", f"user:{account_id}", details)
