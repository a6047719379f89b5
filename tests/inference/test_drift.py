"""Drift: indices worked out by hand, levels at their borders, and what too few rows cannot say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augury.inference.drift import LEVELS, Level, Shift, Tally, settled, stability_index
from augury.inference.manifest import Spread

# Rows then and now in each bin. Each has half a row added before shares are taken, so that 49.5
# and 49.5 are a half each. The index is the sum of (now - then) * ln(now / then).
BY_HAND = [
    ([49.5, 49.5], [49.5, 49.5], 0.0),
    ([49.5, 49.5], [29.5, 69.5], 0.2 * math.log(0.7 / 0.3)),
    ([24.5, 74.5], [49.5, 49.5], 0.25 * math.log(2) + 0.25 * math.log(1.5)),
    ([24.5, 24.5, 49.5], [49.5, 24.5, 24.5], 0.5 * math.log(2)),
    # An empty bin has half a row: 0.5 of 100 against 50 of 100, and 99.5 against 50.
    ([49.5, 49.5], [0, 99], 0.495 * math.log(0.5 / 0.005) + 0.495 * math.log(0.995 / 0.5)),
    ([0, 99], [49.5, 49.5], 0.495 * math.log(0.5 / 0.005) + 0.495 * math.log(0.995 / 0.5)),
    ([0, 0], [0, 0], 0.0),
    ([1000.0], [3.0], 0.0),
]  # fmt: skip
BINS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)


@pytest.mark.parametrize(("then", "now", "index"), BY_HAND)
def test_the_index_is_what_it_is_by_hand(then: list[float], now: list[float], index: float) -> None:
    assert stability_index(np.array(then), np.array(now)) == pytest.approx(index)


@given(BINS)
def test_the_index_is_finite_never_negative_and_the_same_both_ways(
    bins: list[tuple[int, int]],
) -> None:
    then, now = np.array(bins).T
    index = stability_index(then, now)
    assert 0 <= index + 1e-12 < math.inf
    assert stability_index(now, then) == pytest.approx(index)
    assert stability_index(then, then) == 0


@given(BINS, st.integers(2, 10))
def test_more_of_the_same_rows_bring_the_index_nearer_to_that_of_the_shares(
    bins: list[tuple[int, int]], times: int
) -> None:
    """Half a row for each bin matters less and less, where no bin is empty."""
    then, now = np.array(bins).T + 1
    shares = then / then.sum(), now / now.sum()
    ratios = np.log(shares[1] / shares[0])
    exact = float(np.sum((shares[1] - shares[0]) * ratios))
    scale = times * 100
    near = abs(stability_index(then * scale, now * scale) - exact)
    # No share is off by more than its `2 * scale`th part, and no ratio by more than twice that.
    assert near <= (2 * np.abs(ratios).max() + 5) / (2 * scale)


def numbers(values: list[float | None], spread: Spread, rows_then: int = 1000) -> Shift:
    tally = Tally(spread)
    tally.add(values)
    return tally.shift(rows_then)


def test_a_value_at_an_edge_belongs_above_it() -> None:
    spread = Spread(shares=[0.25, 0.25, 0.5], edges=[10, 20])
    shift = numbers([9.99, 10, 19.99, 20, 21, None], spread)
    assert shift.shares == [0.2, 0.4, 0.4]
    assert shift.missing == pytest.approx(1 / 6)


def test_edges_and_values_are_compared_as_the_models_see_them() -> None:
    """0.1 as float32 is a little more; an edge that was taken from such rows still has 0.1 on it."""
    spread = Spread(shares=[0.5, 0.5], edges=[float(np.float32(0.1))])
    assert numbers([0.1], spread).shares == [0, 1]


def test_categories_are_counted_in_their_order() -> None:
    tally = Tally(Spread(shares=[0.5, 0.3, 0.2], missing=0.1), ["OWN", "RENT", "OTHER"])
    tally.add(["RENT", "RENT", None])
    tally.add(["OWN"])
    shift = tally.shift(100)
    assert shift.shares == [1 / 3, 2 / 3, 0]
    assert (shift.rows, shift.missing, shift.missing_then) == (4, 0.25, 0.1)


def test_pieces_count_as_the_whole() -> None:
    spread = Spread(shares=[0.5, 0.5], edges=[0.5])
    values: list[float | None] = [0.1, 0.9, None, 0.4] * 100
    tally = Tally(spread)
    for start in range(0, 400, 7):
        tally.add(values[start : start + 7])
    assert tally.shift(1000) == numbers(values, spread)


HALVES = Spread(shares=[0.5, 0.5], edges=[0.5], missing=0.2)


@pytest.mark.parametrize(
    ("low", "high", "missing", "level"),
    [
        (400, 400, 200, "calm"),
        (290, 510, 200, "calm"),  # 0.275 of all * ln(1.76): 0.077
        (270, 530, 200, "watch"),  # 0.110
        (200, 600, 200, "alert"),  # 0.274
        (400, 400, 250, "calm"),  # 23.8 % missing instead of 20 %
        (400, 400, 280, "watch"),  # 25.9 %
        (400, 400, 80, "watch"),  # 9.1 %
        (400, 400, 500, "alert"),  # 38.5 %
        (270, 530, 500, "alert"),  # the worse of both
    ],
)
def test_the_level_is_the_worse_of_both_measures(
    low: int, high: int, missing: int, level: Level
) -> None:
    values: list[float | None] = [0.1] * low + [0.9] * high + [None] * missing
    assert numbers(values, HALVES, 100_000).level == level


def test_too_few_rows_have_no_level() -> None:
    shift = numbers([0.1] * 199, HALVES)
    assert (shift.stability_index, shift.level) == (None, None)
    assert numbers([0.1] * 200, HALVES).level == "alert"
    assert numbers([], HALVES).level is None


def test_many_bins_need_more_rows() -> None:
    """Of 50 bins chance alone would alert at 200 rows; at 1000 the rows begin to tell."""
    names = [str(number) for number in range(50)]
    for rows, known in ((999, False), (1000, True)):
        tally = Tally(Spread(shares=[0.02] * 50), names)
        tally.add([names[number % 50] for number in range(rows)])
        shift = tally.shift(100_000)
        assert (shift.stability_index is not None) is known
        assert shift.level == ("calm" if known else None)


def test_missing_values_alone_can_alarm_but_not_calm() -> None:
    """With no known values left there is no index, and still no doubt that something happened."""
    gone = numbers([None] * 300, HALVES)
    assert (gone.stability_index, gone.level) == (None, "alert")
    usual = numbers([0.5] * 160 + [None] * 40, HALVES)
    assert (usual.stability_index, usual.level) == (None, None)


def test_rows_of_the_training_distribution_are_calm() -> None:
    """Of 300 samples of 200 rows that did not change, hardly any is watched for."""
    random = np.random.default_rng(5)
    spread = Spread(shares=[0.1] * 10, edges=[tenth / 10 for tenth in range(1, 10)])
    levels = [numbers(random.random(200).tolist(), spread, 20_000).level for _ in range(300)]
    assert levels.count("calm") >= 295
    assert "alert" not in levels


def shifted(index: float | None, missing: float = 0.0) -> Shift:
    reached = LEVELS[sum((index or 0) >= border for border in (0.1, 0.25))]
    return Shift(1000, index, None if index is None else reached, missing, 0.0, [], [])


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        ("calm", 0.099, "calm"),
        ("calm", 0.1, "watch"),
        ("calm", 0.3, "alert"),
        ("watch", 0.25, "alert"),
        ("watch", 0.09, "watch"),  # not well below
        ("watch", 0.079, "calm"),
        ("alert", 0.21, "alert"),
        ("alert", 0.19, "watch"),
        ("alert", 0.09, "watch"),
        ("alert", 0.01, "calm"),
        ("alert", None, "alert"),  # nothing is known, so nothing has changed
    ],
)
def test_a_level_rises_at_once_and_falls_well_below(
    before: Level, index: float | None, after: Level
) -> None:
    assert settled(shifted(index), before) == after
