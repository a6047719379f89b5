"""How much a price moves, from daily returns: EWMA, HAR and GARCH(1,1).

Each value is known at the end of its day: nothing that comes after it is used. Returns are
fractions a day and are taken to have no mean, whose estimate over days is worse than zero.
"""

import numpy as np
from scipy.linalg.blas import dtbsv

from augury.risk.series import Floats

# A day, a week and a month, after Corsi (2009).
_HAR_DAYS = (1, 5, 22)


def ewma(values: Floats, half_life_days: float) -> Floats:
    """Return the exponentially weighted mean of the values up to each, [n] from [n].

    A value counts half as much as one that is `half_life_days` younger. The weights always add up
    to 1, so a short history is not pulled to zero.
    """
    decay = 0.5 ** (1 / half_life_days)
    weighted = _recursion((1 - decay) * values, decay)
    mean: Floats = weighted / -np.expm1(np.log(decay) * np.arange(1, len(values) + 1))
    return mean


def ewma_variance(returns: Floats, half_life_days: float) -> Floats:
    """Return the variance a day after RiskMetrics (1996), [n] from daily returns [n].

    Its decay of 0.94 is a half-life of 11.2 days.
    """
    return ewma(returns * returns, half_life_days)


def har_terms(returns: Floats) -> Floats:
    """Return the mean square return of the last 1, 5 and 22 days, [n, 3]; NaN where too few."""
    squares = np.concatenate([[0.0], np.cumsum(returns * returns)])
    found = np.full((len(returns), len(_HAR_DAYS)), np.nan)
    for column, days in enumerate(_HAR_DAYS):
        # Sums of a running total differ by rounding and could come out below zero.
        found[days - 1 :, column] = np.maximum(squares[days:] - squares[:-days], 0.0) / days
    return found


def har_variance(returns: Floats, coefficients: Floats) -> Floats:
    """Return the next day's variance, [n], from a constant and the three terms of Corsi (2009)."""
    variance: Floats = coefficients[0] + har_terms(returns) @ coefficients[1:]
    return variance


def garch_variance(
    returns: Floats, omega: float, alpha: float, beta: float, first: float
) -> Floats:
    """Return each day's variance as the day before knew it, and the next day's, [n + 1].

    `h[t + 1] = omega + alpha * r[t]**2 + beta * h[t]` from `h[0] = first`, after Bollerslev (1986).
    """
    shocks = np.concatenate([[first], omega + alpha * returns * returns])
    return _recursion(shocks, beta)


def garch_total(
    next_variance: Floats, omega: float, alpha: float, beta: float, days: int
) -> Floats:
    """Return the variance expected over the next `days` in all, from that of the next one.

    It goes back to `omega / (1 - alpha - beta)` by the factor `alpha + beta` a day, which must be
    below 1.
    """
    persistence = alpha + beta
    average = omega / (1 - persistence)
    share = (1 - persistence**days) / (1 - persistence)
    return days * average + share * (next_variance - average)


def _recursion(values: Floats, decay: float) -> Floats:
    """Return `y[t] = values[t] + decay * y[t - 1]`, [n].

    It is the solution of a matrix with two bands. The filters of scipy.signal do the same, and take
    every process half a second to import.
    """
    bands = np.empty((2, len(values)), order="F")
    bands[0], bands[1] = 1.0, -decay
    found: Floats = dtbsv(1, bands, values, lower=1, diag=1)
    return found
