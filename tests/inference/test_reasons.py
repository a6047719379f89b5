"""Reasons in words: which are told, in which order, and how they read in both languages."""

from typing import Any

import msgspec
import numpy as np
import pytest

from augury.inference.explainers.protocol import Contributions
from augury.inference.manifest import Manifest
from augury.inference.reasons import Wording, principal
from support.tiny_models import FIELDS, ROWS, manifest_of

PHRASES: dict[str, dict[str, Any]] = {
    "age": {"unit": {"en": "years", "ru": "лет"}},
    "home": {"category_titles": {"RENT": {"en": "Rented", "ru": "Аренда"}}},
    "amount": {"reason": {"en": "Loan of {value}", "ru": "Сумма кредита {value}"}},
    "default": {"reason": {"en": "Default {code}", "ru": "Дефолт {code}"}},
    "rate": {"reason": {"en": "Takes {percent} of it", "ru": "Берёт {percent}"}},
}


def _manifest() -> Manifest:
    return manifest_of([field | PHRASES[field["name"]] for field in FIELDS])


def told(language: str, **changes: Any) -> dict[str, str]:
    """Return the sentence about each field, all of which raise the risk."""
    wording = Wording(_manifest())
    found = {}
    for place, field in enumerate(FIELDS):
        shares = [float(place == other) for other in range(5)]
        (reason,) = wording.told({**ROWS[0], **changes}, shares, approved=False, language=language)
        assert (reason["feature"], reason["contribution"]) == (field["name"], 1.0)
        assert reason["value"] == {**ROWS[0], **changes}[field["name"]]
        found[field["name"]] = reason["text"]
    return found


def test_english_sentences() -> None:
    """A reason says what is known, where it stands in the input, and which way it works."""
    assert told("en", amount=12345.5, rate=0.45) == {
        "age": "age, years: 30 (age = 30): raises the risk",
        "home": "home: Rented (home = RENT): raises the risk",
        "amount": "Loan of 12,345.5 (amount = 12345.5): raises the risk",
        "default": "Default N (default = N): raises the risk",
        "rate": "Takes 45% of it (rate = 0.45): raises the risk",
    }


def test_russian_sentences() -> None:
    """In Russian numbers have decimal commas and spaces that do not break."""
    assert told("ru", amount=12345.5, rate=0.455) == {
        "age": "age по-русски, лет: 30 (age = 30): повышает риск",
        "home": "home по-русски: Аренда (home = RENT): повышает риск",
        "amount": "Сумма кредита 12\u00a0345,5 (amount = 12345.5): повышает риск",
        "default": "Дефолт N (default = N): повышает риск",
        "rate": "Берёт 45,5\u00a0% (rate = 0.455): повышает риск",
    }


@pytest.mark.parametrize(
    ("language", "rising", "falling"),
    [
        ("en", "age is not given (age = null): raises the risk", "lowers the risk"),
        ("ru", "Поле «age по-русски» не заполнено (age = null): повышает риск", "снижает риск"),
    ],
)
def test_a_missing_value_has_words_of_its_own(language: str, rising: str, falling: str) -> None:
    """Nothing was given, and that is said, whether it was sent as null or left out."""
    assert told(language, age=None)["age"] == rising
    wording = Wording(_manifest())
    (reason,) = wording.told({}, [-1.0, 0, 0, 0, 0], approved=True, language=language)
    assert reason["value"] is None
    assert reason["text"].endswith(falling)


def test_texts_of_a_manifest_are_never_formats() -> None:
    """Braces in a title or a value stay braces: no template reaches into the server's objects."""
    title = {"en": "{value.__class__} {0} {", "ru": "{}"}
    fields = [{**FIELDS[0], "title": title}, {**FIELDS[1], "categories": ["{percent}"]}]
    wording = Wording(manifest_of([{"name": "amount", **FIELDS[2]}, *fields]))
    row = {"amount": 1, "age": 30, "home": "{percent}"}
    reasons = wording.told(row, [0.0, 2.0, 1.0], approved=True, language="en")
    assert reasons[0]["text"].startswith("{value.__class__} {0} {: 30 (age = 30)")
    assert reasons[1]["text"].startswith("home: {percent} (home = {percent})")


def test_the_strongest_come_first() -> None:
    """For who is approved, four reasons of either direction, by the size of the contribution."""
    assert principal([0.2, -0.9, 0.5, -0.1, 0.7], approved=True) == [1, 4, 2, 0]


def test_who_is_not_approved_hears_what_raises_the_risk() -> None:
    """A notice of adverse action lists reasons against, strongest first, and no praise."""
    assert principal([0.2, -0.9, 0.5, -0.1, 0.7, 0.3, 0.25], approved=False) == [4, 2, 5, 6]
    assert principal([0.2, -0.9, 0.0, -0.1], approved=False) == [0]


def test_there_is_a_reason_even_if_nothing_raises_the_risk() -> None:
    """Where the base alone decides against, the strongest are told whichever way they work."""
    assert principal([-0.2, -0.9, 0.001], approved=False) == [1, 0]


def test_next_to_nothing_is_no_reason() -> None:
    """Contributions that change the odds by less than a hundredth are left out."""
    assert principal([0.009, -0.0099, 0.0, 0.01], approved=True) == [3]
    assert principal([0.0] * 5, approved=True) == []


def test_the_explanation_adds_up() -> None:
    """Base and all contributions are told, rounded, and add up to the log-odds beside them."""
    random = np.random.default_rng(2)
    found = Contributions(random.normal(size=3), random.normal(size=(3, 5)), np.zeros(3))
    for told_, log_odds in zip(
        Wording(_manifest()).explanations(found), found.log_odds(), strict=True
    ):
        assert told_["log_odds"] == pytest.approx(log_odds, abs=1e-6)
        assert list(told_["contributions"]) == [field["name"] for field in FIELDS]
        total = told_["base"] + sum(told_["contributions"].values())
        assert total == pytest.approx(told_["log_odds"], abs=1e-5)
        assert told_["error"] == 0
        assert msgspec.json.decode(msgspec.json.encode(told_)) == told_
