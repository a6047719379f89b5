"""What travels over the wire about credits."""

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.kit.credits import MAX_CREDITS
from augury.ledger.adjust import LONGEST_REASON
from augury.ledger.core import TransferType
from augury.ledger.history import Movement
from augury.ledger.statement import Statement, Summary


class BalanceOut(BaseModel):
    """What can be spent, and what is held for unfinished work."""

    available: int
    held: int


class AlertIn(BaseModel):
    """Below how many available credits the customer wants to be told; null: never."""

    model_config = ConfigDict(extra="forbid")

    below: int | None = Field(strict=True, ge=1, le=MAX_CREDITS, examples=[100])


class AlertOut(BaseModel):
    """Below how many available credits the customer is told; null: never."""

    below: int | None


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


class StatementMonth(BaseModel):
    """A month with movements. Balances are what could be spent: what is held is not in them."""

    month: str = Field(examples=["2026-03"])
    final: bool = Field(description="Whether the month is over and nothing can be added.")
    movements: int
    opening_balance: int
    closing_balance: int

    @classmethod
    def of(cls, summary: Summary) -> "StatementMonth":
        """Return a month for the wire."""
        return cls(
            month=str(summary.month),
            final=summary.final,
            movements=summary.movements,
            opening_balance=summary.opening,
            closing_balance=summary.closing,
        )


class StatementMonthPage(BaseModel):
    """Months with movements, newest first."""

    items: list[StatementMonth]
    next_cursor: str | None


class StatementTotal(BaseModel):
    """All movements of a type together; `amount` is signed."""

    type: TransferType
    count: int
    amount: int


class StatementHead(StatementMonth):
    """A month from its first moment to the first one after it, with the totals by type."""

    begins_at: str
    ends_at: str
    totals: list[StatementTotal]

    @classmethod
    def of_statement(cls, statement: Statement) -> "StatementHead":
        """Return everything but the movements for the wire."""
        summary = statement.summary
        return cls(
            **StatementMonth.of(summary).model_dump(),
            begins_at=rfc3339(summary.month.start),
            ends_at=rfc3339(summary.month.end),
            totals=[
                StatementTotal(type=one.type, count=one.count, amount=one.amount)
                for one in statement.totals
            ],
        )


class StatementOut(StatementHead):
    """A statement: the opening balance and all amounts together are the closing balance."""

    items: list[TransactionOut] = Field(description="Every movement, oldest first.")


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
