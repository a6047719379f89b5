"""What travels over the wire about credits."""

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.kit.credits import MAX_CREDITS
from augury.ledger.adjust import LONGEST_REASON
from augury.ledger.core import TransferType
from augury.ledger.history import Movement


class BalanceOut(BaseModel):
    """What can be spent, and what is held for unfinished work."""

    available: int
    held: int


class TransactionOut(BaseModel):
    """A movement of credits; `amount` is signed and is how the available balance changed."""

    id: str
    type: TransferType
    amount: int
    balance_after: int
    reference: str = Field(description="What it was for, e.g. the id of a prediction.")
    reason: str | None
    created_at: str

    @classmethod
    def of(cls, movement: Movement) -> "TransactionOut":
        """Return a movement for the wire."""
        return cls(
            id=movement.id,
            type=movement.type,
            amount=movement.amount,
            balance_after=movement.balance_after,
            reference=movement.reference,
            reason=movement.reason,
            created_at=rfc3339(movement.created_at),
        )


class TransactionPage(BaseModel):
    """Movements, newest first."""

    items: list[TransactionOut]
    next_cursor: str | None


class AdjustmentIn(BaseModel):
    """Credits that an administrator gives (positive) or takes (negative), and why."""

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(strict=True, ge=-MAX_CREDITS, le=MAX_CREDITS, examples=[500])
    reason: str = Field(
        min_length=3,
        max_length=LONGEST_REASON,
        pattern=r"^[^\x00]*[^\x00\s][^\x00]*$",
        examples=["Refund of an outage on 3 March"],
    )
