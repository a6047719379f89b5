"""What any number of credits costs, worked out from the packs as the API does."""

from collections.abc import Sequence

from babel.numbers import get_currency_precision

from augury.client import Money, Pack


def price_of(credits_: int, packs: Sequence[Pack]) -> Money | None:
    """Return what credits cost by the packs of one currency, rounded up to the minor unit.

    A credit costs what it costs in the largest pack that is not larger. The price is for showing:
    the API's own, which stands on the top-up, is the one that counts.
    """
    sizes = sorted(packs, key=lambda pack: pack.credits)
    if not sizes or credits_ < 1:
        return None
    pack = next((one for one in reversed(sizes) if one.credits <= credits_), sizes[0])
    minor = -(-credits_ * pack.money.amount_minor // pack.credits)
    return Money(minor, pack.money.currency)


def better_buy(credits_: int, price: Money, packs: Sequence[Pack]) -> Pack | None:
    """Return a pack that has more credits for less money, or None."""
    return next(
        (
            pack
            for pack in packs
            if pack.credits > credits_ and pack.money.amount_minor <= price.amount_minor
        ),
        None,
    )


def minor_units(whole: int, currency: str) -> int:
    """Return whole units of a currency (roubles, dollars) in its minor ones."""
    return whole * _minor_in_one(currency)


def whole_units(minor: int, currency: str) -> int:
    """Return minor units of a currency in whole ones, rounded up."""
    return -(-minor // _minor_in_one(currency))


def _minor_in_one(currency: str) -> int:
    in_one: int = 10 ** get_currency_precision(currency)
    return in_one
