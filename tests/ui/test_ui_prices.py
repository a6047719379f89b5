"""What the cabinet shows as a price is what the API will ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augury.client import Money, Pack
from augury.payments.packs import PriceList
from augury.ui.parts.prices import better_buy, minor_units, price_of, whole_units

SIZES = st.dictionaries(
    st.integers(1, 10**6), st.integers(1, 10**9), min_size=1, max_size=5
).filter(bool)


def packs(sizes: dict[int, int]) -> list[Pack]:
    """Return packs as the API tells them."""
    return [
        Pack(one.credits, Money(one.money.amount_minor, one.money.currency), one.discount)
        for one in PriceList({"RUB": sizes}).list_packs("RUB")
    ]


@given(SIZES, st.integers(1, 10**8))
def test_any_number_costs_what_the_api_says(sizes: dict[int, int], credits_: int) -> None:
    asked = PriceList({"RUB": sizes}).price(credits_, "RUB")
    assert price_of(credits_, packs(sizes)) == Money(asked.amount_minor, "RUB")


@given(SIZES)
def test_a_pack_costs_exactly_its_price(sizes: dict[int, int]) -> None:
    for pack in packs(sizes):
        assert price_of(pack.credits, packs(sizes)) == pack.money


def test_nothing_has_no_price() -> None:
    assert price_of(0, packs({1000: 100})) is None
    assert price_of(-5, packs({1000: 100})) is None
    assert price_of(5, []) is None


def test_a_pack_with_more_for_less_is_the_better_buy() -> None:
    offered = packs({1000: 100_000, 5000: 475_000})
    best = better_buy(4900, Money(490_000, "RUB"), offered)
    assert best is not None
    assert best.credits == 5000
    assert better_buy(4700, Money(470_000, "RUB"), offered) is None
    assert better_buy(5000, Money(475_000, "RUB"), offered) is None


@pytest.mark.parametrize(
    ("currency", "whole", "minor"), [("RUB", 15, 1500), ("JPY", 15, 15), ("KWD", 15, 15_000)]
)
def test_currencies_differ_in_their_minor_units(currency: str, whole: int, minor: int) -> None:
    assert minor_units(whole, currency) == minor
    assert whole_units(minor, currency) == whole


def test_whole_units_never_promise_less() -> None:
    assert whole_units(1501, "RUB") == 16
