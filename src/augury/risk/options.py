"""Prices of European options by Black and Scholes, with a volatility that leans on the strike."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from augury.risk.series import Floats
from augury.risk.trouble import between, positive

_ROOT_OF_TWO_PI = 2.5066282746310002


class Skew(NamedTuple):
    """An assumption about option markets, for want of their quotes.

    The volatility of a strike is `level * volatility * (1 + slope * m)`, where `m` is the log of
    strike over forward in standard deviations to expiry, held within `floor` and `ceiling` times
    `level * volatility`. A `level` above one is what sellers ask beyond the forecast: implied
    volatilities of single shares stand somewhat above realised ones (Carr and Wu, Variance risk
    premiums, 2009). A `slope` below zero makes downside strikes dearer (Hull, chapter 20).
    """

    level: float = 1.1
    slope: float = -0.1
    floor: float = 0.5
    ceiling: float = 2.0

    def volatility(self, forecast: Floats, years: Floats, log_moneyness: Floats) -> Floats:
        """Return the annualised volatility [n] of strikes by log(strike / forward) [n]."""
        at_the_money = self.level * forecast
        deviations = log_moneyness / (at_the_money * np.sqrt(years))
        return at_the_money * np.clip(1 + self.slope * deviations, self.floor, self.ceiling)


USUAL_SKEW = Skew()
NO_SKEW = Skew(level=1.0, slope=0.0)


class Option(NamedTuple):
    """Prices in the unit of the spot price, and how they move with it, float64 [n] each."""

    call: Floats
    put: Floats
    call_delta: Floats
    put_delta: Floats
    call_by_log_strike: Floats
    volatility: Floats


def black_scholes(
    spot: Floats, strike: Floats, volatility: Floats, years: Floats, rate: Floats, skew: Skew
) -> Option:
    """Return prices and deltas of European calls and puts without dividends, everything [n].

    `volatility` is the annualised forecast that `skew` leans, `rate` the annual risk-free rate,
    continuously compounded. `call_by_log_strike` is the slope of the call's price in the log of
    the strike, the skew included. Hull, equations 15.20, 15.21 and section 19.4. Raises
    `BadSeries` for values that are not finite, and for prices, volatilities and times at or
    below zero.
    """
    return priced(
        positive("spot", spot),
        positive("strike", strike),
        positive("volatility", volatility),
        positive("years", years),
        between("rate", rate, -1, 1),
        skew,
    )


def priced(
    spot: Floats, strike: Floats, volatility: Floats, years: Floats, rate: Floats, skew: Skew
) -> Option:
    """Return what `black_scholes` does, for values that were looked at before."""
    root = np.sqrt(years)
    discounted = strike * np.exp(-rate * years)
    moneyness = np.log(discounted / spot)
    leaned = skew.volatility(volatility, years, moneyness)
    deviation = leaned * root
    d1 = deviation / 2 - moneyness / deviation
    call_delta, exercised = ndtr(d1), ndtr(d1 - deviation)
    call = spot * call_delta - discounted * exercised
    density = np.exp(-d1 * d1 / 2) / _ROOT_OF_TWO_PI
    # Where the lean is held, the volatility no longer depends on the strike.
    relative = leaned / (skew.level * volatility)
    leaning = np.where((relative > skew.floor) & (relative < skew.ceiling), skew.slope, 0.0)
    return Option(
        np.maximum(call, 0.0),
        # By parity, but from the far tail: a difference of large numbers would lose small puts.
        np.maximum(discounted * ndtr(deviation - d1) - spot * ndtr(-d1), 0.0),
        call_delta,
        call_delta - 1,
        leaning * spot * density - discounted * exercised,
        leaned,
    )
