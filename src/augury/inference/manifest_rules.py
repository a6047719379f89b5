"""What a manifest must promise beyond its types. Pure: it is read, nothing is opened."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from augury.inference.documents import DOCUMENTS
from augury.inference.documents.protocol import DocumentModel
from augury.inference.manifest import (
    BadModel,
    InputField,
    Localised,
    Manifest,
    OutputNames,
    SelfTest,
    Spread,
)
from augury.inference.signature import LARGEST, MOST_ROWS, Signature, fault_of
from augury.kit.errors import InvalidInput

MOST_FIELDS = 500
MOST_CATEGORIES = 10_000
MOST_TOLERANCE = 0.01
# How a file of each runtime may end.
SUFFIXES = {
    "onnx": (".onnx",),
    "catboost": (".cbm", ".json"),
    "linear": (".json",),
    "remote": (".json",),
    **dict.fromkeys(DOCUMENTS, (".json",)),
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OUTPUT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = ("reasons", "explanation")
# The decoder of rows compares names as they are written, and these are written in two ways.
_UNNAMED = frozenset('"\\')
_LONGEST_NAME, _LONGEST_CATEGORY = 64, 200
_LONGEST_WORD, _LONGEST_LINE, _LONGEST_TEXT = 64, 300, 5000
# Shares are written with a few digits.
_SUM_WITHIN = 0.01
_LONGEST_SHOWN = 80


def check(manifest: Manifest) -> None:
    """Raise `BadModel`, naming the place in the JSON, unless the manifest keeps every rule."""
    _check_head(manifest)
    _check_artifact(manifest)
    if manifest.runtime in DOCUMENTS:
        _check_document(manifest, DOCUMENTS[manifest.runtime])
        return
    _check_inputs(manifest.inputs)
    _check_outputs(manifest)
    _check_checks(manifest)
    signature = Signature(manifest)
    _check_self_test(manifest, signature)
    _check_explain(manifest, signature)
    _check_reference(manifest)
    _check_calibration(manifest)


def _check_head(manifest: Manifest) -> None:
    if not _NAME.fullmatch(manifest.name):
        raise BadModel("manifest_name", place="/name", value=_shown(manifest.name))
    _check_localised("/title", manifest.title, _LONGEST_LINE)
    _check_localised("/description", manifest.description, _LONGEST_TEXT)
    _check_text("/task", manifest.task, _LONGEST_WORD)
    if manifest.metrics is not None:
        _check_text("/metrics/method", manifest.metrics.method, _LONGEST_TEXT)
    if manifest.training is not None:
        _check_text("/training/recipe", manifest.training.recipe, _LONGEST_TEXT)


def _check_artifact(manifest: Manifest) -> None:
    artifact, suffixes = manifest.artifact, SUFFIXES.get(manifest.runtime)
    if suffixes is None:
        known = ", ".join(sorted(SUFFIXES))
        raise BadModel("runtime_unknown", runtime=_shown(manifest.runtime), known=known)
    if not _FILE.fullmatch(artifact.file):
        raise BadModel("manifest_file", place="/artifact/file", value=_shown(artifact.file))
    if not artifact.file.endswith(suffixes):
        raise BadModel(
            "manifest_suffix",
            place="/artifact/file",
            value=_shown(artifact.file),
            runtime=manifest.runtime,
            suffixes=", ".join(suffixes),
        )
    if not _SHA256.fullmatch(artifact.sha256):
        raise BadModel("manifest_sha256", place="/artifact/sha256")
    if artifact.bytes < 1:
        raise BadModel("manifest_bytes", place="/artifact/bytes")


def _check_document(manifest: Manifest, family: type[DocumentModel]) -> None:
    """Refuse what a family of documents brings itself, and a self-test that it cannot read."""
    strange = {
        "/inputs": manifest.inputs,
        "/decision": manifest.decision,
        "/checks": manifest.checks,
        "/calibration": manifest.calibration,
        "/explain": manifest.explain,
        "/reference": manifest.reference,
    }
    for place, given in strange.items():
        if given:
            raise BadModel("manifest_strange", place=place, type=manifest.runtime)
    if manifest.outputs != OutputNames(family.probability):
        raise BadModel("manifest_document_output", place="/outputs", name=family.probability)
    _check_test(manifest.self_test)
    try:
        family.read(msgspec.json.encode(manifest.self_test.inputs))
    except InvalidInput as refused:
        place = "/self_test/inputs"
        raise BadModel("manifest_row", place=place, faults=refused.faults) from refused


def _check_inputs(fields: Sequence[InputField]) -> None:
    if not 1 <= len(fields) <= MOST_FIELDS:
        raise BadModel("manifest_fields", place="/inputs", most=MOST_FIELDS)
    for number, field in enumerate(fields):
        _check_field(f"/inputs/{number}", field)
    # As people read them: two ways to write the same letter are one name.
    names = [unicodedata.normalize("NFC", field.name) for field in fields]
    _check_unique("/inputs", names)


def _check_field(place: str, field: InputField) -> None:
    name = field.name
    readable = name.isprintable() and name == name.strip() and _UNNAMED.isdisjoint(name)
    if not 1 <= len(name) <= _LONGEST_NAME or not readable:
        raise BadModel(
            "manifest_field_name", place=f"{place}/name", value=_shown(name), most=_LONGEST_NAME
        )
    _check_localised(f"{place}/title", field.title, _LONGEST_LINE)
    _check_localised(f"{place}/description", field.description, _LONGEST_TEXT)
    _check_localised(f"{place}/unit", field.unit, _LONGEST_WORD)
    _check_localised(f"{place}/reason", field.reason, _LONGEST_LINE)
    if field.type == "category":
        _check_categories(place, field)
    else:
        _check_limits(place, field)
    fault = fault_of(field, {name: field.example}, f"{place}/example")
    if fault is not None:
        raise BadModel("manifest_row", place=f"{place}/example", faults=[fault])


def _check_categories(place: str, field: InputField) -> None:
    categories = field.categories or []
    if not 1 <= len(categories) <= MOST_CATEGORIES:
        raise BadModel("manifest_categories", place=f"{place}/categories", most=MOST_CATEGORIES)
    for number, category in enumerate(categories):
        _check_text(f"{place}/categories/{number}", category, _LONGEST_CATEGORY)
    _check_unique(f"{place}/categories", categories)
    for limit in ("minimum", "maximum"):
        if getattr(field, limit) is not None:
            raise BadModel("manifest_strange", place=f"{place}/{limit}", type=field.type)
    known = set(categories)
    for category, title in (field.category_titles or {}).items():
        there = f"{place}/category_titles"
        if category not in known:
            raise BadModel("manifest_category_unknown", place=there, value=_shown(category))
        _check_localised(there, title, _LONGEST_LINE)


def _check_limits(place: str, field: InputField) -> None:
    for member in ("categories", "category_titles"):
        if getattr(field, member) is not None:
            raise BadModel("manifest_strange", place=f"{place}/{member}", type=field.type)
    for member in ("minimum", "maximum"):
        limit = getattr(field, member)
        if limit is None:
            continue
        _check_number(f"{place}/{member}", limit)
        if field.type == "integer" and limit != int(limit):
            raise BadModel("manifest_whole", place=f"{place}/{member}")
    low, high = field.minimum, field.maximum
    if low is not None and high is not None and low > high:
        raise BadModel("manifest_limits", place=f"{place}/minimum")


def _check_outputs(manifest: Manifest) -> None:
    names = manifest.outputs
    told = {
        "probability": names.probability,
        "complement": names.complement,
        "decision": names.decision,
    }
    given = {member: name for member, name in told.items() if name is not None}
    for member, name in given.items():
        if not _OUTPUT.fullmatch(name) or name in _RESERVED:
            reserved = ", ".join(_RESERVED)
            raise BadModel(
                "manifest_output",
                place=f"/outputs/{member}",
                value=_shown(name),
                reserved=reserved,
            )
    _check_unique("/outputs", list(given.values()))
    if (names.decision is None) != (manifest.decision is None):
        raise BadModel("manifest_decision", place="/outputs/decision")
    decision = manifest.decision
    if decision is not None and not 0 <= decision.approve_below <= decision.decline_from <= 1:
        raise BadModel("manifest_thresholds", place="/decision")


def _check_checks(manifest: Manifest) -> None:
    numeric = {field.name for field in manifest.inputs if field.type != "category"}
    for number, check in enumerate(manifest.checks):
        place = f"/checks/{number}"
        for member in ("field", "numerator", "denominator"):
            name = getattr(check, member)
            if name not in numeric:
                raise BadModel("manifest_no_number", place=f"{place}/{member}", value=_shown(name))
        _check_number(f"{place}/tolerance", check.tolerance)
        _check_localised(f"{place}/message", check.message, _LONGEST_LINE)


def _check_self_test(manifest: Manifest, signature: Signature) -> None:
    _check_test(manifest.self_test)
    _check_rows("/self_test/inputs", manifest.self_test.inputs, signature)


def _check_test(test: SelfTest) -> None:
    if not 0 < test.tolerance <= MOST_TOLERANCE:
        raise BadModel("manifest_tolerance", place="/self_test/tolerance", most=MOST_TOLERANCE)
    if not 1 <= len(test.inputs) <= MOST_ROWS:
        raise BadModel("manifest_rows", place="/self_test/inputs", most=MOST_ROWS)
    if len(test.probabilities) != len(test.inputs):
        raise BadModel("manifest_count", place="/self_test/probabilities")
    _check_shares("/self_test/probabilities", test.probabilities)


def _check_explain(manifest: Manifest, signature: Signature) -> None:
    told = manifest.explain
    if told is not None and told.references:
        _check_rows("/explain/references", told.references, signature)


def _check_rows(place: str, rows: object, signature: Signature) -> None:
    try:
        signature.decode(msgspec.json.encode(rows))
    except InvalidInput as refused:
        raise BadModel("manifest_row", place=place, faults=refused.faults) from refused


def _check_reference(manifest: Manifest) -> None:
    told = manifest.reference
    if told is None:
        return
    if told.rows < 1:
        raise BadModel("manifest_rows_read", place="/reference/rows")
    fields = {field.name: field for field in manifest.inputs}
    for name, spread in told.fields.items():
        if name not in fields:
            raise BadModel("manifest_unknown", place="/reference/fields", value=_shown(name))
        _check_spread(f"/reference/fields/{_shown(name)}", spread, fields[name].categories)
    _check_spread("/reference/score", told.score, None)
    _check_shares("/reference/score/edges", told.score.edges or [])


def _check_spread(place: str, spread: Spread, categories: list[str] | None) -> None:
    if categories is None:
        edges = spread.edges or []
        for number, edge in enumerate(edges):
            _check_number(f"{place}/edges/{number}", edge)
        if spread.edges is None or not all(low < high for low, high in pairwise(edges)):
            raise BadModel("manifest_edges", place=f"{place}/edges")
        needed = len(edges) + 1
    elif spread.edges is not None:
        raise BadModel("manifest_strange", place=f"{place}/edges", type="category")
    else:
        needed = len(categories)
    if len(spread.shares) != needed:
        raise BadModel("manifest_shares", place=f"{place}/shares", needed=needed)
    _check_shares(f"{place}/shares", spread.shares)
    _check_shares(f"{place}/missing", [spread.missing])
    total = math.fsum(spread.shares)
    # Where no value was ever known, there is nothing to share out.
    if abs(total - 1) > _SUM_WITHIN and not (total == 0 and spread.missing == 1):
        raise BadModel("manifest_sum", place=f"{place}/shares", total=f"{total:.6g}")


def _check_calibration(manifest: Manifest) -> None:
    told = manifest.calibration
    if told is None:
        return
    _check_number("/calibration/slope", told.slope)
    _check_number("/calibration/intercept", told.intercept)
    if told.slope <= 0:
        raise BadModel("manifest_slope", place="/calibration/slope")


def _check_number(place: str, value: float) -> None:
    # Compared and not converted: a whole number may have hundreds of digits.
    if not abs(value) <= LARGEST:
        raise BadModel("manifest_not_finite", place=place)


def _check_shares(place: str, values: Iterable[float]) -> None:
    for number, value in enumerate(values):
        if not 0 <= value <= 1:
            raise BadModel("manifest_share", place=f"{place}/{number}")


def _check_unique(place: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadModel("manifest_twice", place=place, value=_shown(name))
        seen.add(name)


def _check_localised(place: str, told: Localised | None, most: int) -> None:
    if told is not None:
        _check_text(f"{place}/en", told.en, most)
        _check_text(f"{place}/ru", told.ru, most)


def _check_text(place: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most or not text.strip() or not all(map(_is_readable, text)):
        raise BadModel("manifest_text", place=place, most=most)


def _is_readable(letter: str) -> bool:
    # Python counts only one of the many spaces as printable.
    return letter.isprintable() or letter == "\n" or unicodedata.category(letter) == "Zs"


def _shown(value: str) -> str:
    """Return a little of a text that may be anything, on one line."""
    return (
        ascii(value)[1:-1][:_LONGEST_SHOWN] if not value.isprintable() else value[:_LONGEST_SHOWN]
    )
