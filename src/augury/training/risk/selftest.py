"""Questions that prove an artefact at every load: about prices that were made up here."""

from datetime import date, timedelta
from typing import Any

import numpy as np

from augury.inference.manifest import SelfTest

_TOLERANCE = 1e-9
_LAST = date(2021, 12, 31)
_LENGTHS = (60, 300, 800)
_HORIZONS = (5, 21, 63)
_DIGITS = 4
_WORKING_DAYS = 5


def questions(seed: int) -> list[dict[str, Any]]:
    """Return a question for each length of history and each horizon, the same for a seed."""
    return [
        {"prices": prices(seed + number, length), "horizon_days": horizon, "loss_threshold": 0.05}
        for number, (length, horizon) in enumerate(zip(_LENGTHS, _HORIZONS, strict=True))
    ]


def portfolios(seed: int) -> list[dict[str, Any]]:
    """Return a question about three assets, the same for a seed."""
    held = [("CALM", 0.5, 0.008), ("USUAL", 0.3, 0.014), ("WILD", 0.2, 0.025)]
    positions = [
        {"symbol": name, "weight": weight, "prices": prices(seed + number, _LENGTHS[1], daily)}
        for number, (name, weight, daily) in enumerate(held)
    ]
    return [{"positions": positions, "constraints": {"max_weight": 0.6}}]


def prices(seed: int, count: int, daily: float = 0.015) -> list[dict[str, Any]]:
    """Return so many closes on working days, a random walk with this deviation a day."""
    chance = np.random.default_rng(seed)
    # Calm and wild times, as in any market.
    calm = np.exp(0.3 * np.sin(np.arange(count) / 40))
    closes = 100 * np.exp(np.cumsum(chance.normal(0.0003, daily, count) * calm))
    days = _days_back(count)[::-1]
    return [
        {"date": day.isoformat(), "close": round(float(close), _DIGITS)}
        for day, close in zip(days, closes, strict=True)
    ]


def passed(inputs: list[dict[str, Any]], probabilities: list[float]) -> SelfTest:
    """Return the self-test of what an artefact was found to answer."""
    return SelfTest(_TOLERANCE, inputs, probabilities)


def _days_back(count: int) -> list[date]:
    found: list[date] = []
    day = _LAST
    while len(found) < count:
        if day.weekday() < _WORKING_DAYS:
            found.append(day)
        day -= timedelta(days=1)
    return found
