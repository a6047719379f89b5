"""The rules of a manifest: each broken one is refused with its place in the JSON."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from augury.inference import manifest_rules
from augury.inference.manifest import BadModel, Manifest, read_manifest
from augury.kit.texts import LANGUAGES
from support.tiny_models import ROWS, manifest_of

SHIPPED = sorted((Path(__file__).parents[2] / "models").glob("*/manifest.json"))
TEXT = {"en": "x", "ru": "х"}
HOME, AMOUNT = 1, 2
SCORE = {"shares": [0.5, 0.5], "edges": [0.3]}


def good() -> dict[str, Any]:
    """Return a manifest as JSON that uses whatever a manifest can have."""
    manifest = manifest_of(
        artifact={"file": "tiny.onnx", "sha256": "0" * 64, "bytes": 1},
        self_test={"tolerance": 1e-6, "inputs": ROWS, "probabilities": [0.1, 0, 1, 0.5]},
        checks=[
            {"kind": "ratio", "field": "rate", "numerator": "amount", "denominator": "age",
             "tolerance": 0.1, "message": TEXT},
        ],
        calibration={"slope": 0.5, "intercept": -1},
        explain={"price": 0, "references": ROWS[:2]},
        reference={
            "rows": 10,
            "fields": {
                "age": {"shares": [0.2, 0.3, 0.5], "edges": [20, 30], "missing": 0.1},
                "home": {"shares": [0.2, 0.3, 0.5]},
                "rate": {"shares": [0], "edges": [], "missing": 1},
            },
            "score": SCORE,
        },
    )  # fmt: skip
    told: dict[str, Any] = msgspec.to_builtins(manifest)
    told["inputs"][HOME]["category_titles"] = {"OWN": TEXT}
    return told


def checked(told: dict[str, Any]) -> None:
    manifest_rules.check(msgspec.convert(told, Manifest))


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good manifest with one place changed; what stands under `...` is removed."""
    told = good()
    *way, last = [int(part) if part.isdigit() else part for part in path.strip("/").split("/")]
    place: Any = told
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return told


def test_the_good_manifest_is_good() -> None:
    """What every case below changes in one place passes as it is."""
    checked(good())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_what_ships_keeps_the_rules(path: Path) -> None:
    """The shipped manifests are examples to follow."""
    manifest_rules.check(read_manifest(path.read_bytes()))


NAN_LIKE = 10**400
# The place that is changed, what to, the key of the reason, and the place that it names when it
# is another.
BROKEN: list[tuple[str, Any, str, str | None]] = [
    ("/name", "", "manifest_name", None),
    ("/name", "Credit", "manifest_name", None),
    ("/name", "-a", "manifest_name", None),
    ("/name", "a" * 65, "manifest_name", None),
    ("/name", "a\n", "manifest_name", None),
    ("/name", "../a", "manifest_name", None),
    ("/title", {"en": "", "ru": "x"}, "manifest_text", "/title/en"),
    ("/title", {"en": "x", "ru": " \n"}, "manifest_text", "/title/ru"),
    ("/title", {"en": "x" * 301, "ru": "x"}, "manifest_text", "/title/en"),
    ("/description", {"en": "a\x00b", "ru": "x"}, "manifest_text", "/description/en"),
    ("/description", {"en": "a\u202eb", "ru": "x"}, "manifest_text", "/description/en"),
    ("/task", "", "manifest_text", None),
    ("/artifact/file", "", "manifest_file", None),
    ("/artifact/file", "a/b.onnx", "manifest_file", None),
    ("/artifact/file", "..\\b.onnx", "manifest_file", None),
    ("/artifact/file", ".onnx", "manifest_file", None),
    ("/artifact/file", "a\x00.onnx", "manifest_file", None),
    ("/artifact/file", "a" * 100 + ".onnx", "manifest_file", None),
    ("/artifact/file", "a.pkl", "manifest_suffix", None),
    ("/artifact/file", "a.ONNX", "manifest_suffix", None),
    ("/artifact/sha256", "0" * 63, "manifest_sha256", None),
    ("/artifact/sha256", "G" * 64, "manifest_sha256", None),
    ("/artifact/bytes", 0, "manifest_bytes", None),
    ("/artifact/bytes", -5, "manifest_bytes", None),
    ("/inputs", [], "manifest_fields", None),
    ("/inputs/1/name", "age", "manifest_twice", "/inputs"),
    ("/inputs/1/name", "", "manifest_field_name", None),
    ("/inputs/1/name", "x" * 65, "manifest_field_name", None),
    ("/inputs/1/name", "a\tb", "manifest_field_name", None),
    ("/inputs/1/name", 'quo"te', "manifest_field_name", None),
    ("/inputs/1/name", "back\\slash", "manifest_field_name", None),
    ("/inputs/1/name", " home", "manifest_field_name", None),
    ("/inputs/1/name", "\u200b", "manifest_field_name", None),
    ("/inputs/0/unit", {"en": "", "ru": ""}, "manifest_text", "/inputs/0/unit/en"),
    ("/inputs/0/reason", {"en": "x", "ru": "x" * 301}, "manifest_text", "/inputs/0/reason/ru"),
    ("/inputs/0/minimum", 101, "manifest_limits", None),
    ("/inputs/0/minimum", 18.5, "manifest_whole", None),
    ("/inputs/2/maximum", NAN_LIKE, "manifest_not_finite", None),
    ("/inputs/2/maximum", 1e39, "manifest_not_finite", None),
    ("/inputs/2/maximum", float("inf"), "manifest_not_finite", None),
    ("/inputs/2/minimum", float("nan"), "manifest_not_finite", None),
    ("/inputs/0/categories", ["a"], "manifest_strange", None),
    ("/inputs/0/category_titles", {"a": TEXT}, "manifest_strange", None),
    ("/inputs/1/minimum", 1, "manifest_strange", None),
    ("/inputs/1/categories", None, "manifest_categories", None),
    ("/inputs/1/categories", [], "manifest_categories", None),
    ("/inputs/1/categories", [str(number) for number in range(10_001)], "manifest_categories", None),
    ("/inputs/1/categories", ["RENT", "OWN", "RENT"], "manifest_twice", None),
    ("/inputs/1/categories", ["RENT", ""], "manifest_text", "/inputs/1/categories/1"),
    ("/inputs/1/category_titles", {"TENT": TEXT}, "manifest_category_unknown", None),
    ("/inputs/1/category_titles", {"OWN": {"en": "", "ru": "x"}}, "manifest_text", "/inputs/1/category_titles/en"),
    ("/inputs/1/example", "TENT", "manifest_row", None),
    ("/inputs/1/example", 3, "manifest_row", None),
    ("/inputs/0/example", 17, "manifest_row", None),
    ("/inputs/0/example", 30.5, "manifest_row", None),
    ("/inputs/0/example", "30", "manifest_row", None),
    ("/inputs/2/example", NAN_LIKE, "manifest_row", None),
    ("/outputs/probability", "reasons", "manifest_output", None),
    ("/outputs/complement", "explanation", "manifest_output", None),
    ("/outputs/probability", "", "manifest_output", None),
    ("/outputs/complement", "default_probability", "manifest_twice", "/outputs"),
    ("/outputs/decision", None, "manifest_decision", None),
    ("/decision", None, "manifest_decision", "/outputs/decision"),
    ("/decision/approve_below", 0.7, "manifest_thresholds", "/decision"),
    ("/decision/decline_from", 1.1, "manifest_thresholds", "/decision"),
    ("/decision/approve_below", -0.1, "manifest_thresholds", "/decision"),
    ("/decision/approve_below", float("nan"), "manifest_thresholds", "/decision"),
    ("/checks/0/field", "nobody", "manifest_no_number", None),
    ("/checks/0/numerator", "home", "manifest_no_number", None),
    ("/checks/0/tolerance", float("inf"), "manifest_not_finite", None),
    ("/checks/0/message", {"en": "", "ru": ""}, "manifest_text", "/checks/0/message/en"),
    ("/self_test/tolerance", 0, "manifest_tolerance", None),
    ("/self_test/tolerance", 0.02, "manifest_tolerance", None),
    ("/self_test/tolerance", float("nan"), "manifest_tolerance", None),
    ("/self_test/inputs", [], "manifest_rows", None),
    ("/self_test/inputs", ROWS * 251, "manifest_rows", None),
    ("/self_test/inputs", [*ROWS[:3], {}], "manifest_row", None),
    ("/self_test/probabilities", [0.5], "manifest_count", None),
    ("/self_test/probabilities", [0.5, 0.5, 0.5, 1.5], "manifest_share", "/self_test/probabilities/3"),
    ("/self_test/probabilities", [0.5, float("nan"), 0, 0], "manifest_share", "/self_test/probabilities/1"),
    ("/explain/references", [{**ROWS[0], "age": 5}], "manifest_row", None),
    ("/reference/rows", 0, "manifest_rows_read", None),
    ("/reference/fields/nobody", SCORE, "manifest_unknown", "/reference/fields"),
    ("/reference/fields/age/edges", [30, 20], "manifest_edges", None),
    ("/reference/fields/age/edges", [20, 20], "manifest_edges", None),
    ("/reference/fields/age/edges", None, "manifest_edges", None),
    ("/reference/fields/age/edges", [20, 1e40], "manifest_not_finite", "/reference/fields/age/edges/1"),
    ("/reference/fields/age/shares", [0.5, 0.5], "manifest_shares", None),
    ("/reference/fields/age/shares", [0.5, 0.5, 0.5], "manifest_sum", None),
    ("/reference/fields/age/shares", [1.5, -0.5, 0], "manifest_share", "/reference/fields/age/shares/0"),
    ("/reference/fields/age/missing", 1.5, "manifest_share", "/reference/fields/age/missing/0"),
    ("/reference/fields/home/edges", [1, 2], "manifest_strange", None),
    ("/reference/fields/home/shares", [0.5, 0.5], "manifest_shares", None),
    ("/reference/fields/rate/missing", 0.5, "manifest_sum", "/reference/fields/rate/shares"),
    ("/reference/score", {"shares": [0.5, 0.5], "edges": [2]}, "manifest_share", "/reference/score/edges/0"),
    ("/calibration/slope", 0, "manifest_slope", None),
    ("/calibration/slope", -1, "manifest_slope", None),
    ("/calibration/slope", float("inf"), "manifest_not_finite", None),
    ("/calibration/intercept", float("nan"), "manifest_not_finite", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "key", "named"),
    BROKEN,
    ids=[f"{number}-{case[2]}" for number, case in enumerate(BROKEN)],
)
def test_a_broken_rule_is_named_with_its_place(
    path: str, value: Any, key: str, named: str | None
) -> None:
    """One place is changed, and the reason names the rule and that place, in both languages."""
    with pytest.raises(BadModel) as refused:
        checked(changed(path, value))
    assert refused.value.key == key
    assert refused.value.values["place"] == (named or path)
    for language in LANGUAGES:
        assert (named or path) in refused.value.told(language)
        assert len(refused.value.told(language)) < 1500


def test_a_runtime_that_nobody_knows_is_named() -> None:
    """The runtimes that there are stand in the reason."""
    with pytest.raises(BadModel, match="catboost, linear, onnx, portfolio, remote, risk"):
        checked(changed("/runtime", "sklearn"))


def test_a_faulty_row_is_told_in_the_reader_s_language() -> None:
    """Faults of a row are sentences, each with the pointer to the value."""
    with pytest.raises(BadModel) as refused:
        checked(changed("/inputs/0/example", 17))
    assert "from 18 to 100" in refused.value.told("en")
    assert "от 18 до 100" in refused.value.told("ru")


def test_five_hundred_fields_are_taken_and_one_more_is_not() -> None:
    """The number of fields has a limit."""
    fields = [{**good()["inputs"][AMOUNT], "name": f"field {number}"} for number in range(501)]
    row = {field["name"]: 10 for field in fields[:500]}
    told = good() | {
        "inputs": fields[:500],
        "checks": [],
        "self_test": {"tolerance": 0.01, "inputs": [row], "probabilities": [0.5]},
        "explain": None,
        "reference": None,
    }
    checked(told)
    with pytest.raises(BadModel, match="500"):
        checked(told | {"inputs": fields})


@pytest.mark.parametrize(
    "name",
    ["sepal length (cm)", "class", "возраст", "__x", "f0", "1", "a.b", "a/b~c", "it's", "None", "x" * 64, "名前", "e\u0301"],
)  # fmt: skip
def test_a_field_may_have_any_readable_name(name: str) -> None:
    """Names are for people and files of data, not for Python."""
    told = good() | {"checks": [], "explain": None, "reference": None}
    told["inputs"][AMOUNT]["name"] = name
    rows = [{name if key == "amount" else key: value for key, value in row.items()} for row in ROWS]
    told["self_test"]["inputs"] = rows
    checked(told)


def test_what_may_be_left_out_may_be_left_out() -> None:
    """A manifest without decision, checks, calibration, reasons, reference, metrics is whole."""
    told = good()
    for name in (
        "decision",
        "checks",
        "calibration",
        "explain",
        "reference",
        "metrics",
        "training",
    ):
        del told[name]
    told["outputs"] = {"probability": "probability"}
    checked(told)
