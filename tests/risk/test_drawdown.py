"""Drawdowns, against skfolio and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skfolio import measures

from augury.risk.drawdown import drawdown
from augury.risk.trouble import BadSeries

paths = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 40)), elements=st.floats(0.01, 100)
)


def test_a_path_by_hand() -> None:
    found = drawdown(np.array([10.0, 8.0, 12.0, 12.0, 9.0, 6.0, 13.0, 12.35]))
    assert found.current == pytest.approx([0, 0.2, 0, 0, 0.25, 0.5, 0, 0.05])
    assert found.maximum == pytest.approx([0, 0.2, 0.2, 0.2, 0.25, 0.5, 0.5, 0.5])
    assert found.duration.tolist() == [0, 1, 0, 0, 1, 2, 0, 1]
    assert found.longest.tolist() == [0, 1, 1, 1, 1, 2, 2, 2]


def test_the_worst_drawdown_is_that_of_skfolio() -> None:
    returns = np.random.default_rng(3).standard_normal((500, 4)) * 0.02
    closes = np.vstack([np.ones(4), np.cumprod(1 + returns, axis=0)]).T
    judge = [measures.max_drawdown(measures.get_drawdowns(r, compounded=True)) for r in returns.T]
    assert drawdown(closes).maximum[:, -1] == pytest.approx(judge, abs=1e-9)


@given(paths)
def test_a_day_knows_nothing_of_the_days_after_it(closes: np.ndarray) -> None:
    whole = drawdown(closes)
    for day in range(closes.shape[-1]):
        for all_days, until in zip(whole, drawdown(closes[:, : day + 1]), strict=True):
            assert (all_days[:, day] == until[:, -1]).all()


@given(paths)
def test_bounds(closes: np.ndarray) -> None:
    found = drawdown(closes)
    assert ((found.current >= 0) & (found.current <= found.maximum) & (found.maximum < 1)).all()
    assert ((found.duration == 0) == (found.current == 0)).all()


@pytest.mark.parametrize("closes", [[1.0, np.nan], [1.0, 0.0], [1.0, -2.0], []])
def test_what_is_no_price_is_refused(closes: list[float]) -> None:
    with pytest.raises(BadSeries):
        drawdown(np.array(closes))
