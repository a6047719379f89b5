"""How good forecasts were: skill, ranking, coverage, and whether chance alone explains the rest."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from augury.inference import judging
from augury.risk.exceedances import christoffersen, kupiec
from augury.risk.series import Floats
from augury.training.risk.walk import CLIMATOLOGY, MODEL, QUANTILES, Judged

_SIGNIFICANT = 0.05
# What coverage may be off, in one year and over all of them.
_YEARLY, _OVERALL = 0.04, 0.015
_QUARTER_DAYS = 63


class Score(NamedTuple):
    """One event, said by one: Brier score, its skill against climatology, area under the ROC."""

    brier: float
    skill: float
    auc: float


class Tests(NamedTuple):
    """Exceedances of the 95 % value at risk in windows that do not overlap.

    Of so many assets, how many fail each test at 5 %; by chance alone it is one in twenty. The
    pooled p-value takes assets to be independent, which they are not: it is too small.
    """

    windows: int
    exceeded: float
    assets: int
    kupiec_failed: int
    christoffersen_failed: int
    kupiec_pooled: float


def score(judged: Judged, name: str, event: int) -> Score:
    """Return how well somebody foresaw one of the three events."""
    happened = judged.events[:, event].astype(np.int64)
    chance = judged.answers[name].chances[:, event]
    usual = judging.brier(judged.answers[CLIMATOLOGY].chances[:, event], happened)
    found = judging.brier(chance, happened)
    return Score(found, 1 - found / usual, judging.auc(chance, happened))


def pinball(judged: Judged, name: str) -> float:
    """Return the mean pinball loss of the five quantiles: less is better, in parts of 1."""
    miss = judged.returns[:, None] - judged.answers[name].quantiles
    return float(np.maximum(QUANTILES * miss, (QUANTILES - 1) * miss).mean())


def coverage(judged: Judged, name: str = MODEL) -> Floats:
    """Return the share of outcomes below each stated quantile, [5]."""
    below: Floats = (judged.returns[:, None] < judged.answers[name].quantiles).mean(axis=0)
    return below


def coverage_by_year(judged: Judged) -> dict[int, Floats]:
    """Return `coverage` of the rows of each year."""
    years = judged.years
    return {int(year): coverage(judged.rows(years == year)) for year in np.unique(years)}


def exceedances(judged: Judged) -> Tests:
    """Test the model's 95 % value at risk on windows that do not overlap; days are common."""
    days = np.unique(judged.day)[:: judged.horizon]
    part = judged.rows(np.isin(judged.day, days))
    exceeded = part.returns < part.answers[MODEL].quantiles[:, 0]
    order = np.lexsort((part.day, part.asset))
    table = exceeded[order].reshape(len(np.unique(part.asset)), -1)
    return Tests(
        windows=table.shape[1],
        exceeded=float(table.mean()),
        assets=len(table),
        kupiec_failed=int((kupiec(table).p_value < _SIGNIFICANT).sum()),
        christoffersen_failed=int((christoffersen(table).p_value < _SIGNIFICANT).sum()),
        kupiec_pooled=float(kupiec(table.ravel()).p_value),
    )


class Luck(NamedTuple):
    """What an oracle that knows the true distribution would show in so many years.

    `spread` [5] is the standard deviation of a quantile's coverage in one year; `passes_years` is
    how often all quantiles are within four points in all years, `passes_overall` within one and a
    half over all years together.
    """

    correlation: float
    spread: Floats
    overall_spread: Floats
    passes_years: float
    passes_overall: float


def luck(
    correlation: float, assets: int, days: int, years: int, seed: int, draws: int = 400
) -> Luck:
    """Return how coverage varies by chance for assets with a common correlation.

    Normal returns of 252 days a year, with known variance, are judged over windows of `days` by
    their exact quantiles: whatever is missed is chance and nothing else.
    """
    random = np.random.default_rng(seed)
    edges = np.quantile(random.standard_normal(1_000_000), QUANTILES)
    shares = np.empty((draws, years, len(QUANTILES)))
    length = 252 * years
    for draw in range(draws):
        common = random.standard_normal((length + days, 1))
        own = random.standard_normal((length + days, assets))
        daily = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
        total = np.cumsum(np.vstack([np.zeros((1, assets)), daily]), axis=0)
        window = (total[days:][:length] - total[:-days][:length]) / np.sqrt(days)
        below = window.reshape(years, -1)[:, :, None] < edges
        shares[draw] = below.mean(axis=1)
    missed = np.abs(shares - QUANTILES)
    overall = np.abs(shares.mean(axis=1) - QUANTILES)
    return Luck(
        correlation=correlation,
        spread=shares.std(axis=(0, 1)),
        overall_spread=shares.mean(axis=1).std(axis=0),
        passes_years=float((missed < _YEARLY).all(axis=(1, 2)).mean()),
        passes_overall=float((overall < _OVERALL).all(axis=1).mean()),
    )


def common_correlation(closes: Floats) -> float:
    """Return the mean correlation of daily log returns of assets [assets, days]."""
    table: npt.NDArray[np.float64] = np.corrcoef(np.diff(np.log(closes), axis=1))
    return float(table[np.triu_indices(len(table), 1)].mean())


def interval(judged: Judged, event: int, seed: int, draws: int) -> tuple[Score, Score]:
    """Return the 2.5 % and 97.5 % ends of `score` of the model, from drawing quarters again."""
    days, random = np.unique(judged.day), np.random.default_rng(seed)
    quarter = np.searchsorted(days, judged.day) // _QUARTER_DAYS
    places = [np.flatnonzero(quarter == one) for one in range(int(quarter.max()) + 1)]
    found = []
    for _ in range(draws):
        chosen = [places[one] for one in random.integers(0, len(places), len(places))]
        found.append(score(judged.rows(np.concatenate(chosen)), MODEL, event))
    low, high = np.quantile(np.array(found), [0.025, 0.975], axis=0)
    return Score(*low), Score(*high)
