"""What travels over the wire about vouchers."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.ledger.schemas import TransactionOut
from augury.vouchers.codes import LONGEST_ENTERED
from augury.vouchers.redeem import Redeemed
from augury.vouchers.service import Batch, Redemption, Status

_MOST_CREDITS = 1_000_000_000
_MOST_USES = 1_000_000
MOST_CODES = 10_000


class VoucherBatchIn(BaseModel):
    """Codes to make: what each gives, and how often they may be redeemed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00]*[^\x00\s][^\x00]*$",
        description="For administrators; customers do not see it.",
        examples=["Conference in May"],
    )
    credits: int = Field(strict=True, ge=1, le=_MOST_CREDITS, examples=[500])
    codes: int = Field(strict=True, ge=1, le=MOST_CODES, examples=[100])
    uses_per_code: int = Field(default=1, strict=True, ge=1, le=_MOST_USES)
    uses_per_user: int = Field(default=1, strict=True, ge=1, le=_MOST_USES)
    total_uses: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        description="Of the whole batch; `codes` times `uses_per_code` when it is left out.",
    )
    expires_at: AwareDatetime | None = None


class VoucherBatchOut(BaseModel):
    """A batch of codes, and how much of it was redeemed."""

    id: str
    name: str
    status: Status
    credits: int = Field(description="What one redemption gives.")
    code_count: int
    uses_per_code: int
    uses_per_user: int
    total_uses: int
    redeemed: int = Field(description="Redemptions so far.")
    redeemed_credits: int
    expires_at: str | None
    stopped_at: str | None
    stopped_by: str | None
    created_by: str
    created_at: str

    @classmethod
    def of(cls, batch: Batch) -> "VoucherBatchOut":
        """Return a batch for the wire."""
        offer = batch.offer
        return cls(
            id=batch.id,
            name=offer.name,
            status=batch.status,
            credits=offer.credits,
            code_count=offer.codes,
            uses_per_code=offer.uses_per_code,
            uses_per_user=offer.uses_per_user,
            total_uses=offer.total_uses,
            redeemed=batch.uses,
            redeemed_credits=batch.uses * offer.credits,
            expires_at=None if offer.expires_at is None else rfc3339(offer.expires_at),
            stopped_at=None if batch.stopped_at is None else rfc3339(batch.stopped_at),
            stopped_by=batch.stopped_by,
            created_by=batch.created_by,
            created_at=rfc3339(batch.created_at),
        )


class VoucherBatchMade(VoucherBatchOut):
    """A new batch with its codes: the only answer that ever shows them."""

    codes: list[str] | None = Field(
        description="Null when this is a replay: codes are stored hashed, nobody can read them."
    )


class VoucherBatchPage(BaseModel):
    """Batches, newest first."""

    items: list[VoucherBatchOut]
    next_cursor: str | None


class RedemptionOut(BaseModel):
    """One use of a code."""

    id: str
    user_id: str
    transfer_id: str
    created_at: str

    @classmethod
    def of(cls, redemption: Redemption) -> "RedemptionOut":
        """Return a redemption for the wire."""
        return cls(
            id=redemption.id,
            user_id=redemption.user_id,
            transfer_id=redemption.transfer_id,
            created_at=rfc3339(redemption.created_at),
        )


class RedemptionPage(BaseModel):
    """Redemptions, newest first."""

    items: list[RedemptionOut]
    next_cursor: str | None


class VoucherBatchDetails(VoucherBatchOut):
    """A batch with a page of its redemptions."""

    redemptions: RedemptionPage


class VoucherIn(BaseModel):
    """A code as it was typed: letters of either case, with or without dashes."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=LONGEST_ENTERED, examples=["7Q2M-K4TZ-9WDX-03RF"])


class VoucherOut(BaseModel):
    """A redeemed code: what it gave, and the balance right after that."""

    id: str
    credits: int
    balance_after: int
    transfer: TransactionOut

    @classmethod
    def of(cls, redeemed: Redeemed) -> "VoucherOut":
        """Return a redemption for the wire."""
        movement = redeemed.movement
        return cls(
            id=redeemed.id,
            credits=movement.amount,
            balance_after=movement.balance_after,
            transfer=TransactionOut.of(movement),
        )
