"""The whole training of investment risk, on a slice of the real data, and what it must never do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augury.inference.manifest import Manifest, read_manifest
from augury.risk.exceedances import kupiec
from augury.risk.features import surroundings
from augury.risk.forecast import read
from augury.risk.returns import simple
from augury.risk.series import Indicator, Series
from augury.training.risk import backtest, baselines, data, fit, hedging, measures, pipeline
from augury.training.risk import panel as panels
from augury.training.risk.walk import EVENTS, MODEL, QUANTILES, beside, first_day, walk

PLAN = backtest.Plan(years=range(2008, 2010), draws=20, parts=2)
FIRST, LAST = first_day(2000), first_day(2010)
SHARES = ("AAPL", "JPM", "KO", "XOM")


def part(series: Series) -> Series:
    of = (series.days >= FIRST) & (series.days < LAST)
    return Series(series.days[of], series.closes[of])


@pytest.fixture(scope="module")
def few() -> data.Data:
    """Return four shares of ten years."""
    whole = data.load()
    shares = {name: part(whole.shares[name]) for name in SHARES}
    unseen = {name: part(whole.unseen[name]) for name in ("SP500", "WTI")}
    return replace(whole, shares=shares, index=part(whole.index), unseen=unseen)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Return what the training says."""
    return []


@pytest.fixture(scope="module")
def trained(
    few: data.Data, lines: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Manifest]:
    """Return the folder and the manifest of one small training."""
    out = tmp_path_factory.mktemp("first")
    manifest, _ = pipeline.train(out, plan=PLAN, say=lines.append, data=few)
    return out / manifest.name, manifest


def lessons(few: data.Data) -> panels.Panel:
    around = surroundings(few.index, few.aaa, few.baa)
    shares = list(few.shares.values())
    return panels.joined([panels.panel(shares, around), *backtest.uploads(shares, around)])


def test_a_training_writes_a_whole_folder(trained: tuple[Path, Manifest], lines: list[str]) -> None:
    """Artefact, manifest, cards and pictures; every step is counted and no draft is left."""
    folder, manifest = trained
    files = {"forecast.json", "manifest.json", "card.md", "card.ru.md"}
    assert {path.name for path in folder.iterdir()} == files | {
        "reliability.svg",
        "coverage.svg",
        "hedges.svg",
    }
    assert {path.name for path in folder.parent.iterdir()} == {
        "investment-risk",
        "investment-portfolio",
    }
    assert read_manifest((folder / "manifest.json").read_bytes()) == manifest
    assert (manifest.runtime, manifest.task, manifest.price) == ("risk", "investment-risk", 100)
    assert "$" not in (folder / "card.md").read_text() + (folder / "card.ru.md").read_text()
    assert lines[-1].startswith(f"[{len(lines)}/{len(lines)}]")
    read((folder / "forecast.json").read_bytes())


def test_training_twice_gives_the_same_bytes(
    few: data.Data, trained: tuple[Path, Manifest], tmp_path: Path
) -> None:
    pipeline.train(tmp_path, plan=PLAN, say=lambda _: None, data=few)
    again = tmp_path / trained[1].name
    files = sorted(path.name for path in trained[0].iterdir())
    differing = [n for n in files if (trained[0] / n).read_bytes() != (again / n).read_bytes()]
    assert differing == []


def test_a_backtest_writes_tables_and_pictures(few: data.Data, tmp_path: Path) -> None:
    plan = backtest.Plan(years=range(2008, 2009), draws=4, parts=2)
    pipeline.write_backtest(tmp_path, plan=plan, say=lambda _: None, data=few)
    assert {path.name for path in tmp_path.iterdir()} == {
        "backtest.md",
        "backtest.ru.md",
        "reliability.svg",
        "coverage.svg",
        "hedges.svg",
    }
    assert "| 2008 |" in (tmp_path / "backtest.md").read_text()


def test_nothing_after_a_years_first_day_is_learned(few: data.Data) -> None:
    """Every price, benchmark and yield from 2008 on is scrambled: the model of 2008 is the same."""
    known_by = first_day(2008)

    def scrambled(series: Series) -> Series:
        after = np.where(series.days >= known_by, series.closes[::-1] * 3, series.closes)
        return Series(series.days, after)

    def other(one: Indicator) -> Indicator:
        return Indicator(one.known, np.where(one.known >= known_by, 9.9, one.values))

    changed = replace(
        few,
        shares={name: scrambled(one) for name, one in few.shares.items()},
        index=scrambled(few.index),
        aaa=other(few.aaa),
        baa=other(few.baa),
    )
    honest, peeking = (fit.encoded(fit.learn(lessons(one), known_by)) for one in (few, changed))
    assert honest == peeking
    later = (fit.encoded(fit.learn(lessons(one), first_day(2009))) for one in (few, changed))
    assert len(set(later)) == 2


def test_a_table_has_the_quantiles_of_what_was_left_over(few: data.Data) -> None:
    """In the years it learned from, the middle half and the middle nine tenths are what they say."""
    rows = panels.panel(list(few.shares.values()), surroundings(few.index, few.aaa, few.baa))
    model = read(fit.encoded(fit.learn(rows, LAST)))
    full = rows.rows(np.isfinite(rows.returns[:, 1]) & (rows.features[:, 6] >= 504))
    forecast = model.forecast(full.features, 21)
    below = simple(full.returns[:, 1])[:, None] < forecast.quantiles(QUANTILES)
    # Halves alone would be off: the table is moved to a mean of 0 after it was made.
    shares = below.mean(axis=0)
    assert shares[3] - shares[1] == pytest.approx(0.5, abs=0.02)
    assert shares[4] - shares[0] == pytest.approx(0.9, abs=0.02)


def test_baselines_are_what_they_are_called(few: data.Data) -> None:
    asset = few.shares["KO"]
    at = np.array([100, 700, 1500])
    chances, quantiles = baselines.historical(asset, 21, at, EVENTS, QUANTILES)
    assert np.isnan(chances[0]).all()
    past = asset.closes[1500 - 482 : 1501] / asset.closes[1500 - 503 : 1501 - 21] - 1
    assert chances[2] == pytest.approx([(past < limit).mean() for limit in EVENTS])
    assert quantiles[2] == pytest.approx(np.quantile(past, QUANTILES))
    chance, quantile = baselines.normal(np.array([0.1]), EVENTS, QUANTILES)
    assert chance[0, 0] == pytest.approx(0.5)
    assert quantile[0, 0] == pytest.approx(np.expm1(-0.1 * 1.6448536))


def test_climatology_knows_only_what_was_over_before_the_year(few: data.Data) -> None:
    rows = panels.panel(list(few.shares.values()), surroundings(few.index, few.aaa, few.baa))
    model = read(fit.encoded(fit.learn(lessons(few), first_day(2008))))
    judged = beside(walk({2008: model}, rows, 21), list(few.shares.values()), rows)
    known = rows.returns[rows.matures[:, 1] < first_day(2008), 1]
    expected = [(simple(known) < limit).mean() for limit in EVENTS]
    assert judged.answers["climatology"].chances[0] == pytest.approx(expected)
    scored = measures.score(judged, "climatology", 1)
    assert scored.skill == 0
    assert measures.coverage(judged).shape == (5,)
    tests = measures.exceedances(judged)
    below = judged.returns < judged.answers[MODEL].quantiles[:, 0]
    assert tests.windows == len(np.unique(judged.day)[::21])
    assert tests.exceeded == pytest.approx(below.mean(), abs=0.1)
    assert kupiec(np.zeros(tests.windows, bool)).p_value < 1


def test_a_perfect_hedge_keeps_its_promise() -> None:
    """Of an asset that is twice its index, all volatility is promised to go, and goes."""
    random = np.random.default_rng(5)
    moves = random.standard_normal(900) * 0.01
    index = 100 * np.cumprod(1 + moves)
    noise = np.cumprod(1 + random.standard_normal(900) * 0.01)
    places = np.arange(hedging.FIRST_PLACE, 850)
    found = hedging.hedge_record(
        np.array([index, noise], np.float64), index.astype(np.float64), places, 21
    )
    assert found.promised[0] > 0.99
    assert found.realised[0] > 0.99
    assert abs(found.promised[1]) < 0.1
    assert found.realised[1] < 0.1


def test_chance_alone_moves_the_coverage_of_a_year_by_several_points() -> None:
    """What an oracle shows: independent assets hardly vary, and those that move together do."""
    apart = measures.luck(0.0, 20, 21, 4, 7, 20)
    together = measures.luck(0.6, 20, 21, 4, 7, 20)
    assert apart.spread[2] < 0.06 < together.spread[2]
    assert together.passes_years == 0
