"""The signature: which rows a model takes, and what is said about those it does not."""

import json
import math
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augury.inference.signature import Signature
from augury.kit.errors import InvalidInput
from augury.registry.schemas import input_schema
from support.tiny_models import FIELDS, MATRIX, ROWS, manifest_of

# The fields of the tiny model, and one of each kind that is missing there.
_FIELDS = [
    *FIELDS,
    {"name": "plan", "type": "category", "categories": ["a b", "ё", ""], "example": "ё"},
    {"name": "count", "type": "integer", "example": 1},
]
MANIFEST = manifest_of(_FIELDS)
SIGNATURE = Signature(MANIFEST)
GOOD: dict[str, Any] = {**ROWS[0], "plan": "", "count": 3}


def faults_of(inputs: bytes, signature: Signature = SIGNATURE) -> list[tuple[str, str]]:
    """Return pointer and key of every fault."""
    with pytest.raises(InvalidInput) as refused:
        signature.decode(inputs)
    return [(fault.pointer, fault.key) for fault in refused.value.faults]


def test_rows_become_a_matrix() -> None:
    """Numbers stay, categories become their places, missing values become NaN, in float32."""
    matrix = Signature(manifest_of()).decode(json.dumps(ROWS).encode())
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, MATRIX)


def test_the_order_of_members_does_not_matter() -> None:
    """A row means the same however its sender sorts it."""
    shuffled = dict(sorted(GOOD.items(), reverse=True))
    np.testing.assert_array_equal(
        SIGNATURE.decode(json.dumps([shuffled]).encode()),
        SIGNATURE.decode(json.dumps([GOOD]).encode()),
    )


@pytest.mark.parametrize(
    ("field", "written", "key"),
    [
        ("age", '"30"', "fault.integer"),
        ("age", "true", "fault.integer"),
        ("age", "30.5", "fault.integer"),
        ("age", "30.00000001", "fault.integer"),
        ("age", "[30]", "fault.integer"),
        ("age", "{}", "fault.integer"),
        ("age", "17", "fault.range"),
        ("age", "101", "fault.range"),
        ("age", "-1", "fault.range"),
        ("age", "1e999", "fault.not_finite"),
        ("age", "1" * 400, "fault.not_finite"),
        ("home", '"TENT"', "fault.category"),
        ("home", '"rent"', "fault.category"),
        ("home", '"RENT\\u0000"', "fault.category"),
        ("home", '"\\ud800"', "fault.category"),
        ("home", "1", "fault.category"),
        ("home", "false", "fault.category"),
        ("home", "[]", "fault.category"),
        ("home", "null", "fault.null"),
        ("amount", "0.999", "fault.range"),
        ("amount", "1000.0001", "fault.range"),
        ("amount", '"10"', "fault.number"),
        ("amount", "true", "fault.number"),
        ("amount", "null", "fault.null"),
        ("amount", "-1e999", "fault.not_finite"),
        ("amount", "NaN", "fault.not_finite"),
        ("amount", "Infinity", "fault.not_finite"),
        ("rate", "-0.0001", "fault.range"),
        ("rate", "NaN", "fault.not_finite"),
        ("plan", '"A B"', "fault.category"),
        ("plan", "0", "fault.category"),
        ("count", "0.1", "fault.integer"),
        ("count", "16777217.5", "fault.integer"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(field: str, written: str, key: str) -> None:
    """Each wrong value is one fault, at the field, in the words that tell what to do."""
    row = {**GOOD, field: "HERE"}
    inputs = json.dumps([GOOD, row]).replace('"HERE"', written).encode()
    assert faults_of(inputs) == [(f"/inputs/1/{field}", key)]


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("age", "18"), ("age", "100"), ("age", "30.0"), ("age", "3e1"), ("age", "null"),
        ("amount", "1"), ("amount", "1000"), ("amount", "1E3"), ("amount", "999.99999"),
        ("rate", "0"), ("rate", "-0"), ("rate", "-0.0"), ("rate", "1e30"), ("rate", "null"),
        ("plan", '""'), ("plan", '"a b"'), ("plan", '"\\u0451"'),
        ("count", "-5"), ("count", "123456789012"),
    ],
)  # fmt: skip
def test_a_value_at_the_border_is_taken(field: str, written: str) -> None:
    """Limits belong to the range, whole numbers may be written with a point, null where allowed."""
    inputs = json.dumps([{**GOOD, field: "HERE"}]).replace('"HERE"', written).encode()
    value = SIGNATURE.decode(inputs)[0, list(GOOD).index(field)]
    assert value.dtype == np.float32


@pytest.mark.parametrize("written", ["1e39", "1e300", "1" * 60])
@pytest.mark.parametrize("field", ["rate", "count"])
def test_a_number_that_the_matrix_cannot_hold_is_refused(field: str, written: str) -> None:
    """A finite number beyond float32 would reach the model as an infinity, so it is refused."""
    inputs = json.dumps([{**GOOD, field: "HERE"}]).replace('"HERE"', written).encode()
    ((pointer, _),) = faults_of(inputs)
    assert pointer == f"/inputs/0/{field}"


@pytest.mark.parametrize("absent", ["home", "amount", "default", "plan", "count"])
def test_an_absent_field_is_missing(absent: str) -> None:
    """A required field that is not there is told from one that is null."""
    row = {name: value for name, value in GOOD.items() if name != absent}
    assert faults_of(json.dumps([row]).encode()) == [(f"/inputs/0/{absent}", "fault.missing")]


@pytest.mark.parametrize(
    ("inputs", "fault"),
    [
        (b"", ("/inputs", "fault.not_json")),
        (b"[", ("/inputs", "fault.not_json")),
        (b"\xff\xfe", ("/inputs", "fault.not_json")),
        (b"[" * 100_000, ("/inputs", "fault.not_json")),
        (b"[" * 100_000 + b"]" * 100_000, ("/inputs", "fault.not_json")),
        (b"null", ("/inputs", "fault.rows")),
        (b"{}", ("/inputs", "fault.rows")),
        (b'"rows"', ("/inputs", "fault.rows")),
        (b"[]", ("/inputs", "fault.rows")),
        (b"[1]", ("/inputs/0", "fault.not_object")),
        (b"[[]]", ("/inputs/0", "fault.not_object")),
        (b"[null]", ("/inputs/0", "fault.not_object")),
        (b"[" + b"1" * 5000 + b"]", ("/inputs", "fault.not_json")),
    ],
)
def test_what_are_no_rows(inputs: bytes, fault: tuple[str, str]) -> None:
    """Anything but a list of objects is told so, whatever its size and depth."""
    assert faults_of(inputs) == [fault]


def test_the_number_of_rows_is_limited() -> None:
    """A thousand rows are taken, one more is not."""
    assert SIGNATURE.decode(json.dumps([GOOD] * 1000).encode()).shape == (1000, 7)
    assert faults_of(json.dumps([GOOD] * 1001).encode()) == [("/inputs", "fault.rows")]


def test_all_faults_of_all_rows_are_listed() -> None:
    """Several faults in several rows are all named, in the order of the rows."""
    rows: list[Any] = [
        {**GOOD, "age": 5, "home": "TENT", "pet": "cat"},
        GOOD,
        {name: value for name, value in GOOD.items() if name != "amount"},
        7,
    ]
    assert faults_of(json.dumps(rows).encode()) == [
        ("/inputs/0/pet", "fault.unknown_field"),
        ("/inputs/0/age", "fault.range"),
        ("/inputs/0/home", "fault.category"),
        ("/inputs/2/amount", "fault.missing"),
        ("/inputs/3", "fault.not_object"),
    ]


def test_the_list_of_faults_is_bounded() -> None:
    """A thousand rows that are all wrong give a hundred faults, not seven thousand."""
    found = faults_of(json.dumps([{}] * 1000).encode())
    assert len(found) == 100
    assert found[0] == ("/inputs/0/home", "fault.missing")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("sepal length (cm)", "sepal length (cm)"),
        ("class", "class"),
        ("возраст", "возраст"),
        ("__x", "__x"),
        ("f1", "f1"),
        ("0", "0"),
        ("a/b~c", "a~1b~0c"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_field_may_have_a_name_that_is_no_identifier(name: str, part: str) -> None:
    """Rows are decoded by the name that people gave, fast and slowly, and faults point at it."""
    fields = [{**FIELDS[0], "name": name}, {**FIELDS[2], "name": "f0"}]
    signature = Signature(manifest_of(fields))
    rows = [{"f0": 10, name: 30}, {"f0": 20, name: None}, {"f0": 30}]
    expected = np.array([[30, 10], [np.nan, 20], [np.nan, 30]], np.float32)
    np.testing.assert_array_equal(signature.decode(json.dumps(rows).encode()), expected)
    slow = json.dumps(rows).replace('{"f0"', '{"f0": "", "f0"', 1).encode()
    np.testing.assert_array_equal(signature.decode(slow), expected)
    wrong = json.dumps([{"f0": 10, name: 17}]).encode()
    assert faults_of(wrong, signature) == [(f"/inputs/0/{part}", "fault.range")]


@pytest.mark.parametrize(
    ("name", "pointer"),
    [("a/b~c", "/inputs/0/a~1b~0c"), ("", "/inputs/0/"), ("ё", "/inputs/0/ё")],
)
def test_pointers_escape_names(name: str, pointer: str) -> None:
    """The pointer to an unknown field is a JSON pointer, whatever the field is called."""
    assert faults_of(json.dumps([{**GOOD, name: 1}]).encode()) == [(pointer, "fault.unknown_field")]


def test_what_is_shown_of_a_value_is_short() -> None:
    """A fault repeats a little of a long value and not all of it."""
    with pytest.raises(InvalidInput) as refused:
        SIGNATURE.decode(json.dumps([{**GOOD, "home": "x" * 5000, "y" * 5000: 1}]).encode())
    for fault in refused.value.faults:
        assert len(fault.pointer) < 200
        assert all(len(str(value)) < 200 for value in fault.values.values())


_numbers = st.one_of(
    st.integers(-5, 120),
    st.sampled_from(
        [
            0.5,
            1e30,
            17.999999,
            18.0000001,
            30.0000001,
            100.00000001,
            1000.0000001,
            2**53,
            2**63,
            2**64,
            10**30,
        ]
    ),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(0.9, 1000.1),
)
_junk = st.one_of(
    st.none(), st.booleans(), _numbers, st.text(max_size=5), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def _values(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    good = st.sampled_from(field["categories"]) if "categories" in field else _numbers
    return st.one_of(good, good, good, st.none(), _junk)


_rows = st.fixed_dictionaries(
    {}, optional={field["name"]: _values(field) for field in _FIELDS} | {"pet": _junk}
)
# Mostly good rows with a little wrong, so that both answers are common.
_nearly = st.builds(lambda changes: {**GOOD, **changes}, st.one_of(_rows, st.just({})))
_CHECK = jsonschema.Draft202012Validator(
    {"type": "array", "minItems": 1, "maxItems": 1000, "items": input_schema(MANIFEST)}
)


@settings(max_examples=400)
@given(rows=st.lists(st.one_of(_rows, _nearly, _nearly), max_size=3))
@example(rows=[GOOD])
@example(rows=[{**GOOD, "age": 30.0000001}])
def test_the_signature_takes_what_the_published_schema_takes(rows: list[dict[str, Any]]) -> None:
    """`decode` and an independent validator of the published JSON Schema agree on every input."""
    inputs = json.dumps(rows).encode()
    allowed = _CHECK.is_valid(rows)
    if allowed:
        assert SIGNATURE.decode(inputs).shape == (len(rows), len(_FIELDS))
    else:
        with pytest.raises(InvalidInput) as refused:
            SIGNATURE.decode(inputs)
        assert refused.value.faults


@settings(max_examples=200)
@given(rows=st.lists(_nearly, min_size=1, max_size=3))
def test_the_fast_way_and_the_slow_way_agree(rows: list[dict[str, Any]]) -> None:
    """Whether a fault elsewhere sends the input the slow way changes nothing about a good row."""
    fast = _verdict(json.dumps(rows).encode())
    # An equal member that comes twice, the first time wrong, is more than the fast way takes.
    slow = _verdict(json.dumps(rows).replace('{"', '{"home": 0, "', 1).encode())
    if fast is None or slow is None:
        assert fast is slow
    else:
        np.testing.assert_array_equal(fast, slow)


def _verdict(inputs: bytes) -> Any:
    try:
        return SIGNATURE.decode(inputs)
    except InvalidInput:
        return None


def test_a_soft_check_warns_about_its_rows() -> None:
    """A ratio that does not fit is pointed at, row by row; a missing part is no contradiction."""
    message = {"en": "odd", "ru": "странно"}
    check = {
        "kind": "ratio",
        "field": "rate",
        "numerator": "amount",
        "denominator": "age",
        "tolerance": 0.02,
        "message": message,
    }
    signature = Signature(manifest_of(checks=[check]))
    rows = [
        {**ROWS[0], "age": 20, "amount": 10, "rate": 0.5},
        {**ROWS[0], "age": 20, "amount": 10, "rate": 0.7},
        {**ROWS[0], "age": None, "amount": 10, "rate": 0.7},
        {**ROWS[0], "age": 20, "amount": 10, "rate": None},
    ]
    found = signature.inconsistencies(signature.decode(json.dumps(rows).encode()))
    assert [one.pointer for one in found] == ["/inputs/1/rate"]
    assert found[0].check.message.ru == "странно"
    assert math.isclose(found[0].check.tolerance, 0.02)
