"""From numbers to what a customer reads: members, their schema, and sentences in their language."""

from collections.abc import Mapping, Sequence
from math import exp, isnan, sqrt
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.documents.members import titles
from augury.inference.documents.prices import day_told
from augury.inference.documents.risk_measures import LEVELS, Measures
from augury.inference.documents.risk_places import Note, Place
from augury.inference.manifest import Manifest, Metrics
from augury.kit.texts import Texts, texts
from augury.risk.features import FEATURES, MACRO, MARKET
from augury.risk.hedges import Hedge
from augury.risk.series import Floats

_DIGITS = 6
_MONEY_DIGITS = 2
_TRADING_DAYS = 252
# By which member of a hedge it is put in order, for each aim of a customer.
_AIMS: Final = {
    "lowest_cost": "cost",
    "lowest_volatility": "volatility_after",
    "lowest_shortfall": "expected_shortfall_after",
}
_INDEX_SHORT = "index_short"
_OUTSIDE = [*range(len(FEATURES))[MARKET], *range(len(FEATURES))[MACRO]]
# What is smaller moves no figure that is shown.
_LEAST_CONTRIBUTION = 5e-5

_NUMBER: Final = {"type": "number"}
_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_LOSS: Final = {"type": "number", "minimum": 0}
_OBJECT: Final = {"type": "object"}
_LIST: Final = {"type": "array", "items": {"type": "object"}}
OF_ANY: Final[Mapping[str, Mapping[str, Any]]] = {
    "probability_of_decline": _SHARE,
    "probability_of_loss": _SHARE,
    "expected_return": _NUMBER,
    "return_quantiles": {
        "type": "object",
        "properties": {str(level): _NUMBER for level in LEVELS},
        "required": [str(level) for level in LEVELS],
        "additionalProperties": False,
    },
    "volatility": _LOSS,
    "value_at_risk_95": _LOSS,
    "expected_shortfall_95": _LOSS,
    "beta": {"type": ["number", "null"]},
    "max_drawdown": _SHARE,
    "hedges": _LIST,
    "drivers": _LIST,
    "data": _OBJECT,
    "track_record": {"type": ["object", "null"]},
    "warnings": _LIST,
}


def output_schema(members: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of one output with these members, all of them always there."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            name: {**schema, **titles(f"answer.{name}")} for name, schema in members.items()
        },
        "required": [*members],
        "additionalProperties": False,
    }


def outputs(
    places: Sequence[Place], found: Measures, manifest: Manifest, language: str
) -> list[dict[str, Any]]:
    """Return the output of each question, in the members of `OF_ANY`."""
    sentences = texts("risk", language)
    columns = {
        "probability_of_decline": found.declines,
        "probability_of_loss": found.losses,
        "expected_return": found.means,
        "volatility": found.volatilities,
        "value_at_risk_95": found.values_at_risk,
        "expected_shortfall_95": found.shortfalls,
    }
    plain = {name: rounded(values) for name, values in columns.items()}
    quantiles = np.round(found.quantiles, _DIGITS).tolist()
    hedges = hedges_told(found.hedges, (~np.isnan(found.betas)).tolist(), sentences)
    moved = found.drivers.contributions
    record = track_record(manifest.metrics)
    answers = []
    for at, place in enumerate(places):
        told: dict[str, Any] = {name: values[at] for name, values in plain.items()}
        told["return_quantiles"] = dict(zip(map(str, LEVELS), quantiles[at], strict=True))
        beta = found.betas[at]
        told["beta"] = None if isnan(beta) else round(float(beta), _DIGITS)
        told["max_drawdown"] = round(place.worst_drawdown, _DIGITS)
        told["hedges"] = in_order(hedges[at], place.question.objective)
        told["drivers"] = drivers_told(place.features, moved[at], sentences)
        told["data"] = _data(place, compared=not isnan(beta))
        told["track_record"] = record
        told["warnings"] = [
            warning(note, sentences)
            for note in [*place.notes, *_unknown(place, found.unlike[at], beta, sentences)]
        ]
        answers.append({name: told[name] for name in OF_ANY})
    return answers


def rounded(values: Floats) -> list[float]:
    """Return numbers as they are told."""
    told: list[float] = np.round(values, _DIGITS).tolist()
    return told


def hedges_told(
    found: Sequence[Hedge], compared: Sequence[bool], sentences: Texts
) -> list[list[dict[str, Any]]]:
    """Return the hedges of each question; without a benchmark there is none by the index."""
    rows = [(hedge.kind, _words(hedge, sentences), _hedge_rows(hedge)) for hedge in found]
    return [
        [
            {"kind": kind, **words, **of_all[at]}
            for kind, words, of_all in rows
            if with_index or kind != _INDEX_SHORT
        ]
        for at, with_index in enumerate(compared)
    ]


def _words(hedge: Hedge, sentences: Texts) -> dict[str, str]:
    return {
        "title": sentences.text(f"hedge.{hedge.kind}"),
        "assumption": sentences.text(f"{hedge.assumption}.about"),
    }


def _hedge_rows(hedge: Hedge) -> list[dict[str, float]]:
    """Return the figures of a hedge for each question."""
    money = {"size_money": hedge.size_money, "cost": hedge.cost}
    risks = {
        "volatility_before": hedge.before.volatility,
        "volatility_after": hedge.after.volatility,
        "value_at_risk_before": hedge.before.value_at_risk,
        "value_at_risk_after": hedge.after.value_at_risk,
        "expected_shortfall_before": hedge.before.expected_shortfall,
        "expected_shortfall_after": hedge.after.expected_shortfall,
    }
    columns = (
        {"size": rounded(hedge.size_units)}
        | {name: np.round(values, _MONEY_DIGITS).tolist() for name, values in money.items()}
        | {name: rounded(values) for name, values in (risks | dict(hedge.terms)).items()}
    )
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def in_order(hedges: list[dict[str, Any]], aim: str | None) -> list[dict[str, Any]]:
    """Return hedges by a customer's aim, least first; without one, as they are."""
    return hedges if aim is None else sorted(hedges, key=lambda one: float(one[_AIMS[aim]]))


def drivers_told(features: Floats, moved: Floats, sentences: Texts) -> list[dict[str, Any]]:
    """Return what moved the probability of a loss, strongest first."""
    told = []
    for at in np.argsort(-np.abs(moved)).tolist():
        contribution = float(moved[at])
        if abs(contribution) < _LEAST_CONTRIBUTION:
            break
        name, value = FEATURES[at], shown(FEATURES[at], float(features[at]))
        way = "raises" if contribution > 0 else "lowers"
        told.append(
            {
                "feature": name,
                "value": round(value, _DIGITS),
                "contribution": round(contribution, _DIGITS),
                "text": sentences.text(
                    f"driver.{name}.{way}", value=_spelled(name, value, sentences.language)
                ),
            }
        )
    return told


def shown(name: str, value: float) -> float:
    """Return a feature as people speak of it: a year's volatility, or how many times."""
    if name == "volatility_level":
        return exp(value) * sqrt(_TRADING_DAYS)
    return value if name == "recent_return" else exp(value)


def _spelled(name: str, value: float, language: str) -> str:
    spelled = f"{value:.1%}" if name == "volatility_level" else f"{value:.2f}"
    return spelled.replace(".", ",") if language == "ru" else spelled


def _data(place: Place, *, compared: bool) -> dict[str, Any]:
    days = place.series.days
    return {
        "symbol": place.name,
        "from": day_told(days[0]),
        "to": day_told(days[-1]),
        "observations": len(days),
        "as_of": day_told(place.day),
        "benchmark": place.benchmark if compared else None,
        "risk_free_rate": place.rate,
    }


def _unknown(
    place: Place, unlike: npt.NDArray[np.bool_], beta: float, sentences: Texts
) -> list[Note]:
    found = []
    if isnan(beta) and place.returns is not None:
        found.append(Note("no_benchmark", {"symbol": place.benchmark}))
    if np.isnan(place.features[_OUTSIDE]).any():
        names = [FEATURES[at] for at in _OUTSIDE if isnan(place.features[at])]
        found.append(Note("missing_macro", {"names": _named(names, sentences)}))
    if unlike.any():
        names = [name for name, strange in zip(FEATURES, unlike, strict=True) if strange]
        found.append(Note("unlike_training", {"names": _named(names, sentences)}))
    return found


def _named(features: Sequence[str], sentences: Texts) -> str:
    return ", ".join(sentences.text(f"feature.{name}") for name in features)


def warning(note: Note, sentences: Texts) -> dict[str, str]:
    """Return a note as a customer reads it: a code for programs, a sentence for people."""
    return {"code": note.key, "message": sentences.text(f"warning.{note.key}", **note.values)}


def track_record(metrics: Metrics | None) -> dict[str, Any] | None:
    """Return how such forecasts did on what the model had not seen, if the manifest tells."""
    if metrics is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(metrics)
    told.pop("calibration_curve")
    return told
