"""What a question is about, made ready: its closes until the day, its features, its benchmark.

What depends on a series alone is worked out once for its whole history and kept: a question of the
same symbol, on whatever day, is then a look at a row.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from augury.risk import features
from augury.risk.beta import LEAST_OBSERVATIONS, WEEK_DAYS, aligned
from augury.risk.drawdown import drawdown
from augury.risk.features import Surroundings, surroundings
from augury.risk.series import Days, Floats, Indicator, Markets, Series
from augury.risk.tails import overlapping
from augury.risk.trouble import BadSeries

# Yields whose spread is a feature, and a year's rate for option prices; in percent.
AAA, BAA, BILLS = "AAA", "BAA", "TBILL"
INDICATORS = (AAA, BAA, BILLS)
# Beta and correlation are those of overlapping weeks of two years: what hedges promise by them was
# measured so, and days alone promise too much, as they do not hold all that a month brings.
BETA_WEEKS = 500
_MOST_ASSETS_BYTES = 128 * 2**20
_MOST_PAIRS_BYTES = 64 * 2**20
# What surroundings hold is the benchmark's, of which there are few.
_MOST_BENCHMARKS = 64
_STALE_DAYS = 7
# A quarter's figure, and some weeks until the next one is out.
_RATE_STALE_DAYS = 130
# A year's rate beyond it is a mistake in the data, or a money that nobody prices options in.
HIGHEST_RATE = 0.5

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Asset:
    """A series with what was true of it at the end of each of its days."""

    series: Series
    features: Floats  # [days, 7]
    worst_drawdown: Floats  # [days]


class Weeks(NamedTuple):
    """Returns of overlapping weeks of two assets, [weeks], and the day on which each ends."""

    days: Days
    asset: Floats
    benchmark: Floats


class _Kept(Generic[Value]):
    """Results up to a weight, the least used dropped first; each is of series that may change."""

    def __init__(self, most: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._most, self._weigh, self._weight = most, weigh, 0
        self._found: OrderedDict[tuple[str, ...], tuple[tuple[object, ...], Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...], of: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """Return the result for a key if it is of these very objects; otherwise make it."""
        with self._lock:
            known = self._found.get(key)
            if known is not None and all(map(_is, known[0], of)):
                self._found.move_to_end(key)
                return known[1]
        made = make()
        with self._lock:
            self._drop(self._found.pop(key, None))
            self._found[key] = (of, made)
            self._weight += self._weigh(made)
            while self._weight > self._most and len(self._found) > 1:
                self._drop(self._found.popitem(last=False)[1])
        return made

    def _drop(self, kept: tuple[tuple[object, ...], Value] | None) -> None:
        if kept is not None:
            self._weight -= self._weigh(kept[1])


def _is(one: object, other: object) -> bool:
    return one is other


class Assets:
    """What the house knows of assets and their benchmarks. Safe to use from many threads."""

    def __init__(self, markets: Markets) -> None:
        """Start with nothing worked out."""
        self._markets = markets
        self._around: _Kept[Surroundings] = _Kept(_MOST_BENCHMARKS)
        self._assets: _Kept[Asset] = _Kept(_MOST_ASSETS_BYTES, _bytes_of_asset)
        self._pairs: _Kept[Weeks | None] = _Kept(_MOST_PAIRS_BYTES, _bytes_of_weeks)

    def around(self, benchmark: str) -> Surroundings:
        """Return what is known beside an asset that is compared with a benchmark."""
        prices = self._markets.prices(benchmark)
        aaa, baa = self._markets.indicator(AAA), self._markets.indicator(BAA)
        return self._around.get(
            (benchmark,), (prices, aaa, baa), lambda: surroundings(prices, aaa, baa)
        )

    def asset(self, symbol: str, benchmark: str) -> Asset | None:
        """Return a known asset beside a benchmark; None if there are no prices of it."""
        series = self._markets.prices(symbol)
        if series is None:
            return None
        around = self.around(benchmark)
        return self._assets.get(
            (symbol, benchmark), (series, around), lambda: _worked_out(series, around)
        )

    def pair(self, symbol: str, benchmark: str) -> Weeks | None:
        """Return the common weeks of two known assets; None if there are too few."""
        ours, theirs = self._markets.prices(symbol), self._markets.prices(benchmark)
        if ours is None or theirs is None:
            return None
        return self._pairs.get((symbol, benchmark), (ours, theirs), lambda: common(ours, theirs))

    def rate(self, day: int) -> float | None:
        """Return the year's rate that was known on a day, as a fraction."""
        bills = self._markets.indicator(BILLS)
        if bills is None:
            return None
        end = int(np.searchsorted(bills.known, day, side="right"))
        if not end or day - bills.known[end - 1] > _RATE_STALE_DAYS:
            return None
        found = float(bills.values[end - 1]) / 100
        return found if 0 <= found <= HIGHEST_RATE else None


def _bytes_of_asset(asset: Asset) -> int:
    return asset.features.nbytes + asset.worst_drawdown.nbytes


def _bytes_of_weeks(weeks: Weeks | None) -> int:
    return 0 if weeks is None else sum(column.nbytes for column in weeks)


def common(ours: Series, theirs: Series) -> Weeks | None:
    """Return the common weeks of two series; None if there are too few."""
    try:
        days, asset, benchmark = aligned(ours, theirs, len(ours))
    except BadSeries:
        return None
    return Weeks(days[WEEK_DAYS - 1 :], weekly(asset), weekly(benchmark))


def weekly(returns: Floats) -> Floats:
    """Return what five days at a time brought, of daily simple returns [t]: [t - 4]."""
    return overlapping(returns, WEEK_DAYS)


def window(pair: Weeks | None, day: int) -> tuple[Floats, Floats] | None:
    """Return the common weeks of the two years until a day; None if there are too few."""
    if pair is None:
        return None
    end = int(np.searchsorted(pair.days, day, side="right"))
    start = max(0, end - BETA_WEEKS)
    if end - start < LEAST_OBSERVATIONS or day - pair.days[end - 1] > _STALE_DAYS:
        return None
    return pair.asset[start:end], pair.benchmark[start:end]


def own_asset(series: Series, around: Surroundings) -> Asset:
    """Return a customer's series as an asset of one row: that of its last day."""
    row = features.latest(series, around)
    return Asset(series, row[None, :], drawdown(series.closes).maximum[-1:])


def what_if(around: Surroundings, day: int, values: Mapping[str, float]) -> Surroundings:
    """Return the surroundings in which yields have other values on a day."""
    return Surroundings(
        around.market_days,
        around.market,
        _replaced(around.aaa, day, values.get(AAA)),
        _replaced(around.baa, day, values.get(BAA)),
    )


def _replaced(indicator: Indicator | None, day: int, value: float | None) -> Indicator | None:
    if value is None:
        return indicator
    known = np.empty(0, np.int32) if indicator is None else indicator.known
    values = np.empty(0) if indicator is None else indicator.values
    end = int(np.searchsorted(known, day, side="left"))
    return Indicator(np.append(known[:end], np.int32(day)), np.append(values[:end], value))


def _worked_out(series: Series, around: Surroundings) -> Asset:
    return Asset(series, features.history(series, around), drawdown(series.closes).maximum)
