"""Cells become the numbers and categories that were meant, and what is unclear stays text."""

import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augury.files.cells import Field, Typing
from augury.files.faults import ColumnsMissing
from augury.files.forms import Form
from augury.kit.texts import LANGUAGES, texts


def typed(
    cell: object,
    kind: Literal["integer", "number", "category"] = "number",
    delimiter: str = ",",
    categories: frozenset[str] = frozenset(),
) -> Any:
    form = Form(kind="csv", columns=["a"], chunk_rows=1, delimiter=delimiter)
    return Typing(form, [Field("a", kind, categories)]).row([cell])["a"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("30", 30),
        (" +30 ", 30),
        ("-0", 0),
        ("30.0", 30.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("123456789012345678", 123456789012345678.0),
        *[(absent, None) for absent in ("", "  ", "NA", "n/a", "NaN", "null", "None", "#N/A")],
        # All of these are left for the model's signature to refuse.
        *[
            (text, text)
            for text in (
                "inf",
                "1_000",
                "0x10",
                "1,5",
                "1 000",
                "٣",
                "²",
                "1e999",
                "abc",
                "True",
                "--1",
            )
        ],
        ("1" * 500, "1" * 500),
        (3, 3),
        (2.5, 2.5),
        (None, None),
        (True, True),
        (math.nan, None),
        (math.inf, "inf"),
        ([1], "[1]"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_numbers(cell: object, value: object) -> None:
    found = typed(cell)
    assert (found, type(found)) == (value, type(value))
    assert typed(cell, "integer") == value


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12,5", 12.5),
        ("-0,25", -0.25),
        ("12.5", 12.5),
        ("1 234 567,8", 1234567.8),
        ("1\u00a0234", 1234),
        ("1\u202f234,5", 1234.5),
        ("1e-3", 0.001),
        ("1.234,5", "1.234,5"),
        ("1,2,3", "1,2,3"),
        ("12 34", "12 34"),
        ("abc,d", "abc,d"),
        ("", None),
    ],
)
def test_numbers_where_the_comma_is_the_decimal_mark(
    delimiter: str, cell: str, value: object
) -> None:
    assert typed(cell, delimiter=delimiter) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("RENT", "RENT"),
        (" RENT ", "RENT"),
        ("", None),
        ("null", None),
        ("NA", "NA"),
        (1, "1"),
        (1.0, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (math.nan, None),
        (None, None),
    ],
)
def test_categories_are_text_and_may_look_like_a_missing_value(cell: object, value: object) -> None:
    assert typed(cell, "category", categories=frozenset({"NA", "RENT"})) == value


@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**18), 10**18))
def test_any_number_is_read_as_python_writes_it(number: float) -> None:
    assert typed(repr(number)) == float(number)
    assert typed(repr(number).replace(".", ","), delimiter=";") == float(number)


@given(text=st.text(max_size=12))
def test_any_text_is_a_finite_number_or_missing_or_stays(text: str) -> None:
    for delimiter in ",;":
        value = typed(text, delimiter=delimiter)
        assert value is None or value.__class__ is int or isinstance(value, float | str)
        assert not isinstance(value, float) or math.isfinite(value)


def test_fields_are_found_by_their_names_and_other_columns_stay_at_home() -> None:
    form = Form(kind="csv", columns=["", "b", " a ", "extra"], chunk_rows=1)
    typing = Typing(form, [Field("a", "integer"), Field("b", "category")])
    assert typing.row(["0", "x", "7", "secret"]) == {"a": 7, "b": "x"}
    lines = Form(kind="jsonl", columns=["a", "b"], chunk_rows=1)
    typing = Typing(lines, [Field("a", "integer"), Field("b", "category")])
    assert typing.row({"a": "7", "more": 1}) == {"a": 7, "b": None}


def test_all_missing_columns_are_named_with_what_is_near() -> None:
    form = Form(kind="csv", columns=["Age", "incom", "x" * 100, *map(str, range(50))], chunk_rows=1)
    fields = [Field(name, "number") for name in ("age", "income", "zzzz")]
    with pytest.raises(ColumnsMissing) as refusal:
        Typing(form, fields)
    assert refusal.value.values["missing"] == "age, income, zzzz"
    assert len(str(refusal.value.values["columns"])) < 300
    near = [fault.values.get("nearest") for fault in refusal.value.faults]
    assert near == ["Age", "incom", None]
    for language in LANGUAGES:
        sentences = texts("api", language)
        assert "age, income" in sentences.text("refusal.columns_missing", **refusal.value.values)
        assert all(sentences.text(fault.key, **fault.values) for fault in refusal.value.faults)
