"""Payments as values: what is stored of a top-up and of a refund."""

from dataclasses import dataclass
from typing import Literal

from augury.payments.providers.protocol import Money

MOST_CREDITS = 100_000_000
LONGEST_REASON = 500

Status = Literal["pending", "succeeded", "failed", "expired", "refunded"]


@dataclass(frozen=True, slots=True)
class TopUp:
    """A top-up as it is stored; moments in microseconds since 1970."""

    id: str
    user_id: str
    origin: Literal["customer", "automatic"]
    provider: str
    status: Status
    credits: int
    money: Money
    save_method: bool
    method_id: str | None
    reference: str | None
    checkout_url: str | None
    refunded_credits: int
    refunded: Money
    transfer_id: str | None
    reason: str | None
    attention: str | None
    checks: int
    created_at: int
    expires_at: int
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of a top-up as it is stored."""

    id: str
    top_up_id: str
    status: Literal["pending", "succeeded", "failed"]
    credits: int
    money: Money
    reason: str
    hold_id: str
    transfer_id: str | None
    created_at: int
    completed_at: int | None
