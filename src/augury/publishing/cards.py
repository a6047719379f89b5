"""The model card in both languages: what is known of the model, and how it is known."""

import math
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.manifest import InputField, Manifest
from augury.publishing.prove import Proven
from augury.publishing.sample import Sample

CARDS = {"en": "card.md", "ru": "card.ru.md"}

# Below it the difference is that of writing a number down.
_LEAST_TOLD = 1e-9
_MEASURES = ("roc_auc", "average_precision", "brier", "log_loss", "expected_calibration_error")
_TEXTS = files("augury.publishing") / "texts"
_WORDS = msgspec.json.decode((_TEXTS / "words.json").read_bytes(), type=dict[str, dict[str, str]])


@dataclass(frozen=True, slots=True)
class Story:
    """What a card tells besides the manifest."""

    library: str
    kind: str
    positive: Any
    data: Sample
    outcomes: npt.NDArray[np.int64] | None
    unseen: bool
    proven: Proven


def card(manifest: Manifest, story: Story, language: str) -> str:
    """Return the card of a model as Markdown in one language."""
    values = {
        "title": getattr(manifest.title, language),
        "description": getattr(manifest.description, language),
        "probability": manifest.outputs.probability,
        "positive": story.positive,
        "decision": _decision(manifest, language),
        "kind": story.kind,
        "library": story.library,
        "runtime": manifest.runtime,
        "way": story.proven.way,
        "kilobytes": round(manifest.artifact.bytes / 1000),
        "tests": len(manifest.self_test.inputs),
        "worst": _at_most(story.proven.worst),
        "sample": story.data.name,
        "sha256": story.data.sha256,
        "rows": len(story.data.frame),
        "base_rate": _base_rate(story, language),
        "metrics": _metrics(manifest, story, language),
        "fields": "\n".join(_field(field, language) for field in manifest.inputs),
    }
    template = (_TEXTS / f"card.{language}.md").read_text(encoding="utf-8")
    return Template(template).substitute(values)


def _word(name: str, language: str, **values: object) -> str:
    return Template(_WORDS[name][language]).substitute(values)


def _decision(manifest: Manifest, language: str) -> str:
    told = manifest.decision
    if told is None:
        return ""
    return _word("decision", language, low=told.approve_below, high=told.decline_from)


def _at_most(worst: float) -> str:
    """Return a bound of one digit, rounded up: it must not be less than what was found."""
    step = 10.0 ** math.floor(math.log10(max(worst, _LEAST_TOLD)))
    return f"{math.ceil(max(worst, _LEAST_TOLD) / step) * step:.0e}"


def _base_rate(story: Story, language: str) -> str:
    if story.outcomes is None:
        return ""
    return _word("base_rate", language, rate=_number(100 * story.outcomes.mean(), 1, language))


def _metrics(manifest: Manifest, story: Story, language: str) -> str:
    if manifest.metrics is None:
        return _word("unmeasured", language)
    how = _word("held_out" if story.unseen else "in_sample", language)
    head = f"| {_word('measure', language)} | {_word('value', language)} |\n|---|---|"
    lines = [
        f"| {_word(name, language)} | {_number(getattr(manifest.metrics, name), 4, language)} |"
        for name in _MEASURES
    ]
    return "\n".join([how, "", head, *lines])


def _field(field: InputField, language: str) -> str:
    values = (
        ", ".join(field.categories)
        if field.categories
        else f"{_limit(field.minimum)} – {_limit(field.maximum)}"
    )
    cells = (
        f"`{field.name}`",
        getattr(field.title, language),
        _word(field.type, language),
        values,
        _word("yes" if field.nullable else "no", language),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _limit(limit: float | None) -> str:
    return "…" if limit is None else f"{limit:g}"


def _number(value: float, digits: int, language: str) -> str:
    written = f"{value:.{digits}f}"
    return written.replace(".", ",") if language == "ru" else written
