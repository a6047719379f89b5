"""What credits cost: packs in each currency, of which the larger ones are cheaper by the credit."""

from collections.abc import Mapping
from dataclasses import dataclass

from augury.kit.errors import invalid
from augury.payments.providers.protocol import Money


@dataclass(frozen=True, slots=True)
class Pack:
    """So many credits for so much money; `discount` is in percent, against the smallest pack."""

    credits: int
    money: Money
    discount: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """The packs of every currency, each from the smallest to the largest.

    Any number of credits can be bought: it costs what a credit costs in the largest pack that is
    not larger, so the next pack may be the better buy, and never costs more by the credit.
    """

    packs: Mapping[str, Mapping[int, int]]

    def currencies(self) -> list[str]:
        """Return the currencies, the usual one first."""
        return list(self.packs)

    def list_packs(self, currency: str) -> list[Pack]:
        """Return the packs of a currency."""
        sizes = sorted(self.packs[currency].items())
        first_credits, first_minor = sizes[0]
        return [
            Pack(
                credits_,
                Money(minor, currency),
                100 - -(-100 * minor * first_credits // (first_minor * credits_)),
            )
            for credits_, minor in sizes
        ]

    def price(self, credits_: int, currency: str) -> Money:
        """Return what credits cost, rounded up to the minor unit; `InvalidInput` if not for sale.

        A pack costs exactly its price.
        """
        if currency not in self.packs:
            known = ", ".join(self.packs)
            raise invalid("/currency", "fault.currency_unknown", known=known)
        sizes = self.packs[currency]
        size = max((one for one in sizes if one <= credits_), default=min(sizes))
        return Money(-(-credits_ * sizes[size] // size), currency)
