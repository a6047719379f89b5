"""Bad times: replayed, through betas, through indicators, and as the holder fears them."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from augury.risk import stress
from augury.risk.series import Indicator, Series

FIRST, LAST = stress.CRISIS_2020
BETAS = np.array([1.5, 0.5])


def falling(by: float, first: int = FIRST - 50, last: int = LAST + 50) -> Series:
    """A series that falls by so much over the window, and stands still before and after."""
    days = np.arange(first, last, dtype=np.int32)
    share = np.clip((days - FIRST) / (LAST - FIRST), 0, 1)
    return Series(days, 100 * (1 - by * share))


def test_the_windows_are_the_peaks_and_troughs_of_the_index() -> None:
    windows = [stress.CRISIS_2008, stress.CRISIS_2020]
    days = [str(np.datetime64(day, "D")) for window in windows for day in window]
    assert days == ["2007-10-09", "2009-03-09", "2020-02-19", "2020-03-23"]


def test_an_asset_with_data_repeats_its_own_loss_and_one_without_its_betas() -> None:
    assets = [falling(0.6), falling(0.1, first=FIRST + 5)]
    found = stress.replay(np.array([0.5, 0.5]), assets, BETAS, falling(0.34), stress.CRISIS_2020)
    assert found is not None
    assert found.observed.tolist() == [True, False]
    assert found.returns == pytest.approx([-0.6, -0.17])
    assert found.loss == pytest.approx(0.385)


@pytest.mark.parametrize(
    "benchmark",
    [falling(0.3, last=LAST - 20), falling(0.3, first=FIRST + 1), falling(0.3, last=FIRST)],
)
def test_without_a_benchmark_of_the_days_a_replay_is_not_available(benchmark: Series) -> None:
    assets = [falling(0.6), falling(0.1)]
    assert stress.replay(np.ones(2), assets, BETAS, benchmark, stress.CRISIS_2020) is None


def indicator(months: int = 60, seed: int = 2) -> tuple[Indicator, np.ndarray]:
    rng = np.random.default_rng(seed)
    changes = rng.standard_normal(months) * 0.003
    known = (10_000 + 30 * np.arange(months + 1)).astype(np.int32)
    return Indicator(known, 0.05 + np.concatenate([[0], np.cumsum(changes)])), changes


def follower(changes: np.ndarray, slope: float, noise: float = 0.02, skip: int = 0) -> Series:
    rng = np.random.default_rng(9)
    months = slope * changes + rng.standard_normal(len(changes)) * noise
    closes = 100 * np.cumprod(np.concatenate([[1], 1 + months]))
    days = (10_000 + 30 * np.arange(len(closes))).astype(np.int32)
    return Series(days[skip:], closes[skip:])


def sensitivity(
    assets: list[Series], given: Indicator, **changes: Any
) -> stress.Sensitivity | None:
    terms = {
        "as_of": 99_999,
        "relative": False,
        "prior_deviation": stress.RATES_PRIOR_DEVIATION,
        **changes,
    }
    return stress.sensitivity(assets, given, **terms)


def test_a_sensitivity_is_a_regressions_slope_shrunk_to_zero() -> None:
    given, changes = indicator()
    asset = follower(changes, -6.0)
    judge = sm.OLS(asset.closes[1:] / asset.closes[:-1] - 1, sm.add_constant(changes)).fit()
    found = sensitivity([asset], given)
    assert found is not None
    trust = 25 / (25 + judge.bse[1] ** 2)
    assert found.slopes == pytest.approx([trust * judge.params[1]])
    assert found.changes.tolist() == [60]
    shock = stress.through(np.ones(1), found.slopes, stress.RATES_RISE)
    assert shock.loss == pytest.approx(-0.02 * found.slopes[0])
    assert not shock.observed.any()


def test_noise_is_shrunk_more_than_a_clear_link() -> None:
    given, changes = indicator()
    clear, noisy = (sensitivity([follower(changes, -6.0, noise)], given) for noise in (0.001, 0.5))
    assert clear is not None
    assert noisy is not None
    assert clear.slopes[0] == pytest.approx(-6, abs=0.2)
    raw = sensitivity([follower(changes, -6.0, 0.5)], given, prior_deviation=1e6)
    assert raw is not None
    assert abs(noisy.slopes[0]) < 0.2 * abs(raw.slopes[0])


def test_what_is_not_known_yet_changes_nothing() -> None:
    given, changes = indicator()
    asset = follower(changes, -6.0)
    as_of = int(given.known[40])
    later = given.values.copy()
    later[41:] = 99
    scrambled = asset.closes.copy()
    scrambled[41:] = 1
    honest = sensitivity([asset], given, as_of=as_of)
    other = sensitivity([Series(asset.days, scrambled)], Indicator(given.known, later), as_of=as_of)
    assert honest is not None
    assert other is not None
    assert honest.slopes.tobytes() == other.slopes.tobytes()


def test_too_few_changes_make_an_indicator_unavailable_and_an_asset_insensitive() -> None:
    given, changes = indicator()
    asset = follower(changes, -6.0)
    assert sensitivity([asset], given, as_of=int(given.known[23])) is None
    found = sensitivity([asset, follower(changes, -6.0, skip=40)], given)
    assert found is not None
    assert found.slopes[1] == 0
    assert found.changes.tolist() == [60, 20]


def test_an_indicator_that_stands_still_tells_nothing() -> None:
    given, changes = indicator()
    still = Indicator(given.known, np.full(len(given.known), 0.05))
    found = sensitivity([follower(changes, -6.0)], still)
    assert found is not None
    assert found.slopes.tolist() == [0]


def test_prices_change_by_ratios() -> None:
    given, changes = indicator()
    oil = Indicator(given.known, 50 * np.cumprod(np.concatenate([[1], 1 + 10 * changes])))
    found = sensitivity([follower(10 * changes, 0.3, 0.001)], oil, relative=True)
    assert found is not None
    assert found.slopes == pytest.approx([0.3], abs=0.02)


def test_the_holders_own_returns_come_first_and_the_index_moves_the_rest() -> None:
    weights = np.array([0.6, 0.4])
    some = stress.own_shocks(weights, BETAS, np.array([-0.3, np.nan]), -0.2)
    assert some.returns == pytest.approx([-0.3, -0.1])
    assert some.loss == pytest.approx(0.22)
    assert some.observed.tolist() == [True, False]
    assert stress.own_shocks(weights, BETAS, np.array([-0.3, np.nan])).loss == pytest.approx(0.18)


def test_no_asset_loses_more_than_all_of_it() -> None:
    found = stress.own_shocks(np.ones(2), np.array([4.0, 1.0]), np.full(2, np.nan), -0.5)
    assert found.returns.tolist() == [-1, -0.5]
