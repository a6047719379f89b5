"""What a customer sees of the journal: transfers, newest first, page by page."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from augury.kit.db import ReadTx
from augury.ledger.core import TransferType
from augury.ledger.tables import transfers


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer as its customer sees it: `amount` is how the available balance changed."""

    id: str
    number: int
    type: TransferType
    amount: int
    balance_after: int
    reference: str
    reason: str | None
    created_at: int


def movements(
    tx: ReadTx,
    account_id: str,
    *,
    limit: int,
    before: int | None = None,
    type_: TransferType | None = None,
) -> list[Movement]:
    """Return up to `limit` movements of an account, newest first, with numbers below `before`."""
    statement = (
        select(transfers)
        .where(transfers.c.account_id == account_id)
        .order_by(transfers.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(transfers.c.number < before)
    if type_ is not None:
        statement = statement.where(transfers.c.type == type_)
    return [_movement(row) for row in tx.execute(statement)]


def movements_by_id(tx: ReadTx, transfer_ids: list[str]) -> dict[str, Movement]:
    """Return the movements with these ids, by id."""
    found = tx.execute(select(transfers).where(transfers.c.id.in_(transfer_ids)))
    return {row.id: _movement(row) for row in found}


def _movement(row: Row[Any]) -> Movement:
    return Movement(
        row.id,
        row.number,
        TransferType(row.type),
        row.posted - row.held,
        row.available_after,
        row.reference,
        row.reason,
        row.created_at,
    )
