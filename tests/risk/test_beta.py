"""Beta, correlation and hedge ratio, against statsmodels and a textbook."""

import numpy as np
import pytest
import statsmodels.api as sm

from augury.risk import beta
from augury.risk.series import Series
from augury.risk.trouble import BadSeries


def market(rows: int = 3, days: int = 250, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    benchmark = rng.standard_normal(days) * 0.01
    slopes = np.linspace(0.5, 1.8, rows)[:, None]
    return slopes * benchmark + rng.standard_normal((rows, days)) * 0.015, benchmark


def series(days: list[int], closes: list[float]) -> Series:
    return Series(np.array(days, dtype=np.int32), np.array(closes))


def test_raw_betas_and_their_errors_are_those_of_a_regression() -> None:
    assets, benchmark = market()
    found = beta.beta(assets, benchmark)
    for row, asset in enumerate(assets):
        judge = sm.OLS(asset, sm.add_constant(benchmark)).fit()
        assert found.raw[row] == pytest.approx(judge.params[1])
        assert found.standard_error[row] == pytest.approx(judge.bse[1])
        assert found.correlation[row] ** 2 == pytest.approx(judge.rsquared)


def test_a_shrunk_beta_is_the_posterior_mean_of_vasicek() -> None:
    assets, benchmark = market()
    found = beta.beta(assets, benchmark, prior_mean=1.0, prior_deviation=0.3)
    precision = 1 / found.standard_error**2
    posterior = (precision * found.raw + 1.0 / 0.09) / (precision + 1 / 0.09)
    assert found.beta == pytest.approx(posterior)


def test_a_short_history_is_shrunk_more_than_a_long_one() -> None:
    assets, benchmark = market(days=2000)
    short, long = (beta.beta(assets[:, -d:], benchmark[-d:], prior_mean=3.0) for d in (40, 2000))
    assert (np.abs(short.beta - short.raw) > 4 * np.abs(long.beta - long.raw)).all()


def test_a_benchmark_of_ones_own_has_beta_one_and_no_error() -> None:
    _, benchmark = market()
    found = beta.beta(benchmark, benchmark, prior_mean=0.0)
    assert found.beta == pytest.approx(1)
    assert found.correlation == pytest.approx(1)
    assert found.standard_error == pytest.approx(0, abs=1e-8)


def test_each_asset_may_have_a_benchmark_of_its_own() -> None:
    assets, benchmark = market()
    own = np.stack([benchmark, benchmark[::-1], benchmark * 2])
    together = beta.beta(assets, own)
    assert together.raw == pytest.approx(
        [beta.beta(a, b).raw for a, b in zip(assets, own, strict=True)]
    )


def test_the_longer_the_horizon_the_less_of_a_weekly_correlation_is_left() -> None:
    days = np.array([1.0, 5.0, 21.0, 63.0])
    left = beta.horizon_correlation(np.full(4, 0.8), days)
    assert left == pytest.approx([0.8, 0.8, 0.787, 0.777], abs=5e-4)
    # What has nothing of its own goes with its benchmark as far as one likes.
    assert beta.horizon_correlation(np.array([-1.0, 1.0]), days[2:]).tolist() == [-1.0, 1.0]


def test_days_that_only_one_market_has_are_spanned_by_both() -> None:
    rising = list(range(100, 130))
    asset = series([d for d in rising if d != 110], [float(d) for d in rising if d != 110])
    benchmark = series([d for d in rising if d != 120], [2.0 * d for d in rising if d != 120])
    found = beta.aligned(asset, benchmark, 1000)
    assert len(found.days) == 27
    assert 111 in found.days
    assert 110 not in found.days
    assert found.asset == pytest.approx(found.benchmark)
    assert found.asset[list(found.days).index(111)] == pytest.approx(111 / 109 - 1)


def test_only_the_newest_common_days_are_taken() -> None:
    days = list(range(100))
    both = series(days, [1.0 + d for d in days])
    found = beta.aligned(both, both, 30)
    assert (len(found.days), found.days[0], found.days[-1]) == (30, 70, 99)


@pytest.mark.parametrize(
    ("assets", "benchmark", "key"),
    [
        (np.full(50, np.nan), market(days=50)[1], "not_finite"),
        (np.full(50, 0.1), market(days=50)[1], "constant"),
        (market(days=50)[0], np.full(50, 0.001), "constant"),
        (market(days=19)[0], market(days=19)[1], "too_short"),
    ],
)
def test_series_without_a_beta_are_refused(
    assets: np.ndarray, benchmark: np.ndarray, key: str
) -> None:
    with pytest.raises(BadSeries) as refused:
        beta.beta(assets, benchmark)
    assert refused.value.key == key


def test_markets_without_common_days_are_refused() -> None:
    ours, theirs = series(list(range(60)), [1.0] * 60), series(list(range(45, 105)), [1.0] * 60)
    with pytest.raises(BadSeries, match="too_short"):
        beta.aligned(ours, theirs, 250)
