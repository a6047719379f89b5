"""The whole record: years that the models did not know, and assets that they never saw."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from augury.risk.features import Surroundings, surroundings
from augury.risk.forecast import ForecastModel, read
from augury.risk.series import Series
from augury.training.risk.data import Data
from augury.training.risk.fit import UPLOADS, encoded, learn
from augury.training.risk.hedging import FIRST_PLACE, Hedged, hedge_record
from augury.training.risk.measures import Luck, common_correlation, luck
from augury.training.risk.panel import HORIZONS, Panel, joined, panel, short_panel
from augury.training.risk.walk import Judged, beside, first_day, models, walk

Say = Callable[[str], None]

MONTH = 21
_PARTS = 4  # of the shares, each forecast by a model that saw the others only
_SHORT_EVERY_DAYS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged: years, and how often chance is drawn. `quick` is for tests."""

    years: range = range(2015, 2023)
    draws: int = 400
    parts: int = _PARTS

    @property
    def steps(self) -> int:
        """Return how many steps `backtest` counts."""
        return len(self.years) + len(HORIZONS) + self.parts + 4


@dataclass(frozen=True, slots=True)
class Record:
    """All that was found. `judged` is by horizon: known shares in unknown years, beside baselines.

    `unseen` is over 21 days: index, other markets, shares held out, and short uploads; `alone` are
    the shares when nothing is known of market and yields.
    """

    plan: Plan
    judged: dict[int, Judged]
    unseen: dict[str, Judged]
    hedged: Hedged
    luck: Luck
    assets: list[str]


def backtest(data: Data, plan: Plan, seed: int, step: Say) -> Record:
    """Return the record of a walk through the years of a plan, counted by `step`."""
    around = surroundings(data.index, data.aaa, data.baa)
    shares = list(data.shares.values())
    rows = panel(shares, around)
    shorts = uploads(shares, around)
    lessons = joined([rows, *shorts])
    trained = models(lessons, plan.years, step)
    judged = {}
    for horizon in HORIZONS:
        step(f"{horizon} days: judge the model and three baselines")
        judged[horizon] = beside(walk(trained, rows, horizon), shares, rows)
    step("index and other markets")
    unseen = {
        name: walk(trained, panel([series], around), MONTH)
        for name, series in data.unseen.items()
        if series.days[-1] >= first_day(plan.years.start)
    }
    unseen["held_out"] = _held_out(rows, lessons, len(shares), plan, seed, step)
    step("uploads of 60 closes, and of shares about whose market nothing is known")
    unseen["short"] = walk(trained, shorts[0], MONTH)
    unseen["alone"] = walk(trained, rows.alone(), MONTH)
    step("hedges: promised against realised")
    closes = np.array([one.closes for one in shares])
    hedged = hedge_record(closes, data.index.closes, _places(data.index, plan), MONTH)
    step("what chance alone would show")
    before = data.index.days < first_day(plan.years.start)
    alike = common_correlation(closes[:, before])
    by_chance = luck(alike, len(shares), MONTH, len(plan.years), seed, plan.draws)
    return Record(plan, judged, unseen, hedged, by_chance, list(data.shares))


def final(data: Data) -> bytes:
    """Return the artefact that is learned from all outcomes there are."""
    around = surroundings(data.index, data.aaa, data.baa)
    shares = list(data.shares.values())
    rows = joined([panel(shares, around), *uploads(shares, around)])
    return encoded(learn(rows, int(data.index.days[-1]) + 1))


def uploads(shares: list[Series], around: Surroundings) -> list[Panel]:
    """Return rows of short histories, one panel for each length, the shortest first."""
    return [short_panel(shares, around, closes, _SHORT_EVERY_DAYS) for closes in UPLOADS]


def numbered(say: Say, total: int) -> Say:
    """Return a `say` that puts `[3/21]` before each line."""
    counter: Iterator[int] = iter(range(1, total + 1))
    return lambda line: say(f"[{next(counter)}/{total}] {line}")


def _held_out(rows: Panel, lessons: Panel, assets: int, plan: Plan, seed: int, step: Say) -> Judged:
    """Return shares judged by models that never saw them, nor anything from the first year on."""
    order = np.random.default_rng(seed).permutation(assets)
    found = []
    for number, chosen in enumerate(np.array_split(order, plan.parts), 1):
        step(f"shares held out, part {number} of {plan.parts}")
        out = np.isin(rows.asset, chosen)
        model = read(
            encoded(
                learn(lessons.rows(~np.isin(lessons.asset, chosen)), first_day(plan.years.start))
            )
        )
        same: dict[int, ForecastModel] = dict.fromkeys(plan.years, model)
        found.append(walk(same, rows.rows(out), MONTH))
    return Judged.joined(found)


def _places(index: Series, plan: Plan) -> np.ndarray:
    first, last = np.searchsorted(
        index.days, [first_day(plan.years.start), first_day(plan.years.stop)]
    )
    return np.arange(max(first, FIRST_PLACE), min(last, len(index) - MONTH))
