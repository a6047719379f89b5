"""A form says what the model's own description says."""

from typing import Any

from augury.ui.parts.fields import Choice, field_titles, read_fields
from augury.ui.reader import Reader

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["age", "income", "home", "years"],
    "examples": [{"age": 41}],
    "properties": {
        "age": {
            "type": "integer",
            "title": "Age",
            "x-title": {"en": "Age", "ru": "Возраст"},
            "x-unit": {"en": "years", "ru": "лет"},
            "minimum": 18,
            "maximum": 120,
            "examples": [30],
        },
        "income": {"type": "number", "title": "Income", "unit": "USD", "exclusiveMinimum": 0},
        "home": {
            "type": "string",
            "enum": ["RENT", "OWN", "OTHER"],
            "x-enum-titles": {"RENT": "Rented", "OWN": {"en": "Owned", "ru": "Своё"}},
            "examples": ["OWN"],
        },
        "years": {"type": ["number", "null"], "description": "In this job"},
        "has_car": {"type": "boolean"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "maxLength": 80},
        "prices": {"type": "array", "items": {"type": "number"}},
    },
}


def read(language: str = "en") -> dict[str, Any]:
    """Return the schema's fields by name."""
    return {field.name: field for field in read_fields(SCHEMA, Reader(language))}


def test_kinds_follow_types_and_what_no_widget_can_hold_is_left_out() -> None:
    kinds = {name: field.kind for name, field in read().items()}
    assert kinds == {
        "age": "integer",
        "income": "number",
        "home": "choice",
        "years": "number",
        "has_car": "flag",
        "note": "text",
    }


def test_titles_and_units_are_the_readers() -> None:
    english, russian = read("en")["age"], read("ru")["age"]
    assert (english.title, english.unit) == ("Age", "years")
    assert (russian.title, russian.unit) == ("Возраст", "лет")
    assert field_titles(SCHEMA, Reader("ru"))["income"] == "Income"


def test_values_of_an_enumeration_have_titles_or_stand_for_themselves() -> None:
    assert read("en")["home"].choices == (
        Choice("RENT", "Rented"),
        Choice("OWN", "Owned"),
        Choice("OTHER", "OTHER"),
    )
    assert read("ru")["home"].choices[1] == Choice("OWN", "Своё")


def test_bounds_nullability_and_examples_are_kept() -> None:
    fields = read()
    assert (fields["age"].minimum, fields["age"].maximum) == (18, 120)
    assert fields["income"].minimum == 0
    assert fields["years"].nullable
    assert fields["years"].required
    assert fields["note"].nullable
    assert not fields["note"].required
    # A whole example row beats a single field's example.
    assert (fields["age"].example, fields["home"].example) == (41, "OWN")


def test_a_schema_of_the_whole_list_is_read_by_its_row() -> None:
    fields = read_fields({"type": "array", "items": SCHEMA}, Reader("en"))
    assert fields[0].name == "age"
