"""Tests of exceedances, against tables of textbooks and scipy's tests of contingency."""

import numpy as np
import pytest
from scipy import stats

from augury.risk import exceedances
from augury.risk.trouble import BadSeries


def with_hits(windows: int, hits: int) -> np.ndarray:
    return np.arange(windows) < hits


# Jorion, Value at Risk (2007), table 6-2: regions where a value at risk is not rejected at 95 %.
# For a year at 99 % the table has no lower end; the ratio itself rejects no exceedance at all.
@pytest.mark.parametrize(
    ("level", "windows", "fewest", "most"),
    [
        (0.99, 252, 1, 6),
        (0.99, 510, 2, 10),
        (0.99, 1000, 5, 16),
        (0.975, 252, 3, 11),
        (0.975, 510, 7, 20),
        (0.975, 1000, 16, 35),
        (0.95, 252, 7, 19),
        (0.95, 510, 17, 35),
        (0.95, 1000, 38, 64),
        (0.90, 1000, 82, 119),
    ],
)
def test_kupiecs_regions_are_those_of_jorions_table(
    level: float, windows: int, fewest: int, most: int
) -> None:
    kept = [
        hits
        for hits in range(windows // 4)
        if exceedances.kupiec(with_hits(windows, hits), level).statistic < 3.841
    ]
    assert (min(kept), max(kept)) == (fewest, most)


def test_kupiecs_ratio_is_a_likelihood_ratio_of_binomial_counts() -> None:
    found = exceedances.kupiec(with_hits(600, 12), 0.99)
    ratio = 2 * (stats.binom.logpmf(12, 600, 0.02) - stats.binom.logpmf(12, 600, 0.01))
    assert found.statistic == pytest.approx(ratio)
    assert found.p_value == pytest.approx(stats.chi2.sf(ratio, 1))


def test_independence_is_scipys_g_test_of_what_follows_what() -> None:
    exceeded = np.random.default_rng(2).random((6, 700)) < 0.08
    found = exceedances.independence(exceeded)
    for row, statistic, p_value in zip(exceeded, *found, strict=True):
        table = [[((row[:-1] == a) & (row[1:] == b)).sum() for b in (0, 1)] for a in (0, 1)]
        judge = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert (statistic, p_value) == pytest.approx((judge.statistic, judge.pvalue))


def test_bunched_exceedances_fail_where_scattered_ones_pass() -> None:
    bunched = with_hits(1000, 50)
    scattered = np.arange(1000) % 20 == 7
    found = exceedances.christoffersen(np.stack([bunched, scattered]))
    assert found.p_value[0] < 1e-6
    assert found.p_value[1] > 0.05


def test_both_statistics_add_up_and_have_two_degrees_of_freedom() -> None:
    exceeded = np.random.default_rng(4).random(400) < 0.07
    together = exceedances.christoffersen(exceeded)
    sum_of_both = (
        exceedances.kupiec(exceeded).statistic + exceedances.independence(exceeded).statistic
    )
    assert together.statistic == pytest.approx(sum_of_both)
    assert together.p_value == pytest.approx(stats.chi2.sf(sum_of_both, 2))


def test_no_exceedance_and_nothing_else_are_counts_too() -> None:
    none = exceedances.kupiec(with_hits(100, 0))
    assert none.statistic == pytest.approx(-2 * 100 * np.log(0.95))
    assert exceedances.independence(with_hits(100, 100)).statistic == 0
    with pytest.raises(BadSeries, match="too_short"):
        exceedances.kupiec(np.array([True]))
