"""An adjustment: an administrator gives or takes credits by hand, with a reason."""

import hashlib
import json

from augury.audit_log.service import Actor, record
from augury.kit.db import Database
from augury.kit.errors import NotFound, invalid
from augury.kit.ids import new_id
from augury.ledger import history, service
from augury.ledger.core import Instruction, Refused, Replayed, TransferType, amount_is_valid
from augury.ledger.history import Movement
from augury.ledger.refusals import refusal_of

LONGEST_REASON = 500


def adjust(
    db: Database, account_id: str, amount: int, reason: str, *, actor: Actor, key: str | None
) -> tuple[Movement, bool]:
    """Return the adjustment, and whether it is the replay of an earlier one with the same key.

    `amount` may be negative. Raises `NotFound`, `InvalidInput`, `InsufficientCredits`,
    `BalanceTooLarge` or `IdempotencyConflict`; then nothing has moved.
    """
    transfer_id = new_id()
    instruction = Instruction(
        transfer_id,
        TransferType.ADJUSTMENT,
        account_id,
        amount,
        reference=transfer_id,
        reason=reason,
        actor_id=actor.user_id,
        key=None if key is None else f"adjustment:{actor.user_id}:{key}",
        fingerprint=hashlib.sha256(json.dumps([amount, reason]).encode()).hexdigest(),
    )
    if not amount_is_valid(instruction):
        raise invalid("/amount", "fault.adjustment_amount")
    with db.write() as tx:
        balance = service.balances(tx, [account_id]).get(account_id)
        if balance is None:
            raise NotFound
        (outcome,) = service.post(tx, [instruction])
        if isinstance(outcome, Refused):
            raise refusal_of(outcome, required=abs(amount), available=balance.available)
        replayed = isinstance(outcome, Replayed)
        stored_id = outcome.reference if isinstance(outcome, Replayed) else transfer_id
        movement = history.movements_by_id(tx, [stored_id])[stored_id]
        if not replayed:
            # From the movement itself: what was read before it may have changed meanwhile.
            after = movement.balance_after
            details = {
                "amount": amount,
                "transfer": transfer_id,
                "before": after - amount,
                "now": after,
            }
            record(tx, actor, "credits.adjusted", f"user:{account_id}", details)
        return movement, replayed
