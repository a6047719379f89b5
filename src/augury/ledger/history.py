"""What a customer sees of the journal: transfers, newest first, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select, text

from augury.kit.db import ReadTx
from augury.ledger.core import TransferType
from augury.ledger.places import SLACK, places
from augury.ledger.tables import RARE, transfers


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
    types: Collection[TransferType] = (),
    since: int | None = None,
    until: int | None = None,
    reference: str | None = None,
) -> list[Movement]:
    """Return up to `limit` movements of an account, newest first, with numbers below `before`.

    They are of one of the `types` if any are named, not older than `since` and older than `until`
    (microseconds).
    """
    statement = (
        select(transfers)
        .where(transfers.c.account_id == account_id)
        .order_by(transfers.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(transfers.c.number < before)
    if reference is not None:
        # In a query of its own: for the order of the page SQLite would rather walk the journal.
        named = transfers.alias("named")
        numbers = select(named.c.number).where(
            named.c.reference == reference, named.c.account_id == account_id
        )
        statement = statement.where(transfers.c.number.in_(numbers))
    # The place in the journal keeps a look into the past from walking all the way there.
    if since is not None:
        (first,) = places(tx, account_id, [since - SLACK])
        statement = statement.where(transfers.c.created_at >= since, transfers.c.number > first)
    if until is not None:
        (last,) = places(tx, account_id, [until + SLACK])
        statement = statement.where(transfers.c.created_at < until, transfers.c.number <= last)
    if not types:
        return [_movement(row) for row in tx.execute(statement)]
    # Each type for itself: then the index has them in order, and a rare one is not looked for
    # among all the others.
    found = [row for type_ in set(types) for row in tx.execute(_of_type(statement, type_))]
    found.sort(key=lambda row: int(row.number), reverse=True)
    return [_movement(row) for row in found[:limit]]


def _of_type(statement: Select[Any], type_: TransferType) -> Select[Any]:
    """Narrow a statement down, in the words by which both databases know the index for it."""
    narrow = statement.where(transfers.c.type == type_)
    return narrow if type_ is TransferType.CHARGE else narrow.where(text(RARE))


def journal(tx: ReadTx, account_id: str, *, after: int, last: int) -> list[Movement]:
    """Return the movements of an account numbered `after` + 1 to `last`, oldest first."""
    found = tx.execute(
        select(transfers)
        .where(
            transfers.c.account_id == account_id,
            transfers.c.number > after,
            transfers.c.number <= last,
        )
        .order_by(transfers.c.number)
    )
    return [_movement(row) for row in found]


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
