"""The record and the card in both languages: templates in `texts/`, figures always measured."""

from importlib.resources import files
from string import Template

import msgspec
import numpy as np

from augury.inference.manifest import Localised, Manifest
from augury.training.numbers import Numbers
from augury.training.risk.backtest import MONTH, Record
from augury.training.risk.measures import (
    Tests,
    coverage,
    coverage_by_year,
    exceedances,
    interval,
    pinball,
    score,
)
from augury.training.risk.walk import MODEL, QUANTILES, Judged

_TEXTS = files("augury.training.risk") / "texts"
_PANDEMIC = 2020


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Localised
    description: Localised


def text(name: str) -> str:
    """Return the content of a file in `texts/`."""
    return (_TEXTS / name).read_text(encoding="utf-8")


# By the name of the card.
ABOUT = msgspec.json.decode(text("model.json"), type=dict[str, _About])
_WORDS = msgspec.json.decode(text("words.json"), type=dict[str, dict[str, str]])


def record_text(record: Record, seed: int, language: str) -> str:
    """Return a record as Markdown in one language, from its second heading on."""
    number = Numbers(language)
    judged = record.judged[MONTH]
    calm = judged.rows(judged.years != _PANDEMIC)
    values = {
        "years": f"{record.plan.years.start}–{record.plan.years.stop - 1}",
        "rows": number.whole(len(judged)),
        "score_rows": _score_rows(record, language, number),
        "champion_rows": _champion_rows(record, language),
        "bar_rows": _bar_rows(record, calm, seed, language, number),
        "coverage_rows": _coverage_rows(judged, calm, language, number),
        "unseen_rows": _unseen_rows(record, language, number),
        "test_rows": _test_rows(record, number),
        "mean_forecast": number.decimal(100 * float(judged.mean.mean()), 2),
        "mean_came": number.decimal(100 * float(judged.returns.mean()), 2),
        **_luck(record, number),
        **_hedges(record, number),
    }
    return Template(text(f"record.{language}.md")).substitute(values)


def card(manifest: Manifest, record: Record, seed: int, language: str, name: str) -> str:
    """Return the card of this name as Markdown in one language."""
    values = {
        "title": getattr(manifest.title, language),
        "description": getattr(manifest.description, language),
        "price": str(manifest.price),
        "seed": str(seed),
        "kilobytes": str(round(manifest.artifact.bytes / 1000)),
        "record": record_text(record, seed, language).strip(),
    }
    return Template(text(f"{name}.{language}.md")).substitute(values)


def _score_rows(record: Record, language: str, number: Numbers) -> str:
    rows = []
    for horizon, judged in record.judged.items():
        for name in judged.answers:
            scores = [score(judged, name, event) for event in range(3)]
            told = [f"{number.decimal(s.skill, 4)} / {number.decimal(s.auc, 3)}" for s in scores]
            loss = number.decimal(1e4 * pinball(judged, name), 1)
            rows.append(f"| {horizon} | {_WORDS[name][language]} | {' | '.join(told)} | {loss} |")
    return "\n".join(rows)


def _champion_rows(record: Record, language: str) -> str:
    """Return for each horizon who had the least Brier score of each event, and pinball loss."""
    rows = []
    for horizon, judged in record.judged.items():
        names = list(judged.answers)
        best = [min(names, key=lambda n: score(judged, n, e).brier) for e in range(3)]
        best.append(min(names, key=lambda n: pinball(judged, n)))
        rows.append(f"| {horizon} | {' | '.join(_WORDS[name][language] for name in best)} |")
    return "\n".join(rows)


def _bar_rows(record: Record, calm: Judged, seed: int, language: str, number: Numbers) -> str:
    """Return each bar over 21 days: asked, found, its interval, and found without 2020."""
    judged = record.judged[MONTH]
    rows = []
    for event, skill_bar, auc_bar in ((0, 0.0, None), (1, 0.035, 0.65), (2, 0.06, 0.74)):
        found, without = (score(one, MODEL, event) for one in (judged, calm))
        low, high = interval(judged, event, seed, record.plan.draws // 4)
        name = _WORDS[f"event_{event}"][language]
        for kind, bar in (("skill", skill_bar), ("auc", auc_bar)):
            if bar is None:
                continue
            figures = (getattr(one, kind) for one in (found, low, high, without))
            told = [number.decimal(one, 4 if kind == "skill" else 3) for one in figures]
            asked = number.decimal(bar, 3)
            reached = getattr(found, kind) > bar
            verdict = _WORDS["reached" if reached else "missed"][language]
            rows.append(
                f"| {name}, {_WORDS[kind][language]} | {asked} | {told[0]}"
                f" | {told[1]} … {told[2]} | {told[3]} | {verdict} |"
            )
    return "\n".join(rows)


def _coverage_rows(judged: Judged, calm: Judged, language: str, number: Numbers) -> str:
    found = {str(year): shares for year, shares in coverage_by_year(judged).items()}
    found[_WORDS["all"][language]] = coverage(judged)
    found[_WORDS["calm"][language]] = coverage(calm)
    return _shares(found, number)


def _unseen_rows(record: Record, language: str, number: Numbers) -> str:
    found = {
        f"{_WORDS.get(name, {}).get(language, name)} ({number.whole(len(one))})": coverage(one)
        for name, one in record.unseen.items()
    }
    return _shares(found, number)


def _shares(found: dict[str, np.ndarray], number: Numbers) -> str:
    return "\n".join(
        f"| {name} | {' | '.join(number.percent(float(share)) for share in shares)} |"
        for name, shares in found.items()
    )


def _test_rows(record: Record, number: Numbers) -> str:
    found: dict[int, Tests] = {days: exceedances(one) for days, one in record.judged.items()}
    return "\n".join(
        f"| {days} | {one.windows} | {number.percent(one.exceeded)}"
        f" | {one.kupiec_failed} / {one.assets} | {one.christoffersen_failed} / {one.assets}"
        f" | {number.decimal(one.kupiec_pooled, 3)} |"
        for days, one in found.items()
    )


def _luck(record: Record, number: Numbers) -> dict[str, str]:
    luck = record.luck
    spread = (
        f"{number.percent(float(level))}: {number.decimal(100 * float(year), 1)}"
        f" ({number.decimal(100 * float(overall), 1)})"
        for level, year, overall in zip(QUANTILES, luck.spread, luck.overall_spread, strict=True)
    )
    return {
        "draws": str(record.plan.draws),
        "correlation": number.decimal(luck.correlation, 2),
        "luck_spread": "; ".join(spread),
        "luck_years": number.percent(luck.passes_years),
        "luck_overall": number.percent(luck.passes_overall),
    }


def _hedges(record: Record, number: Numbers) -> dict[str, str]:
    promised, realised = record.hedged
    gap = promised - realised
    return {
        "hedge_promised": number.percent(float(np.median(promised))),
        "hedge_realised": number.percent(float(np.median(realised))),
        "hedge_gap": number.decimal(100 * float(np.median(gap)), 1),
        "hedge_apart": number.decimal(100 * float(np.median(np.abs(gap))), 1),
        "hedge_least": number.percent(float(realised.min())),
        "hedge_most": number.percent(float(realised.max())),
    }
