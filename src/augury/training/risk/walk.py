"""Walks forward: each year is forecast by a model that knew nothing of it, and judged together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augury.risk.forecast import ForecastModel, read
from augury.risk.returns import simple
from augury.risk.series import Days, Floats, Series
from augury.training.risk import baselines
from augury.training.risk.fit import encoded, learn
from augury.training.risk.panel import HORIZONS, Panel, years_of

# Simple returns: a decline, and two losses.
EVENTS = np.array([0.0, -0.05, -0.10])
QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
MODEL, CLIMATOLOGY, NORMAL, HISTORICAL = "model", "climatology", "normal", "historical"

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody said of n rows: chances of the three events [n, 3] and quantiles [n, 5]."""

    chances: Floats
    quantiles: Floats

    def rows(self, chosen: npt.NDArray[np.generic]) -> "Answers":
        """Return some of the rows."""
        return Answers(self.chances[chosen], self.quantiles[chosen])


@dataclass(frozen=True, slots=True)
class Judged:
    """One horizon: what was said by whom, and what came, as simple returns [n]."""

    horizon: int
    asset: npt.NDArray[np.int32]
    day: Days
    returns: Floats
    mean: Floats  # the model's expected return, [n]
    answers: dict[str, Answers]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.day)

    @property
    def events(self) -> Booleans:
        """Return which events happened, [n, 3]."""
        found: Booleans = self.returns[:, None] < EVENTS
        return found

    @property
    def years(self) -> npt.NDArray[np.int64]:
        """Return the year of each row's day, [n]."""
        return years_of(self.day)

    def rows(self, chosen: npt.NDArray[np.generic]) -> "Judged":
        """Return some of the rows."""
        answers = {name: one.rows(chosen) for name, one in self.answers.items()}
        return Judged(
            self.horizon,
            self.asset[chosen],
            self.day[chosen],
            self.returns[chosen],
            self.mean[chosen],
            answers,
        )

    @staticmethod
    def joined(parts: list["Judged"]) -> "Judged":
        """Return the rows of several, of which only the model's answers are kept."""
        said = Answers(
            np.concatenate([part.answers[MODEL].chances for part in parts]),
            np.concatenate([part.answers[MODEL].quantiles for part in parts]),
        )
        asset, day, returns, mean = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("asset", "day", "returns", "mean")
        )
        return Judged(parts[0].horizon, asset, day, returns, mean, {MODEL: said})


def first_day(year: int) -> int:
    """Return the first of January as days since 1970."""
    return int(np.datetime64(f"{year}-01-01", "D").astype(int))


def models(panel: Panel, years: range, step: Callable[[str], None]) -> dict[int, ForecastModel]:
    """Return for each year the model of the outcomes that were known before its first day."""
    found = {}
    for year in years:
        step(f"{year}: learn from what was known on its first day")
        found[year] = read(encoded(learn(panel, first_day(year))))
    return found


def walk(trained: dict[int, ForecastModel], panel: Panel, horizon: int) -> Judged:
    """Return the rows of all years, each forecast by the model of its year."""
    column = HORIZONS.index(horizon)
    rows = panel.rows(np.isfinite(panel.returns[:, column]))
    rows = rows.rows(np.isin(years_of(rows.day), list(trained)))
    order = np.argsort(years_of(rows.day), kind="stable")
    rows = Panel(*(getattr(rows, name)[order] for name in Panel.__slots__))
    parts = [
        (model.forecast(rows.features[of], horizon))
        for year, model in trained.items()
        if (of := years_of(rows.day) == year).any()
    ]
    said = Answers(
        np.concatenate(
            [np.stack([part.probability_below(one) for one in EVENTS], axis=1) for part in parts]
        ),
        np.concatenate([part.quantiles(QUANTILES) for part in parts]),
    )
    mean = np.concatenate([part.mean() for part in parts])
    returns = simple(rows.returns[:, column])
    return Judged(horizon, rows.asset, rows.day, returns, mean, {MODEL: said})


def beside(judged: Judged, assets: list[Series], panel: Panel) -> Judged:
    """Return the same rows with what the baselines say of them.

    Climatology of a year is made of all returns in the panel that were over before it.
    """
    found = dict(judged.answers)
    empty = Answers(np.empty((len(judged), 3)), np.empty((len(judged), 5)))
    column = HORIZONS.index(judged.horizon)
    found[CLIMATOLOGY] = Answers(empty.chances.copy(), empty.quantiles.copy())
    for year in np.unique(judged.years):
        over = panel.matures[:, column] < first_day(int(year))
        past = simple(panel.returns[over, column])
        _put(
            found[CLIMATOLOGY], judged.years == year, baselines.climatology(past, EVENTS, QUANTILES)
        )
    for name in (NORMAL, HISTORICAL):
        found[name] = Answers(empty.chances.copy(), empty.quantiles.copy())
    for number, asset in enumerate(assets):
        of = judged.asset == number
        at = np.searchsorted(asset.days, judged.day[of])
        scale = np.sqrt(judged.horizon) * baselines.ewma_scale(asset)[at]
        _put(found[NORMAL], of, baselines.normal(scale, EVENTS, QUANTILES))
        past_windows = baselines.historical(asset, judged.horizon, at, EVENTS, QUANTILES)
        _put(found[HISTORICAL], of, past_windows)
    return Judged(judged.horizon, judged.asset, judged.day, judged.returns, judged.mean, found)


def _put(answers: Answers, of: Booleans, said: tuple[Floats, Floats]) -> None:
    answers.chances[of], answers.quantiles[of] = said
