"""Markets for tests: prices that were made up, the same each time."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from augury.risk.series import Floats, Indicator, Series

EPOCH = date(1970, 1, 1)
FIRST = (date(2012, 1, 2) - EPOCH).days
LAST = (date(2022, 12, 30) - EPOCH).days


def weekdays(first: int = FIRST, last: int = LAST) -> list[int]:
    """Return the working days of some years, as days since 1970."""
    # 1970-01-01 was a Thursday.
    return [day for day in range(first, last + 1) if (day + 3) % 7 < 5]


def walk(
    seed: int, market: Floats | None = None, beta: float = 1.0, daily: float = 0.012
) -> Floats:
    """Return daily log returns of a made-up asset, one for each working day."""
    noise = np.random.default_rng(seed).normal(0.0002, daily, len(weekdays()))
    return noise if market is None else noise + beta * market


def series(returns: Floats, days: Sequence[int] | None = None) -> Series:
    """Return the closes of log returns."""
    told = weekdays() if days is None else days
    return Series(np.array(told, np.int32), 100 * np.exp(np.cumsum(returns[: len(told)])))


class FixedMarkets:
    """A market that holds what it is given."""

    def __init__(
        self, prices: Mapping[str, Series], indicators: Mapping[str, Indicator] | None = None
    ) -> None:
        """Take the prices by symbol and the indicators by name."""
        self.of = dict(prices)
        self.indicators = dict(indicators or {})

    def prices(self, symbol: str) -> Series | None:
        """Return the prices of a symbol."""
        return self.of.get(symbol)

    def indicator(self, name: str) -> Indicator | None:
        """Return the values of an indicator."""
        return self.indicators.get(name)

    def symbols(self) -> Sequence[str]:
        """Return the symbols."""
        return sorted(self.of)

    def nearest(self, symbol: str, most: int = 3) -> Sequence[str]:
        """Return the symbols that begin alike."""
        return [name for name in self.symbols() if name[:1] == symbol[:1]][:most]


def markets() -> FixedMarkets:
    """Return an index and three assets that move with it, and indicators of each month."""
    index = walk(1, daily=0.01)
    months = np.arange(FIRST, LAST, 30, dtype=np.int32)
    wave = np.sin(np.arange(len(months)) / 5)
    return FixedMarkets(
        {
            "SP500": series(index),
            "AAPL": series(walk(2, index, 1.2)),
            "JPM": series(walk(3, index, 1.0, 0.02)),
            "XOM": series(walk(4, index, 0.6)),
        },
        {
            "AAA": Indicator(months, 4 + 0.3 * wave),
            "BAA": Indicator(months, 5 + 0.6 * wave),
            "TBILL": Indicator(months, 1 + 0 * wave),
            "WTI": Indicator(months, 60 + 20 * wave),
        },
    )


def told(asset: Series) -> list[dict[str, object]]:
    """Return a series as a customer sends it."""
    pairs = zip(asset.days.tolist(), asset.closes.tolist(), strict=True)
    return [{"date": str(EPOCH + timedelta(days=day)), "close": close} for day, close in pairs]
