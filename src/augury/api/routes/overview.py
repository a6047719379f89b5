"""All money of the house at a glance, for administrators."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from augury.api.deps import Admin, TheHouse
from augury.api.responses import refusals
from augury.kit.clock import now, rfc3339
from augury.ledger.core import TransferType
from augury.ledger.overview import Moved, Overview, overview
from augury.payments.schemas import MoneyOut
from augury.payments.sold import Sold, sold

router = APIRouter(prefix="/v1/admin/ledger", tags=["administration"])


class SoldOut(BaseModel):
    """What a provider has sold in a currency."""

    provider: str
    top_ups: int = Field(description="That were paid.")
    credits: int
    money: MoneyOut
    refunded_credits: int = Field(description="That went back; of refunds that are decided.")
    refunded: MoneyOut

    @classmethod
    def of(cls, found: Sold) -> "SoldOut":
        """Return a provider's sums for the wire."""
        return cls(
            provider=found.provider,
            top_ups=found.top_ups,
            credits=found.credits,
            money=MoneyOut.of(found.money),
            refunded_credits=found.refunded_credits,
            refunded=MoneyOut.of(found.refunded),
        )


class GivenOut(BaseModel):
    """What was given to customers and taken from them without a payment."""

    count: int
    given: int
    taken: int


class LedgerOverview(BaseModel):
    """What came in, what is there and what was spent, in credits, of one consistent state."""

    at: str
    accounts: int
    in_circulation: int = Field(description="What customers have, `held` included.")
    held: int = Field(description="For work that is not finished.")
    spent: int = Field(description="On predictions; what was given back is not subtracted.")
    given_back: int = Field(description="Of what was spent, by refunds.")
    sold: int = Field(description="Top-ups that were paid.")
    sold_back: int = Field(description="Of what was sold, by refunds.")
    promotions: GivenOut
    adjustments: GivenOut
    by_provider: list[SoldOut]

    @classmethod
    def of(cls, at: int, found: Overview, providers: list[Sold]) -> "LedgerOverview":
        """Return the sums for the wire."""
        refunds = found.moved.get(TransferType.REFUND, Moved())
        promotions, adjustments = (
            _given(found.moved.get(type_, Moved()))
            for type_ in (TransferType.PROMOTION, TransferType.ADJUSTMENT)
        )
        return cls(
            at=rfc3339(at),
            accounts=found.accounts,
            in_circulation=found.in_circulation,
            held=found.held,
            spent=found.spent,
            given_back=refunds.given,
            sold=found.moved.get(TransferType.TOP_UP, Moved()).given,
            sold_back=refunds.taken,
            promotions=promotions,
            adjustments=adjustments,
            by_provider=[SoldOut.of(one) for one in providers],
        )


def _given(moved: Moved) -> GivenOut:
    return GivenOut(count=moved.count, given=moved.given, taken=moved.taken)


@router.get("/overview", responses=refusals("unauthenticated", "forbidden"))
def ledger_overview(house: TheHouse, _admin: Admin) -> LedgerOverview:
    """Tell how many credits there are, where they came from, and what they went for.

    `sold - sold_back`, promotions and adjustments, less what was spent, are `in_circulation`.
    """
    at = now()
    with house.db.read() as tx:
        return LedgerOverview.of(at, overview(tx), sold(tx))
