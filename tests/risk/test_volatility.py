"""EWMA, HAR and GARCH, against pandas, arch and their own definitions."""

import numpy as np
import pandas as pd
import pytest
from arch.univariate import GARCH, HARX, ZeroMean

from augury.risk import volatility

RETURNS = np.random.default_rng(3).standard_t(5, 600) * 0.01


def test_a_weighted_mean_is_that_of_pandas() -> None:
    judge = pd.Series(RETURNS).ewm(halflife=21, adjust=True).mean().to_numpy()
    np.testing.assert_allclose(volatility.ewma(RETURNS, 21), judge, atol=1e-15)


def test_an_ewma_variance_follows_the_recursion_of_riskmetrics() -> None:
    """After 600 days the start is forgotten: `0.06 * r**2 + 0.94 * before`."""
    found = volatility.ewma_variance(RETURNS, np.log(0.5) / np.log(0.94))
    again = 0.06 * RETURNS[-1] ** 2 + 0.94 * found[-2]
    assert found[-1] == pytest.approx(again, rel=1e-12)


def test_a_har_variance_is_that_of_arch() -> None:
    coefficients = np.array([1e-5, 0.2, 0.3, 0.4])
    squares = RETURNS**2
    fitted = HARX(squares * 1e4, lags=[1, 5, 22], rescale=False).fit(disp="off")
    judge = fitted.params.to_numpy()[:4]
    # What arch fits to the days after the 22nd is our variance of the day before.
    ours = 1e4 * volatility.har_variance(RETURNS, judge / [1e4, 1, 1, 1])[21:-1]
    np.testing.assert_allclose(ours, (squares * 1e4 - fitted.resid)[22:], rtol=1e-8)
    by_hand = coefficients @ [1, squares[-1], squares[-5:].mean(), squares[-22:].mean()]
    assert volatility.har_variance(RETURNS, coefficients)[-1] == pytest.approx(by_hand)


def test_har_terms_are_unknown_until_there_are_enough_days() -> None:
    assert np.isnan(volatility.har_terms(RETURNS)).sum(axis=0).tolist() == [0, 4, 21]


def test_a_garch_variance_is_that_of_arch() -> None:
    model = ZeroMean(RETURNS * 100, volatility=GARCH(1, 0, 1), rescale=False)
    omega, alpha, beta = 0.05, 0.08, 0.88
    fixed = model.fix([omega, alpha, beta])
    judge = fixed.conditional_volatility**2
    found = volatility.garch_variance(RETURNS * 100, omega, alpha, beta, judge[0])
    np.testing.assert_allclose(found[:-1], judge, rtol=1e-10)
    ahead = fixed.forecast(horizon=21, reindex=False).variance.to_numpy()[-1]
    assert found[-1] == pytest.approx(ahead[0])
    total = volatility.garch_total(found[-1:], omega, alpha, beta, 21)
    assert total == pytest.approx([ahead.sum()])
