"""Reasons: which contributions are worth telling, and in which words."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from augury.inference.explainers.protocol import Contributions
from augury.inference.manifest import InputField, Manifest
from augury.kit.texts import LANGUAGES, Texts, texts

MOST_REASONS = 4
_DIGITS = 6
# A contribution that changes the odds by less than one in a hundred is no reason for anything.
_LEAST = 0.01
_NO_BREAK = "\u00a0"

Row = Mapping[str, Any]


class Wording:
    """Tells the reasons of one model version."""

    def __init__(self, manifest: Manifest) -> None:
        """Prepare the sentences about every field in every language."""
        self._names = [field.name for field in manifest.inputs]
        self._sentences = {
            language: [_Sentences(field, texts("reasons", language)) for field in manifest.inputs]
            for language in LANGUAGES
        }

    def told(
        self, inputs: Row, contributions: list[float], *, approved: bool, language: str
    ) -> list[dict[str, Any]]:
        """Return at most four reasons for the output of one row, strongest first."""
        sentences = self._sentences[language]
        return [
            {
                "feature": self._names[place],
                "value": (value := inputs.get(self._names[place])),
                "contribution": contributions[place],
                "text": sentences[place].told(value, raises=contributions[place] > 0),
            }
            for place in principal(contributions, approved=approved)
        ]

    def explanations(self, found: Contributions) -> list[dict[str, Any]]:
        """Return for each row all contributions; with the base they add up to the log-odds."""
        columns = (found.log_odds(), found.base, found.fields, found.error)
        return [
            {
                "log_odds": log_odds,
                "base": base,
                "contributions": dict(zip(self._names, shares, strict=True)),
                "error": error,
            }
            for log_odds, base, shares, error in zip(
                *(np.round(column, _DIGITS).tolist() for column in columns), strict=True
            )
        ]


class _Sentences:
    """What can be said of one field in one language; only its value is still open."""

    def __init__(self, field: InputField, words: Texts) -> None:
        title, unit, phrase = (
            told and getattr(told, words.language)
            for told in (field.title, field.unit, field.reason)
        )
        if phrase is None:
            key = "value.plain" if unit is None else "value.with_unit"
            phrase = words.text(key, title=title, unit=unit, value="{value}")
        self._known, self._missing = (
            [words.text(f"reason.{kind}{way}", known=phrase, title=title, field=field.name)
             for way in ("lowers", "raises")]
            for kind in ("", "missing_")
        )  # fmt: skip
        self._titles = {
            code: getattr(told, words.language)
            for code, told in (field.category_titles or {}).items()
        }
        self._percent = words.text("value.percent", number="{number}")
        self._language = words.language

    def told(self, value: float | str | None, *, raises: bool) -> str:
        """Return the sentence about a value."""
        if value is None:
            return self._missing[raises]
        sentence = self._known[raises]
        if isinstance(value, str):
            shown = self._titles.get(value, value)
            code = percent = value
        else:
            shown, code = _number(value, self._language), f"{value:.15g}"
            percent = shown
            if "{percent}" in sentence:
                number = _number(round(100 * value, 1), self._language)
                percent = self._percent.replace("{number}", number)
        # Replaced, not formatted: a phrase is from a manifest, and formats reach into objects.
        for name, text in (("{value}", shown), ("{percent}", percent), ("{code}", code)):
            sentence = sentence.replace(name, text)
        return sentence


def principal(contributions: list[float], *, approved: bool) -> list[int]:
    """Return the places of at most four contributions worth telling, strongest first.

    Who was not approved is owed the reasons against approval, and no praise among them.
    """
    worth = [place for place, share in enumerate(contributions) if abs(share) >= _LEAST]
    if not approved:
        worth = [place for place in worth if contributions[place] > 0] or worth
    return sorted(worth, key=lambda place: -abs(contributions[place]))[:MOST_REASONS]


def _number(value: float, language: str) -> str:
    """Return a number as people write it: 50,000.5 or 50 000,5."""
    written = f"{value:,.6f}".rstrip("0").rstrip(".")
    if language != "ru":
        return written
    return written.replace(",", _NO_BREAK).replace(".", ",")
