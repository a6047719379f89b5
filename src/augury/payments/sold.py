"""What was sold for money: by provider and currency."""

from dataclasses import dataclass

from sqlalchemy import func, select

from augury.kit.db import ReadTx
from augury.payments.providers.protocol import Money
from augury.payments.tables import refunds, top_ups


@dataclass(frozen=True, slots=True)
class Sold:
    """Paid top-ups of a provider in a currency, and what of them has gone back."""

    provider: str
    top_ups: int
    credits: int
    money: Money
    refunded_credits: int
    refunded: Money


def sold(tx: ReadTx) -> list[Sold]:
    """Return what every provider has sold, by its name and the currency."""
    paid = (
        select(
            top_ups.c.provider,
            top_ups.c.currency,
            func.count(),
            func.sum(top_ups.c.credits),
            func.sum(top_ups.c.amount_minor),
        )
        .where(top_ups.c.transfer_id.is_not(None))
        .group_by(top_ups.c.provider, top_ups.c.currency)
        .order_by(top_ups.c.provider, top_ups.c.currency)
    )
    given_back = (
        select(
            top_ups.c.provider,
            top_ups.c.currency,
            func.sum(refunds.c.credits),
            func.sum(refunds.c.amount_minor),
        )
        .join(top_ups, top_ups.c.id == refunds.c.top_up_id)
        .where(refunds.c.transfer_id.is_not(None))
        .group_by(top_ups.c.provider, top_ups.c.currency)
    )
    back = {
        (provider, currency): (int(credits_), int(minor))
        for provider, currency, credits_, minor in tx.execute(given_back)
    }
    found = []
    for provider, currency, count, credits_, minor in tx.execute(paid):
        back_credits, back_minor = back.get((provider, currency), (0, 0))
        money, refunded = Money(int(minor), currency), Money(back_minor, currency)
        found.append(Sold(provider, count, int(credits_), money, back_credits, refunded))
    return found
