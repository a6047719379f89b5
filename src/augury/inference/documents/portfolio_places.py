"""From a portfolio to the series of its assets until a day, and the portfolio as one asset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from augury.inference.documents.portfolio_question import PortfolioQuestion
from augury.inference.documents.prices import FEWEST_POINTS, day_number, day_told, series_of
from augury.inference.documents.risk_assets import Asset, Assets, own_asset, weekly
from augury.inference.documents.risk_places import (
    USUAL_BENCHMARK,
    Note,
    Place,
    faults_of_day,
    notes_of_age,
    rate_of,
    unknown,
)
from augury.inference.documents.risk_question import RiskQuestion
from augury.kit.errors import Fault
from augury.risk.common import LEAST_RETURNS, Common, common_returns
from augury.risk.features import Surroundings, latest
from augury.risk.series import Floats, Markets, Series
from augury.risk.trouble import BadSeries

# Ten years of common days: what the portfolio would have done with these weights.
_MOST_DAYS = 2520
# Of which correlations are drawn.
WINDOW_DAYS: Final = 504
_STALE_DAYS = 7
_STILL = 1e-6
_MOST_UNKNOWN = 20


@dataclass(frozen=True, slots=True)
class Index:
    """The benchmark, as far as it is known here: its closes until the day, and its features."""

    name: str
    series: Series | None
    features: Floats | None
    price: float
    returns: Floats | None  # over the common days of the assets, [t]


@dataclass(frozen=True, slots=True)
class Held:
    """A portfolio on a day: nothing of later days is in it."""

    question: PortfolioQuestion
    names: list[str]
    weights: Floats  # [n], adding up to 1
    series: list[Series]
    features: Floats  # [n, 7]
    index: Index
    common: Common
    whole: Place


def held(
    question: PortfolioQuestion, assets: Assets, markets: Markets, today: int
) -> Held | list[Fault]:
    """Return the portfolio of a question; its faults have pointers that begin at the question."""
    benchmark = (question.benchmark or USUAL_BENCHMARK).upper()
    if question.benchmark is not None and markets.prices(benchmark) is None:
        return [unknown("/benchmark", "fault.benchmark_unknown", benchmark, markets)]
    names = [one.symbol.upper() for one in question.positions]
    strange = [name for name in question.shocks or () if name.upper() not in {*names, benchmark}]
    if strange:
        return [Fault("/shocks", "fault.shock_unknown", {"symbol": strange[0]})]
    found = _series(question, assets, markets, benchmark, today)
    if isinstance(found, list):
        return found
    newest = min(int(one.days[-1]) for one in found.series)
    day = day_number(question.as_of) if question.as_of else newest
    faults = _faults_of_days(found.series, day, today)
    if faults:
        return faults
    series = [one.until(day) for one in found.series]
    try:
        common = common_returns(series, _MOST_DAYS)
    except BadSeries:
        return [Fault("/positions", "fault.common_days", {"least": LEAST_RETURNS})]
    index = _index(benchmark, assets, day, common)
    weights = np.array(question.weights)
    rate, notes = rate_of(question.risk_free_rate, day, assets)
    notes += notes_of_age(int(common.days[-1]), day if question.as_of else today)
    whole = _whole(question, weights, common, index, day, assets)
    whole = replace(whole, rate=rate, notes=[*whole.notes, *notes])
    features = _features(found.assets, series, assets.around(benchmark))
    return Held(question, names, weights, series, features, index, common, whole)


def _index(name: str, assets: Assets, day: int, common: Common) -> Index:
    """Return the benchmark, if it has closes all along the days that count."""
    asset = assets.asset(name, name)
    until = None if asset is None else asset.series.until(day)
    if asset is None or until is None or len(until) < FEWEST_POINTS:
        return Index(name, None, None, 1.0, None)
    features, price = asset.features[len(until) - 1], float(until.closes[-1])
    days = common.days[-(WINDOW_DAYS + 1) :]
    at = np.searchsorted(until.days, days, side="right") - 1
    if at.min() < 0 or (days - until.days[at]).max() > _STALE_DAYS:
        return Index(name, None, None, 1.0, None)
    closes = until.closes[at]
    if np.ptp(closes) <= _STILL * closes[0]:
        return Index(name, None, None, 1.0, None)
    return Index(name, until, features, price, closes[1:] / closes[:-1] - 1)


def _features(
    known: Sequence[Asset | None], series: Sequence[Series], around: Surroundings
) -> Floats:
    """Return the features of each asset on its last day, [n, 7]."""
    rows = [
        latest(until, around) if asset is None else asset.features[len(until) - 1]
        for asset, until in zip(known, series, strict=True)
    ]
    return np.array(rows)


@dataclass(frozen=True, slots=True)
class _Found:
    assets: list[Asset | None]
    series: list[Series]


def _series(
    question: PortfolioQuestion, assets: Assets, markets: Markets, benchmark: str, today: int
) -> _Found | list[Fault]:
    """Return the whole series of each position, worked out where the house has it; or faults."""
    found, faults = _Found([], []), []
    for place, one in enumerate(question.positions):
        known = None if one.prices else assets.asset(one.symbol.upper(), benchmark)
        series: Series | list[Fault] | None = known.series if known else None
        if one.prices:
            series = series_of(one.prices, today)
        if isinstance(series, list):
            faults += _moved(series, place)
        elif series is None and len(faults) < _MOST_UNKNOWN:
            pointer = f"/positions/{place}/symbol"
            faults.append(unknown(pointer, "fault.symbol_unknown", one.symbol, markets))
        elif series is not None:
            found.assets.append(known)
            found.series.append(series)
    return faults or found


def _moved(faults: Sequence[Fault], place: int) -> list[Fault]:
    return [Fault(f"/positions/{place}{one.pointer}", one.key, one.values) for one in faults]


def _faults_of_days(wholes: Sequence[Series], day: int, today: int) -> list[Fault]:
    for place, one in enumerate(wholes):
        faults = faults_of_day(one, day, today)
        if faults and faults[0].key == "fault.as_of_future":
            return faults
        if faults:
            return _short(place, faults[0])
    return []


def _short(place: int, fault: Fault) -> list[Fault]:
    told = {**fault.values, "place": place}
    return [Fault(fault.pointer, "fault.position_early", told)]


def _whole(
    question: PortfolioQuestion,
    weights: Floats,
    common: Common,
    index: Index,
    day: int,
    assets: Assets,
) -> Place:
    """Return the portfolio as one asset: what these weights, kept up, would have done."""
    returns = common.returns @ weights
    beside = index.returns
    weeks = None if beside is None else (weekly(returns[-len(beside) :]), weekly(beside))
    notes = [Note("common_window", {"count": len(returns), "day": day_told(common.days[0])})]
    if index.series is None:
        notes.append(Note("no_benchmark", {"symbol": index.name}))
    closes = np.concatenate([[1.0], np.cumprod(1 + returns)])
    days = np.concatenate([[common.days[0] - 1], common.days]).astype(np.int32)
    made = own_asset(
        Series(days, closes * (question.total / closes[-1])), assets.around(index.name)
    )
    asked = RiskQuestion(
        horizon_days=question.horizon_days,
        loss_threshold=question.loss_threshold,
        position_value=question.total,
        objective=question.objective,
    )
    return Place(
        question=asked,
        name=None,
        series=made.series,
        features=made.features[0],
        worst_drawdown=float(made.worst_drawdown[0]),
        day=day,
        benchmark=index.name,
        returns=weeks,
        benchmark_features=index.features,
        benchmark_price=index.price,
        rate=0.0,
        notes=notes,
    )
