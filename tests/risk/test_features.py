"""What is known of a day depends on nothing that came later, nor on the unit of the price."""

import numpy as np
import pytest

from augury.risk.features import CLOSES, FEATURES, history, latest_many, surroundings
from augury.risk.series import Floats, Indicator, Series

AS_OF = 12_000 + 500


def walk(days: int, seed: int, volatility: float = 0.015) -> Series:
    moves = np.random.default_rng(seed).standard_t(5, days) * volatility
    return Series(np.arange(12_000, 12_000 + days, dtype=np.int32), 50 * np.exp(np.cumsum(moves)))


def yields(level: float, seed: int) -> Indicator:
    known = np.arange(11_000, 13_000, 30, dtype=np.int32)
    return Indicator(known, level + np.random.default_rng(seed).random(len(known)))


def scrambled(series: Series) -> Series:
    after = np.where(series.days > AS_OF, series.closes[::-1] * 7, series.closes)
    return Series(series.days, after)


def scrambled_yield(one: Indicator) -> Indicator:
    return Indicator(one.known, np.where(one.known > AS_OF, 99.0 - one.values, one.values))


ASSET, INDEX = walk(800, 1), walk(800, 2, 0.01)
AAA, BAA = yields(4.0, 3), yields(6.0, 4)


def test_what_comes_after_a_day_moves_no_byte_of_it() -> None:
    """Prices, benchmark and yields after the day are scrambled; cut, scrambled and whole agree."""
    whole = history(ASSET, surroundings(INDEX, AAA, BAA))
    around = surroundings(scrambled(INDEX), scrambled_yield(AAA), scrambled_yield(BAA))
    other = history(scrambled(ASSET), around)
    places = AS_OF - 12_000 + 1
    assert whole[:places].tobytes() == other[:places].tobytes()
    assert whole[places:].tobytes() != other[places:].tobytes()
    cut = latest_many([ASSET.until(AS_OF)], surroundings(INDEX.until(AS_OF), AAA, BAA))
    assert cut.tobytes() == latest_many([scrambled(ASSET).until(AS_OF)], around).tobytes()
    assert np.isfinite(cut).all()


def test_the_last_day_alone_is_the_last_day_of_the_history() -> None:
    around = surroundings(INDEX, AAA, BAA)
    assets = [Series(ASSET.days[:n], ASSET.closes[:n]) for n in (60, 61, 300, 800)]
    whole = np.array([history(one, around)[-1] for one in assets])
    np.testing.assert_allclose(latest_many(assets, around), whole, rtol=1e-9)
    long = walk(12_000, 9)
    np.testing.assert_allclose(latest_many([long], around)[0], history(long, around)[-1])
    assert latest_many([], around).shape == (0, 7)


def test_the_unit_of_the_price_moves_nothing() -> None:
    around = surroundings(INDEX, AAA, BAA)
    dearer = Series(ASSET.days, ASSET.closes * 1024)
    np.testing.assert_allclose(history(dearer, around), history(ASSET, around), atol=1e-9)


def test_what_moves_twice_as_much_differs_in_its_level_alone() -> None:
    wild = Series(ASSET.days, ASSET.closes**2)
    calm, twice = (history(one, surroundings())[200:] for one in (ASSET, wild))
    np.testing.assert_allclose(twice[:, 0] - calm[:, 0], np.log(2), atol=1e-9)
    np.testing.assert_allclose(twice[:, 1:3], calm[:, 1:3], atol=1e-9)


def test_the_first_fifty_nine_closes_say_nothing() -> None:
    found = history(ASSET, surroundings())
    assert np.isnan(found[:59, 0]).all()
    assert np.isfinite(found[59:, :3]).all()
    assert np.isnan(latest_many([ASSET.until(12_058)], surroundings())[0, 0])


def test_missing_surroundings_are_unknown_and_no_error() -> None:
    nothing = Indicator(np.empty(0, np.int32), np.empty(0))
    for around in (surroundings(), surroundings(INDEX.until(12_050), nothing, BAA)):
        found = latest_many([ASSET], around)[0]
        assert dict(zip(FEATURES, np.isnan(found).tolist(), strict=True)) == {
            "volatility_level": False,
            "recent_volatility": False,
            "recent_return": False,
            "market_volatility": True,
            "market_level": True,
            "credit_spread_change": True,
            "closes": False,
        }
        assert found[CLOSES] == 800


@pytest.mark.parametrize(("market_ends", "known"), [(793, True), (790, False)])
def test_a_stale_market_is_no_market(market_ends: int, known: bool) -> None:
    index = INDEX.until(12_000 + market_ends - 1)
    assert np.isfinite(latest_many([ASSET], surroundings(index))[0, 3]) == known


def test_a_price_that_never_moves_has_finite_features() -> None:
    still: Floats = np.full(100, 5.0)
    found = latest_many([Series(np.arange(100, dtype=np.int32), still)], surroundings())[0]
    assert np.isfinite(found[:3]).all()
