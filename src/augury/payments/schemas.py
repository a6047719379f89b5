"""What travels over the wire about payments."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.payments.automatic import StandingOrder
from augury.payments.methods import Method
from augury.payments.packs import Pack
from augury.payments.providers.protocol import Money
from augury.payments.values import LONGEST_REASON, MOST_CREDITS, Refund, Status, TopUp

_MOST_MINOR = 10**15


class MoneyOut(BaseModel):
    """An amount in minor units (kopecks, cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyOut":
        """Return money for the wire."""
        return cls(amount_minor=money.amount_minor, currency=money.currency)


class BuyerIn(BaseModel):
    """Who pays, as an invoice has to name it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(
        min_length=2, max_length=200, pattern=r"^[^\x00-\x1f]+$", examples=["ООО «Ромашка»"]
    )
    tax_id: str = Field("", max_length=32, pattern=r"^[0-9A-Za-z /.-]*$", examples=["7707083893"])
    address: str = Field("", max_length=300, pattern=r"^[^\x00-\x1f]*$")


class TopUpIn(BaseModel):
    """Credits that a customer wants to buy."""

    model_config = ConfigDict(extra="forbid")

    credits: int = Field(strict=True, ge=1, le=MOST_CREDITS, examples=[1000])
    provider: str | None = Field(None, max_length=32, description="Leave out for the usual one.")
    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="ISO 4217; leave out for the usual one."
    )
    save_method: bool = Field(
        default=False, description="Remember how it was paid, for automatic top-ups.", strict=True
    )
    buyer: BuyerIn | None = Field(None, description="For an invoice: who will pay it.")


class RefundedOut(BaseModel):
    """What went back, or is on its way back, of a top-up."""

    credits: int
    money: MoneyOut


class TopUpOut(BaseModel):
    """A top-up."""

    id: str
    status: Status
    credits: int
    money: MoneyOut
    provider: str
    origin: Literal["customer", "automatic"]
    checkout_url: str | None = Field(description="Where to pay, while it is pending.")
    refunded: RefundedOut
    reason: str | None = Field(description="Why it failed: a short code.")
    transfer_id: str | None
    created_at: str
    expires_at: str
    completed_at: str | None

    @classmethod
    def of(cls, top_up: TopUp) -> "TopUpOut":
        """Return a top-up for the wire."""
        return cls(
            id=top_up.id,
            status=top_up.status,
            credits=top_up.credits,
            money=MoneyOut.of(top_up.money),
            provider=top_up.provider,
            origin=top_up.origin,
            checkout_url=top_up.checkout_url if top_up.status == "pending" else None,
            refunded=RefundedOut(
                credits=top_up.refunded_credits, money=MoneyOut.of(top_up.refunded)
            ),
            reason=top_up.reason,
            transfer_id=top_up.transfer_id,
            created_at=rfc3339(top_up.created_at),
            expires_at=rfc3339(top_up.expires_at),
            completed_at=None if top_up.completed_at is None else rfc3339(top_up.completed_at),
        )


class TopUpPage(BaseModel):
    """Top-ups, newest first."""

    items: list[TopUpOut]
    next_cursor: str | None


class AdminTopUpOut(TopUpOut):
    """A top-up as administrators see it: with its customer and the provider's name of it."""

    user_id: str
    reference: str | None
    attention: str | None = Field(description="Why somebody should look at it: a short code.")

    @classmethod
    def of(cls, top_up: TopUp) -> "AdminTopUpOut":
        """Return a top-up for the wire."""
        told = TopUpOut.of(top_up).model_dump()
        return cls(
            **told,
            user_id=top_up.user_id,
            reference=top_up.reference,
            attention=top_up.attention,
        )


class AdminTopUpPage(BaseModel):
    """Top-ups of everybody, newest first."""

    items: list[AdminTopUpOut]
    next_cursor: str | None


class PackOut(BaseModel):
    """So many credits for so much money; `discount` is in percent, against the smallest pack."""

    credits: int
    money: MoneyOut
    discount: int

    @classmethod
    def of(cls, pack: Pack) -> "PackOut":
        """Return a pack for the wire."""
        return cls(credits=pack.credits, money=MoneyOut.of(pack.money), discount=pack.discount)


class ProviderOut(BaseModel):
    """A payment provider that is switched on."""

    name: str
    currencies: list[str]
    saves_methods: bool


class PacksOut(BaseModel):
    """What credits cost, and who takes the money; the usual currency and provider come first."""

    packs: list[PackOut]
    providers: list[ProviderOut]


class MethodOut(BaseModel):
    """A saved payment method."""

    id: str
    provider: str
    title: str
    created_at: str

    @classmethod
    def of(cls, method: Method) -> "MethodOut":
        """Return a method for the wire."""
        return cls(
            id=method.id,
            provider=method.provider,
            title=method.title,
            created_at=rfc3339(method.created_at),
        )


class MethodList(BaseModel):
    """Saved payment methods, newest first."""

    items: list[MethodOut]
    next_cursor: None = None


class StandingOrderIn(BaseModel):
    """When to buy credits without asking, and how many."""

    model_config = ConfigDict(extra="forbid")

    payment_method_id: str = Field(max_length=64)
    below: int = Field(strict=True, ge=1, le=MOST_CREDITS, examples=[500])
    credits: int = Field(strict=True, ge=1, le=MOST_CREDITS, examples=[5000])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["RUB"])
    monthly_cap_minor: int = Field(
        strict=True,
        ge=1,
        le=_MOST_MINOR,
        description="What automatic top-ups may cost in a calendar month, in minor units.",
        examples=[1500000],
    )


class StandingOrderOut(BaseModel):
    """An automatic top-up as it stands."""

    payment_method_id: str
    below: int
    credits: int
    currency: str
    monthly_cap_minor: int
    declines: int = Field(description="Declined payments in a row.")
    resting: bool = Field(description="Too many declines: set it again to go on.")

    @classmethod
    def of(cls, order: StandingOrder) -> "StandingOrderOut":
        """Return a standing order for the wire."""
        return cls(
            payment_method_id=order.method_id,
            below=order.below,
            credits=order.credits,
            currency=order.currency,
            monthly_cap_minor=order.monthly_cap_minor,
            declines=order.declines,
            resting=order.resting,
        )


class RefundIn(BaseModel):
    """Money that an administrator gives back, and why."""

    model_config = ConfigDict(extra="forbid")

    credits: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=MOST_CREDITS,
        description="How many credits' worth; leave out for all that is left of the top-up.",
    )
    reason: str = Field(
        min_length=3,
        max_length=LONGEST_REASON,
        pattern=r"^[^\x00]*[^\x00\s][^\x00]*$",
        examples=["The customer asked for it on 3 March"],
    )


class RefundOut(BaseModel):
    """A refund of a top-up; `pending` while the provider has not decided."""

    id: str
    top_up_id: str
    status: Literal["pending", "succeeded", "failed"]
    credits: int
    money: MoneyOut
    reason: str
    transfer_id: str | None
    created_at: str
    completed_at: str | None

    @classmethod
    def of(cls, refund: Refund) -> "RefundOut":
        """Return a refund for the wire."""
        return cls(
            id=refund.id,
            top_up_id=refund.top_up_id,
            status=refund.status,
            credits=refund.credits,
            money=MoneyOut.of(refund.money),
            reason=refund.reason,
            transfer_id=refund.transfer_id,
            created_at=rfc3339(refund.created_at),
            completed_at=None if refund.completed_at is None else rfc3339(refund.completed_at),
        )


class RefundList(BaseModel):
    """Refunds of a top-up, newest first."""

    items: list[RefundOut]
    next_cursor: None = None
