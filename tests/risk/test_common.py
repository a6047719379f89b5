"""Many assets over the same days."""

import numpy as np
import pytest

from augury.risk.common import common_returns
from augury.risk.series import Series
from augury.risk.trouble import BadSeries


def rising(first: int, last: int, without: tuple[int, ...] = ()) -> Series:
    days = np.array([day for day in range(first, last) if day not in without], dtype=np.int32)
    return Series(days, days.astype(np.float64))


def test_the_youngest_asset_gives_the_window_and_is_named() -> None:
    found = common_returns([rising(100, 400), rising(300, 400), rising(200, 400)], 1000)
    assert (found.days[0], found.days[-1], found.shortest, found.skipped) == (301, 399, 1, 0)
    assert found.returns.shape == (99, 3)
    assert found.returns[0] == pytest.approx(1 / 300)


def test_days_that_one_asset_lacks_are_spanned_by_all_and_counted() -> None:
    found = common_returns([rising(100, 300), rising(100, 300, without=(150, 151))], 1000)
    assert found.skipped == 2
    place = found.days.tolist().index(152)
    assert found.returns[place] == pytest.approx(152 / 149 - 1)


def test_only_the_newest_are_taken() -> None:
    found = common_returns([rising(100, 400), rising(50, 390)], 70)
    assert (len(found.days), found.days[-1], found.skipped) == (70, 389, 0)


@pytest.mark.parametrize(
    "assets", [[], [rising(100, 160)], [rising(100, 200), rising(150, 300)], [rising(100, 200), rising(201, 300)]]
)  # fmt: skip
def test_too_few_common_days_are_refused(assets: list[Series]) -> None:
    with pytest.raises(BadSeries, match="too_short"):
        common_returns(assets, 1000)
