"""The eleven fields of an application, in the order of the matrix, and all texts about them."""

from importlib.resources import files

import msgspec

from augury.inference.manifest import InputField, Localised, RatioCheck

_TEXTS = files("augury.training.credit") / "texts"


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Localised
    description: Localised


def text(name: str) -> str:
    """Return the content of a file in `texts/`."""
    return (_TEXTS / name).read_text(encoding="utf-8")


# A category is its place in `categories`. The places are ordered from the group that defaults
# least to the one that defaults most in the public data: a tree then separates the safe groups
# from the risky ones with one threshold, which is worth 0.005 of ROC AUC to the forest.
FIELDS = msgspec.json.decode(text("fields.json"), type=list[InputField])
NAMES = [field.name for field in FIELDS]
CATEGORIES = {field.name: field.categories for field in FIELDS if field.categories}
CHECKS = msgspec.json.decode(text("checks.json"), type=list[RatioCheck])
ABOUT = msgspec.json.decode(text("models.json"), type=dict[str, _About])

# Which way a banker expects the average effect to point. The rest has no agreed direction once
# income, rate and share of income are held fixed.
EXPECTED = {
    "person_income": "falls",
    "loan_int_rate": "rises",
    "loan_percent_income": "rises",
    "loan_grade": "rises",
}

UNORDERED = {"person_home_ownership", "loan_intent"}


def place(name: str) -> int:
    """Return the column of a field in the matrix."""
    return NAMES.index(name)
