"""Option prices, against textbook figures, the law of the price itself, and no-arbitrage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from augury.risk.options import NO_SKEW, Option, Skew, black_scholes
from augury.risk.trouble import BadSeries


def one(
    spot: float, strike: float, volatility: float, years: float, rate: float, skew: Skew = NO_SKEW
) -> Option:
    return black_scholes(
        np.array([spot]),
        np.array([strike]),
        np.array([volatility]),
        np.array([years]),
        np.array([rate]),
        skew,
    )


def test_hulls_six_month_option_costs_4_76_and_0_81() -> None:
    """Hull, example 15.6: spot 42, strike 40, 20 %, half a year, 10 %."""
    priced = one(42, 40, 0.2, 0.5, 0.1)
    assert (round(priced.call[0], 2), round(priced.put[0], 2)) == (4.76, 0.81)


def test_hulls_delta_is_0_522() -> None:
    """Hull, example 19.1: spot 49, strike 50, 20 %, twenty weeks, 5 %."""
    priced = one(49, 50, 0.2, 0.3846, 0.05)
    assert priced.call_delta[0] == pytest.approx(0.522, abs=5e-4)
    assert priced.put_delta[0] == pytest.approx(0.522 - 1, abs=5e-4)
    assert priced.call[0] == pytest.approx(2.40, abs=5e-3)


@pytest.mark.parametrize("strike", [60.0, 95.0, 100.0, 140.0])
def test_a_price_is_the_discounted_mean_of_what_it_pays(strike: float) -> None:
    volatility, years, rate = 0.3, 0.25, 0.03
    law = stats.lognorm(
        volatility * years**0.5, scale=100 * np.exp((rate - volatility**2 / 2) * years)
    )
    put = integrate.quad(lambda x: (strike - x) * law.pdf(x), 0, strike, epsabs=1e-12)[0]
    assert one(100, strike, volatility, years, rate).put[0] == pytest.approx(
        put * np.exp(-rate * years), rel=1e-6, abs=1e-10
    )


prices = st.floats(0.2, 5)
terms = (st.floats(0.02, 2), st.floats(0.004, 2), st.floats(0, 0.2))


@given(prices, *terms, st.floats(-0.3, 0.3))
def test_parity_and_bounds_hold_with_any_skew(
    strike: float, volatility: float, years: float, rate: float, slope: float
) -> None:
    priced = one(1, strike, volatility, years, rate, Skew(slope=slope))
    discounted = strike * np.exp(-rate * years)
    assert priced.call - priced.put == pytest.approx(1 - discounted, abs=1e-12)
    assert max(1 - discounted, 0) - 1e-12 <= priced.call[0] <= 1
    assert 0 <= priced.put[0] <= discounted


def test_the_slopes_are_those_of_the_prices() -> None:
    step = 1e-6
    skew = Skew(slope=-0.15)
    at, up, dear = (
        one(1, strike, 0.4, 0.1, 0.02, skew) for strike in (1.05, 1.05 * np.exp(step), 1.05)
    )
    assert at.call_by_log_strike == pytest.approx((up.call - at.call) / step, rel=1e-4)
    higher = one(1 + step, 1.05, 0.4, 0.1, 0.02)
    flat = one(1, 1.05, 0.4, 0.1, 0.02)
    assert flat.call_delta == pytest.approx((higher.call - flat.call) / step, rel=1e-4)
    assert flat.put_delta == pytest.approx((higher.put - flat.put) / step, rel=1e-4)


def test_a_skew_makes_puts_below_dearer_and_calls_above_cheaper_within_its_bounds() -> None:
    leaning = Skew(level=1.0, slope=-0.1)
    assert one(100, 90, 0.2, 0.25, 0, leaning).put > one(100, 90, 0.2, 0.25, 0).put
    assert one(100, 110, 0.2, 0.25, 0, leaning).call < one(100, 110, 0.2, 0.25, 0).call
    # One deviation below the forward: a tenth more, as the assumption says.
    below = 100 * np.exp(-0.2 * 0.5)
    assert one(100, below, 0.2, 0.25, 0, leaning).volatility == pytest.approx(0.22)
    assert one(100, 1, 0.2, 0.25, 0, leaning).volatility == pytest.approx(0.4)
    assert one(100, 9999, 0.2, 0.25, 0, leaning).volatility == pytest.approx(0.1)


def test_arrays_are_priced_at_once() -> None:
    strikes = np.linspace(80, 120, 5)
    together = black_scholes(
        np.full(5, 100.0), strikes, np.full(5, 0.2), np.full(5, 0.5), np.full(5, 0.01), Skew()
    )
    assert together.put == pytest.approx(
        [one(100, k, 0.2, 0.5, 0.01, Skew()).put[0] for k in strikes]
    )


@pytest.mark.parametrize(
    "terms", [(np.nan, 1, 1, 1, 0), (0, 1, 1, 1, 0), (1, -1, 1, 1, 0), (1, 1, 0, 1, 0), (1, 1, 1, 0, 0), (1, 1, 1, 1, np.inf)]
)  # fmt: skip
def test_terms_without_a_price_are_refused(terms: tuple[float, float, float, float, float]) -> None:
    with pytest.raises(BadSeries):
        one(*terms)
