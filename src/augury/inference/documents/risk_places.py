"""From a question to the day, the asset and the benchmark it is about, or its faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from augury.inference.documents.prices import FEWEST_POINTS, day_number, day_told, series_of
from augury.inference.documents.risk_assets import (
    BILLS,
    HIGHEST_RATE,
    INDICATORS,
    Asset,
    Assets,
    common,
    own_asset,
    what_if,
    window,
)
from augury.inference.documents.risk_question import RiskQuestion
from augury.kit.errors import Fault
from augury.risk.features import latest
from augury.risk.series import Floats, Markets, Series

USUAL_BENCHMARK: Final = "SP500"
ASSUMED_RATE: Final = 0.02
# Two years: with fewer closes rare losses are told from little.
_SHORT_HISTORY = 504
_STALE_DAYS = 10
_GAP_DAYS = 10
# A price that halves or doubles in a day is more often a split than a market.
_SPLIT = 0.6
_NEAREST = 3


class Note(NamedTuple):
    """Something to keep in mind: the key of a sentence and what belongs into it."""

    key: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands: everything that is known about it, and nothing of later days."""

    question: RiskQuestion
    name: str | None
    series: Series  # until the day
    features: Floats  # [7]
    worst_drawdown: float
    day: int
    benchmark: str
    returns: tuple[Floats, Floats] | None  # of asset and benchmark, the same days
    benchmark_features: Floats | None
    benchmark_price: float
    rate: float
    notes: list[Note]

    @property
    def pointer(self) -> str:
        """Where the prices came from, as a part of a JSON pointer."""
        return "/prices" if self.question.symbol is None else "/symbol"


def place(
    question: RiskQuestion, assets: Assets, markets: Markets, today: int
) -> Place | list[Fault]:
    """Return where a question stands; its faults have pointers that begin at the question."""
    benchmark = (question.benchmark or USUAL_BENCHMARK).upper()
    if question.benchmark is not None and markets.prices(benchmark) is None:
        return [unknown("/benchmark", "fault.benchmark_unknown", benchmark, markets)]
    strange = [name for name in question.macro or () if name.upper() not in INDICATORS]
    if strange:
        told: dict[str, object] = {"name": strange[0], "known": ", ".join(INDICATORS)}
        return [Fault("/macro", "fault.indicator_unknown", told)]
    bills = _supposed(question).get(BILLS)
    if bills is not None and not 0 <= bills <= 100 * HIGHEST_RATE:
        limits: dict[str, object] = {"minimum": 0, "maximum": f"{100 * HIGHEST_RATE:g}"}
        return [Fault(f"/macro/{BILLS}", "fault.range", limits | {"value": bills})]
    found = _asset(question, benchmark, assets, markets, today)
    if isinstance(found, list):
        return found
    return _placed(question, benchmark, *found, assets, today)


def _asset(
    question: RiskQuestion, benchmark: str, assets: Assets, markets: Markets, today: int
) -> tuple[Asset, Series, int] | list[Fault]:
    """Return the asset, its closes until the day asked about, and that day; or faults."""
    if question.symbol is not None:
        known = markets.prices(question.symbol.upper())
        if known is None:
            return [unknown("/symbol", "fault.symbol_unknown", question.symbol, markets)]
        whole = known
    else:
        given = series_of(question.prices or [], today)
        if isinstance(given, list):
            return given
        whole = given
    day = day_number(question.as_of) if question.as_of else int(whole.days[-1])
    # Before anything is worked out and kept.
    faults = faults_of_day(whole, day, today)
    if faults:
        return faults
    until = whole.until(day)
    asset = question.symbol and assets.asset(question.symbol.upper(), benchmark)
    return asset or own_asset(until, assets.around(benchmark)), until, day


def _supposed(question: RiskQuestion) -> dict[str, float]:
    """Return what indicators are to be, by their names in the house."""
    return {name.upper(): value for name, value in (question.macro or {}).items()}


def faults_of_day(series: Series, day: int, today: int) -> list[Fault]:
    """Return what is wrong with a day that is asked about, if anything."""
    if day > today + 1:
        return [Fault("/as_of", "fault.as_of_future", {})]
    count = int(np.searchsorted(series.days, day, side="right"))
    if count >= FEWEST_POINTS:
        closes = series.closes[:count]
        still = closes.min() == closes.max()
        return [Fault("/as_of", "fault.as_of_constant", {})] if still else []
    first = day_told(series.days[FEWEST_POINTS - 1]) if len(series) >= FEWEST_POINTS else "—"
    return [
        Fault(
            "/as_of", "fault.as_of_early", {"count": count, "least": FEWEST_POINTS, "first": first}
        )
    ]


def _placed(
    question: RiskQuestion,
    benchmark: str,
    asset: Asset,
    series: Series,
    day: int,
    assets: Assets,
    today: int,
) -> Place:
    row, supposed = min(len(series), len(asset.features)) - 1, _supposed(question)
    features = asset.features[row]
    if supposed:
        around = what_if(assets.around(benchmark), int(series.days[-1]), supposed)
        features = latest(series, around)
    index = assets.asset(benchmark, benchmark)
    at = -1 if index is None else int(np.searchsorted(index.series.days, day, side="right")) - 1
    returns = _returns(question, benchmark, series, index, day, assets)
    given = question.risk_free_rate
    if given is None and BILLS in supposed:
        given = supposed[BILLS] / 100
    rate, notes = rate_of(given, day, assets)
    if index is None or at < FEWEST_POINTS - 1 or returns is None:
        returns, index = None, None
        notes.append(Note("no_benchmark", {"symbol": benchmark}))
    return Place(
        question=question,
        name=question.symbol.upper() if question.symbol else None,
        series=series,
        features=features,
        worst_drawdown=float(asset.worst_drawdown[row]),
        day=day,
        benchmark=benchmark,
        returns=returns,
        benchmark_features=None if index is None else index.features[at],
        benchmark_price=1.0 if index is None else float(index.series.closes[at]),
        rate=rate,
        notes=[*notes, *_notes(question, series, day, today)],
    )


def _returns(
    question: RiskQuestion,
    benchmark: str,
    series: Series,
    index: Asset | None,
    day: int,
    assets: Assets,
) -> tuple[Floats, Floats] | None:
    if question.symbol is not None:
        return window(assets.pair(question.symbol.upper(), benchmark), day)
    return None if index is None else window(common(series, index.series.until(day)), day)


def rate_of(given: float | None, day: int, assets: Assets) -> tuple[float, list[Note]]:
    """Return the year's rate for option prices: the customer's, the one known, or one assumed."""
    if given is not None:
        return given, []
    known = assets.rate(day)
    if known is not None and known >= 0:
        return known, []
    return ASSUMED_RATE, [Note("assumed_rate", {"rate": f"{ASSUMED_RATE:.0%}"})]


def _notes(question: RiskQuestion, series: Series, day: int, today: int) -> list[Note]:
    found = notes_of_age(int(series.days[-1]), day if question.as_of else today)
    if len(series) < _SHORT_HISTORY:
        found.append(Note("short_history", {"count": len(series), "wanted": _SHORT_HISTORY}))
    return found + (_notes_of_own(series) if question.prices is not None else [])


def notes_of_age(newest: int, asked: int) -> list[Note]:
    """Return a note if the newest close is much older than the day asked about."""
    if asked - newest <= _STALE_DAYS:
        return []
    return [Note("stale_data", {"day": day_told(newest), "days": asked - newest})]


def _notes_of_own(series: Series) -> list[Note]:
    """Return what looks odd in a history that nobody has checked."""
    found = []
    ratios = series.closes[1:] / series.closes[:-1]
    for at in np.flatnonzero((ratios < _SPLIT) | (ratios > 1 / _SPLIT))[:_NEAREST]:
        told = {"day": day_told(series.days[at + 1]), "percent": f"{ratios[at] - 1:+.0%}"}
        found.append(Note("suspected_split", told))
    steps = np.diff(series.days)
    gaps = int((steps > _GAP_DAYS).sum())
    if gaps:
        longest = int(steps.argmax())
        found.append(Note("gaps", {"count": gaps, "day": day_told(series.days[longest])}))
    return found


def unknown(pointer: str, key: str, symbol: str, markets: Markets) -> Fault:
    """Return the fault of a name that is none, with those that look like it."""
    nearest: Sequence[str] = markets.nearest(symbol.upper(), _NEAREST)
    return Fault(pointer, key, {"symbol": symbol, "nearest": ", ".join(nearest) or "—"})
