"""The statements that decide: each looks at many given rows, and what it returns is the verdict."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select

from augury.kit.credits import MAX_CREDITS
from augury.kit.db import Given, Id, Int64, ReadTx, WriteTx
from augury.ledger.core import Instruction, Refused, Replayed, TransferType
from augury.ledger.tables import accounts, holds, idempotency_keys

_LOCK = Given(
    "SELECT accounts.id FROM {given} JOIN accounts ON accounts.id = given.id ORDER BY accounts.id",
    lock="FOR NO KEY UPDATE OF accounts",
    id=Id,
)
_MOVE = Given(
    """
    UPDATE accounts
    SET posted = accounts.posted + given.posted,
        held = accounts.held + given.held,
        transfers = accounts.transfers + given.moves
    FROM {given}
    WHERE accounts.id = given.id AND accounts.closed_at IS NULL
      AND accounts.posted - accounts.held + given.posted - given.held >= 0
      AND accounts.posted + given.posted <= :most
    RETURNING accounts.id, accounts.posted, accounts.held, accounts.transfers,
      accounts.alert_below, (
      SELECT newest.link FROM transfers newest WHERE newest.account_id = accounts.id
      ORDER BY newest.number DESC LIMIT 1)
    """,
    id=Id,
    posted=Int64,
    held=Int64,
    moves=Int64,
)
_RESOLVE_HOLD = Given(
    """
    UPDATE holds SET resolved_by = given.transfer_id
    FROM {given}
    WHERE holds.id = given.id AND holds.account_id = given.account_id
      AND holds.resolved_by IS NULL
      AND holds.amount >= given.amount AND holds.expires_at > given.moment
    RETURNING holds.resolved_by, holds.amount
    """,
    id=Id,
    account_id=Id,
    transfer_id=Id,
    amount=Int64,
    moment=Int64,
)
_REFUNDABLE = Given(
    """
    SELECT given.id, first.type FROM {given} JOIN transfers first
      ON first.id = given.corrects AND first.account_id = given.account_id
     AND first.type IN ('capture', 'charge', 'top_up')
    WHERE given.amount <= ABS(first.posted) - (
      SELECT COALESCE(SUM(ABS(back.posted)), 0) FROM transfers back
      WHERE back.corrects = first.id AND back.type = 'refund')
    """,
    id=Id,
    account_id=Id,
    corrects=Id,
    amount=Int64,
)
_REPLAYS = Given(
    """
    SELECT given.account_id, given.key, stored.fingerprint, stored.reference
    FROM {given} JOIN idempotency_keys stored
      ON stored.account_id = given.account_id AND stored.key = given.key
    """,
    account_id=Id,
    key=idempotency_keys.c.key.type,
)


class Moved(NamedTuple):
    """An account after the guard has allowed a move; `newest_link` is from before it."""

    available: int
    transfers: int
    alert_below: int | None
    newest_link: str | None


def lock_accounts(tx: WriteTx, account_ids: Iterable[str]) -> None:
    """Lock accounts in the order of their ids, so that two batches never wait in a circle.

    On SQLite the transaction holds the only write lock already.
    """
    if tx.dialect.name == "postgresql":
        _LOCK.run(tx, [(id_,) for id_ in sorted(account_ids)])


def known_accounts(tx: ReadTx, account_ids: Iterable[str]) -> set[str]:
    """Return those of the accounts that exist and are not closed."""
    found = select(accounts.c.id).where(
        accounts.c.id.in_(account_ids), accounts.c.closed_at.is_(None)
    )
    return set(tx.execute(found).scalars())


def move(tx: WriteTx, moves: Sequence[tuple[str, int, int, int]]) -> dict[str, Moved]:
    """Move `(account, posted, held, transfers)` for each account whose balance allows it.

    Returns the accounts as they are afterwards; one that is missing was refused and is unchanged.
    """
    return {
        id_: Moved(posted - held, transfers, alert_below, link)
        for id_, posted, held, transfers, alert_below, link in _MOVE.run(
            tx, moves, most=MAX_CREDITS
        )
    }


def resolve_holds(
    tx: WriteTx, asked: Sequence[Instruction], moment: int
) -> dict[str, int | Refused]:
    """Resolve the hold of each capture or release; return its size, or why not, by instruction."""
    rows = _RESOLVE_HOLD.run(
        tx,
        [
            # A release may come late, a capture may not.
            (one.hold_id, one.account_id, one.id, one.amount, moment if _captures(one) else -1)
            for one in asked
        ],
    )
    verdicts: dict[str, int | Refused] = dict(rows)
    refused = [one for one in asked if one.id not in verdicts]
    if refused:
        ids = [one.hold_id for one in refused]
        found = {row.id: row for row in tx.execute(select(holds).where(holds.c.id.in_(ids)))}
        for one in refused:
            hold = found.get(one.hold_id)
            if hold is None or hold.account_id != one.account_id:
                verdicts[one.id] = Refused.HOLD_UNKNOWN
            elif hold.resolved_by is not None:
                verdicts[one.id] = Refused.HOLD_RESOLVED
            elif _captures(one) and hold.expires_at <= moment:
                verdicts[one.id] = Refused.HOLD_EXPIRED
            else:
                verdicts[one.id] = Refused.HOLD_TOO_SMALL
    return verdicts


def _captures(one: Instruction) -> bool:
    return one.type is TransferType.CAPTURE


def refundable(tx: WriteTx, asked: Sequence[Instruction]) -> dict[str, TransferType | Refused]:
    """Return the type of what each refund corrects, or that less than this is left of it."""
    rows = _REFUNDABLE.run(
        tx, [(one.id, one.account_id, one.corrects, one.amount) for one in asked]
    )
    allowed = {id_: TransferType(type_) for id_, type_ in rows}
    return {one.id: allowed.get(one.id, Refused.NOTHING_TO_REFUND) for one in asked}


def replays(tx: ReadTx, asked: Sequence[tuple[str, str, str]]) -> list[Replayed | Refused | None]:
    """Return what is stored under each `(account, key, fingerprint)`: nothing when it is new."""
    rows = _REPLAYS.run(tx, [(account_id, key) for account_id, key, _ in asked])
    stored = {(account_id, key): (known, reference) for account_id, key, known, reference in rows}
    verdicts: list[Replayed | Refused | None] = []
    for account_id, key, fingerprint in asked:
        known, reference = stored.get((account_id, key), (None, None))
        if known is None:
            verdicts.append(None)
        elif known == fingerprint:
            verdicts.append(Replayed(reference))
        else:
            verdicts.append(Refused.KEY_CONFLICT)
    return verdicts
