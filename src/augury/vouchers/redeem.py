"""Redeeming a code: it is spent and the credits arrive in one transaction, or neither happens.

Three counters say whether a code may be redeemed: how often the code, its batch and this user have
left. Each is taken from by one guarded statement whose row count is the verdict. Everybody takes
the locks in one order, so that nobody waits in a circle: the user's account (the ledger takes it,
and finds a repetition of the same key under it), the code, the batch, the user's count.
"""

from dataclasses import dataclass

from sqlalchemy import Row, select, text, update

from augury.kit.clock import now
from augury.kit.db import Database, ReadTx, WriteTx
from augury.kit.errors import Refusal
from augury.kit.ids import new_id
from augury.ledger import history
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, Refused, Replayed, TransferType
from augury.ledger.history import Movement
from augury.ledger.refusals import IdempotencyConflict, refusal_of
from augury.vouchers.codes import hash_of
from augury.vouchers.tables import batches, redemptions, vouchers

# Transfers of vouchers refer to their redemption with this before its id.
REFERENCE = "voucher:"


class VoucherUnknown(Refusal):
    """There is no such code."""

    code = "voucher_unknown"
    status = 404


class VoucherSpent(Refusal):
    """The code, or its whole batch, was redeemed as often as it may be."""

    code = "voucher_spent"
    status = 409


class VoucherExpired(Refusal):
    """The code was good until a moment that has passed, or until its batch was stopped."""

    code = "voucher_expired"
    status = 409


class VoucherLimitReached(Refusal):
    """The user has redeemed as many codes of the batch as anybody may."""

    code = "voucher_limit_reached"
    status = 409


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption by its id, with the movement that gave the credits."""

    id: str
    movement: Movement


def redeem(
    db: Database, user_id: str, entered: str, *, key: str | None = None
) -> tuple[Redeemed, bool]:
    """Return the redemption of a code, and whether it is the replay of one with the same key.

    Raises `VoucherUnknown`, `VoucherSpent`, `VoucherExpired`, `VoucherLimitReached`,
    `IdempotencyConflict` or what the ledger refuses; then nothing is spent and nothing has moved.
    """
    code_hash = hash_of(entered) or ""
    key = None if key is None else f"voucher:{key}"
    # Nothing of a voucher but its counters ever changes, so who guesses never takes a lock.
    with db.read() as tx:
        replay = _replay(tx, user_id, key, code_hash)
        if replay is not None:
            return replay, True
        voucher = _voucher(tx, code_hash)
    redemption_id = new_id()
    promotion = Instruction(
        new_id(),
        TransferType.PROMOTION,
        user_id,
        voucher.credits,
        reference=REFERENCE + redemption_id,
        key=key,
        fingerprint=None if key is None else code_hash,
    )
    with db.write() as tx:
        (outcome,) = ledger.post(tx, [promotion])
        if isinstance(outcome, Replayed):
            return _stored(tx, outcome), True
        if isinstance(outcome, Refused):
            raise refusal_of(outcome, required=0, available=0)
        # A refusal below undoes the transfer as well.
        _spend(tx, voucher, user_id)
        _write(tx, redemption_id, voucher, promotion)
        movement = history.movements_by_id(tx, [promotion.id])[promotion.id]
        return Redeemed(redemption_id, movement), False


def _replay(tx: ReadTx, user_id: str, key: str | None, code_hash: str) -> Redeemed | None:
    if key is None:
        return None
    (verdict,) = ledger.replays(tx, [(user_id, key, code_hash)])
    if isinstance(verdict, Refused):
        raise IdempotencyConflict
    return None if verdict is None else _stored(tx, verdict)


def _stored(tx: ReadTx, replayed: Replayed) -> Redeemed:
    redemption_id = replayed.reference.removeprefix(REFERENCE)
    transfer_id = tx.execute(
        select(redemptions.c.transfer_id).where(redemptions.c.id == redemption_id)
    ).scalar_one()
    return Redeemed(redemption_id, history.movements_by_id(tx, [transfer_id])[transfer_id])


_Voucher = Row[str, str, int, int]


def _voucher(tx: ReadTx, code_hash: str) -> _Voucher:
    """Return what never changes of a voucher: its code's hash, its batch and what that gives."""
    found = tx.execute(
        select(
            vouchers.c.code_hash,
            vouchers.c.batch_id,
            batches.c.credits,
            batches.c.uses_per_user,
        )
        .join(batches, batches.c.id == vouchers.c.batch_id)
        .where(vouchers.c.code_hash == code_hash)
    ).first()
    if found is None:
        raise VoucherUnknown
    return found


_COUNT_USE = text(
    "INSERT INTO voucher_uses (batch_id, user_id, uses) VALUES (:batch_id, :user_id, 1)"
    " ON CONFLICT (batch_id, user_id) DO UPDATE SET uses = voucher_uses.uses + 1"
    " WHERE voucher_uses.uses < :most"
)


def _spend(tx: WriteTx, voucher: _Voucher, user_id: str) -> None:
    code = update(vouchers).where(
        vouchers.c.code_hash == voucher.code_hash, vouchers.c.uses_left > 0
    )
    if tx.execute(code.values(uses_left=vouchers.c.uses_left - 1)).rowcount == 0:
        raise VoucherSpent
    batch = update(batches).where(
        batches.c.id == voucher.batch_id,
        batches.c.uses_left > 0,
        batches.c.stopped_at.is_(None),
        batches.c.expires_at.is_(None) | (batches.c.expires_at > now()),
    )
    if tx.execute(batch.values(uses_left=batches.c.uses_left - 1)).rowcount == 0:
        raise _why_no_more(tx, voucher.batch_id)
    mine = {"batch_id": voucher.batch_id, "user_id": user_id, "most": voucher.uses_per_user}
    if tx.execute(_COUNT_USE, mine).rowcount == 0:
        raise VoucherLimitReached


def _why_no_more(tx: ReadTx, batch_id: str) -> Refusal:
    left = tx.execute(
        select(batches.c.uses_left, batches.c.stopped_at).where(batches.c.id == batch_id)
    ).one()
    used_up = left.uses_left == 0 and left.stopped_at is None
    return VoucherSpent() if used_up else VoucherExpired()


def _write(tx: WriteTx, redemption_id: str, voucher: _Voucher, promotion: Instruction) -> None:
    tx.execute(
        redemptions.insert().values(
            id=redemption_id,
            batch_id=voucher.batch_id,
            code_hash=voucher.code_hash,
            user_id=promotion.account_id,
            transfer_id=promotion.id,
            created_at=now(),
        )
    )
