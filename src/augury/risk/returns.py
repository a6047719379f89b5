"""Returns of closes, one day or many, and between logarithmic and simple."""

import numpy as np
import numpy.typing as npt

from augury.risk.series import Floats

TRADING_DAYS = 252


def log_returns(closes: Floats) -> Floats:
    """Return the daily log returns, [n - 1], of closes [n]."""
    return np.diff(np.log(closes))


def forward_returns(closes: Floats, days: int) -> Floats:
    """Return the log return over the `days` after each close, [n]; NaN where they are not over."""
    logs = np.log(closes)
    found = np.full(len(closes), np.nan)
    found[: max(len(closes) - days, 0)] = logs[days:] - logs[:-days]
    return found


def simple(log_return: Floats) -> Floats:
    """Return log returns as simple ones: -0.05 is a loss of 5 %."""
    return np.expm1(log_return)


def logarithmic(simple_return: Floats) -> Floats:
    """Return simple returns as logarithmic ones; what loses everything, or more, is -inf."""
    with np.errstate(divide="ignore"):
        found: Floats = np.log1p(np.maximum(simple_return, -1.0))
    return found


def annualised(volatility: Floats, days: npt.ArrayLike) -> Floats:
    """Return the volatility of a year of 252 trading days from that of `days` (root of time)."""
    found: Floats = np.asarray(volatility * np.sqrt(TRADING_DAYS / np.asarray(days)))
    return found
