"""All credits of the house at a glance: what came in, what is there, and what was spent."""

from dataclasses import dataclass

from sqlalchemy import case, func, select, text

from augury.kit.db import ReadTx
from augury.ledger.core import TransferType
from augury.ledger.tables import RARE, accounts, transfers


@dataclass(frozen=True, slots=True)
class Moved:
    """How many transfers of a type moved credits, how many they gave customers and took."""

    count: int = 0
    given: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """What all customers have, and what all transfers but charges have moved.

    `spent` is what customers paid for predictions, refunds of those not subtracted. It is what must
    have gone for the rest to be what it is; that it is so, the audit shows.
    """

    accounts: int
    in_circulation: int
    held: int
    spent: int
    moved: dict[TransferType, Moved]


def overview(tx: ReadTx) -> Overview:
    """Return the sums of one consistent state; charges, which are most transfers, are not read."""
    counted, posted, held = tx.execute(
        select(func.count(), func.sum(accounts.c.posted), func.sum(accounts.c.held)).select_from(
            accounts
        )
    ).one()
    given = func.sum(case((transfers.c.posted > 0, transfers.c.posted), else_=0))
    taken = func.sum(case((transfers.c.posted < 0, -transfers.c.posted), else_=0))
    rare = (
        select(transfers.c.type, func.count(), given, taken)
        .where(text(RARE))
        .group_by(transfers.c.type)
    )
    moved = {
        TransferType(type_): Moved(count, int(plus), int(minus))
        for type_, count, plus, minus in tx.execute(rare)
    }
    in_circulation = int(posted or 0)
    captured = moved.get(TransferType.CAPTURE, Moved()).taken
    others = sum(one.given - one.taken for one in moved.values())
    spent = others - in_circulation + captured
    return Overview(counted, in_circulation, int(held or 0), spent, moved)
