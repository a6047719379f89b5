"""The model cards in both languages: templates in `texts/`, figures always measured ones."""

import math
from dataclasses import dataclass
from string import Template

import msgspec
import numpy as np

from augury.inference.manifest import Decision, InputField, Manifest, Metrics
from augury.training.calibration import Floats
from augury.training.credit.dataset import Dataset, Target
from augury.training.credit.fields import NAMES, place, text
from augury.training.effects import Effect
from augury.training.metrics import Group, group
from augury.training.numbers import Numbers

LANGUAGES = {"en": "card.md", "ru": "card.ru.md"}

# Where a band of ages begins; the last one is open.
_AGES = [18, 23, 26, 30, 40, 50]
_WORDS = msgspec.json.decode(text("words.json"), type=dict[str, dict[str, str]])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a card reports besides the manifest: out-of-fold chances, effects, parity."""

    dataset: Dataset
    chance: Floats
    effects: list[Effect]
    parity: float
    monotone: bool
    seed: int


def card(manifest: Manifest, evidence: Evidence, language: str) -> str:
    """Return the card of a model as Markdown in one language."""
    data, metrics, decision = evidence.dataset, _metrics(manifest), _decision(manifest)
    number = Numbers(language)
    values = {
        "title": getattr(manifest.title, language),
        "description": getattr(manifest.description, language),
        "made": text(f"{manifest.name}.{language}.md").strip(),
        "rows_read": number.whole(data.rows_read),
        "rows_used": number.whole(len(data.target)),
        "duplicates": number.whole(data.duplicates),
        "impossible": number.whole(data.impossible),
        **_seen(data, number),
        "base_rate": number.percent(float(data.target.mean())),
        "seed": str(evidence.seed),
        "price": str(manifest.price),
        **_reasons(manifest, language),
        "kilobytes": number.whole(round(manifest.artifact.bytes / 1000)),
        "roc_auc": number.decimal(metrics.roc_auc, 4),
        "average_precision": number.decimal(metrics.average_precision, 4),
        "brier": number.decimal(metrics.brier, 4),
        "log_loss": number.decimal(metrics.log_loss, 4),
        "ece": number.decimal(metrics.expected_calibration_error, 4),
        "parity": f"{max(evidence.parity, 1e-9):.0e}",
        "approve_below": number.decimal(decision.approve_below, 2),
        "decline_from": number.decimal(decision.decline_from, 2),
        "calibration_rows": "\n".join(
            f"| {n} | {number.percent(part.predicted)} | {number.percent(part.observed)}"
            f" | {number.whole(part.rows)} |"
            for n, part in enumerate(metrics.calibration_curve, 1)
        ),
        "effect_rows": "\n".join(
            _effect_row(effect, language, number) for effect in evidence.effects
        ),
        "decision_rows": _decision_rows(manifest, evidence, language, number),
        "age_rows": _age_rows(manifest, evidence, language, number),
        "monotone": _WORDS["held" if evidence.monotone else "free"][language],
        "field_rows": "\n".join(_field_row(field, language) for field in manifest.inputs),
    }
    return Template(text(f"card.{language}.md")).substitute(values)


def _seen(data: Dataset, number: Numbers) -> dict[str, str]:
    """Return what the cleaned rows hold: shares of missing values and ranges."""
    columns = {name: data.matrix[:, place(name)] for name in NAMES}
    missing = {
        f"missing_{name}": number.percent(float(np.isnan(columns[name]).mean()))
        for name in ("loan_int_rate", "person_emp_length")
    }
    ranges = {
        f"range_{name}": " – ".join(
            number.whole(int(edge)) for edge in (np.nanmin(columns[name]), np.nanmax(columns[name]))
        )
        for name in ("person_age", "person_income", "loan_amnt")
    }
    income = columns["person_income"]
    known, whole = ~np.isnan(income), income % 1000 == 0
    incomes = {
        "round_income_defaulted": number.percent(float(data.target[known & whole].mean())),
        "odd_income_defaulted": number.percent(float(data.target[known & ~whole].mean())),
    }
    return missing | ranges | incomes


def _reasons(manifest: Manifest, language: str) -> dict[str, str]:
    """Return what an explained row costs, and how its reasons are found."""
    told = manifest.explain
    if told is None:
        message = f"{manifest.name} has no reasons on sale"
        raise ValueError(message)
    how = "by_points" if told.points else "by_references" if told.references else "by_leaves"
    return {
        "explained_price": str(manifest.price + told.price),
        "reasons": _WORDS[how][language],
    }


def _effect_row(effect: Effect, language: str, number: Numbers) -> str:
    title = getattr(effect.field.title, language)
    word = _WORDS[effect.direction][language]
    points = "–" if effect.direction == "unordered" else number.decimal(100 * effect.change, 1)
    low, high = (number.percent(float(end)) for end in (effect.average.min(), effect.average.max()))
    return f"| {title} (`{effect.field.name}`) | {word} | {points} | {low} – {high} |"


def _decision_rows(manifest: Manifest, evidence: Evidence, language: str, number: Numbers) -> str:
    low, high = _decision(manifest).approve_below, _decision(manifest).decline_from
    chance, target = evidence.chance, evidence.dataset.target
    kinds = {
        "approve": chance < low,
        "review": (chance >= low) & (chance < high),
        "decline": chance >= high,
    }
    rows = []
    for kind, chosen in kinds.items():
        rate = float(target[chosen].mean()) if chosen.any() else math.nan
        share = number.percent(float(chosen.mean()))
        rows.append(f"| {_WORDS[kind][language]} | {share} | {number.percent(rate)} |")
    return "\n".join(rows)


def _age_rows(manifest: Manifest, evidence: Evidence, language: str, number: Numbers) -> str:
    return "\n".join(
        f"| {found.name} | {number.whole(found.rows)} | "
        + " | ".join(
            number.percent(share)
            for share in (
                found.observed,
                found.predicted,
                found.approved,
                found.declined,
                found.repaid_declined,
                found.defaulted_approved,
            )
        )
        + " |"
        for found in _ages(manifest, evidence.chance, evidence.dataset, language)
    )


def _ages(manifest: Manifest, chance: Floats, data: Dataset, language: str) -> list[Group]:
    age = data.matrix[:, place("person_age")]
    target: Target = data.target
    found = []
    for low, high in zip(_AGES, [*_AGES[1:], None], strict=True):
        chosen = (age >= low) & (age < (high or math.inf))
        name = f"{low}–{high - 1}" if high else f"{low}+"
        found.append((name, chosen))
    found.append((_WORDS["everyone"][language], np.ones(len(age), bool)))
    below, start = _decision(manifest).approve_below, _decision(manifest).decline_from
    return [
        group(name, chance[chosen], target[chosen], below, start)
        for name, chosen in found
        if chosen.any()
    ]


def _field_row(field: InputField, language: str) -> str:
    title, description = (
        getattr(field.title, language),
        getattr(field.description, language),
    )
    values = (
        ", ".join(field.categories)
        if field.categories
        else f"{field.minimum:g} – {field.maximum:.0f}"
    )
    return f"| `{field.name}` | {title} | {description} | {values} |"


def _metrics(manifest: Manifest) -> Metrics:
    assert manifest.metrics is not None  # noqa: S101 -- the recipes measure every model
    return manifest.metrics


def _decision(manifest: Manifest) -> Decision:
    assert manifest.decision is not None  # noqa: S101 -- the recipes decide for every model
    return manifest.decision
