"""What nobody should open or sell: every attempt ends as a reason, and nothing is left behind."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from augury.inference.manifest import BadModel
from augury.inference.quarantine import Limits, examine
from augury.kit.texts import LANGUAGES
from inference.hostile import FOREIGN, manifest_for
from inference.hostile_graphs import GRAPHS
from support.tiny_models import FIELDS, save_catboost, save_onnx

# Enough for an honest tiny model many times over, on a slow machine too.
LIMITS = Limits(seconds=250, memory_bytes=2**29)
BRIEF = Limits(seconds=4, memory_bytes=2**29)
SUFFIXES = {"onnx": "onnx", "catboost": "cbm", "linear": "json"}


@pytest.fixture(autouse=True)
def _leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test of this file leaves a temporary file, a marker or a child that still runs."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    # Servers that tests of other files share run on meanwhile.
    others = set(psutil.Process().children())
    yield
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "marker").exists()
    assert set(psutil.Process().children()) <= others


def refused(manifest: bytes, artifact: Path, limits: Limits = LIMITS) -> BadModel:
    """Return why the quarantine refuses; the reason can be told in every language."""
    with pytest.raises(BadModel) as caught:
        examine(manifest, artifact, limits)
    for language in LANGUAGES:
        assert caught.value.told(language)
    return caught.value


@pytest.mark.parametrize("runtime", SUFFIXES)
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_named_whatever_it_is_called(
    kind: str, runtime: str, tmp_path: Path
) -> None:
    """Packed, pickled, program, script or another library's model: never opened, and told so."""
    build, key = FOREIGN[kind]
    path = tmp_path / f"model.{SUFFIXES[runtime]}"
    path.write_bytes(build(tmp_path))
    changes: dict[str, Any] = {}
    if kind == "nothing":  # a truthful manifest cannot even be written
        changes["artifact"] = {"file": path.name, "sha256": "0" * 64, "bytes": 1}
        key = "artifact_length"
    error = refused(manifest_for(path, runtime, **changes), path)
    assert error.key == key
    assert path.name in str(error)


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_hostile_graph_is_refused_with_its_reason(kind: str, tmp_path: Path) -> None:
    """Whatever a graph tries, the reason is the one that stands beside it."""
    build, key = GRAPHS[kind]
    path = build(tmp_path / "tiny.onnx")
    limits = BRIEF if key == "quarantine_time" else LIMITS
    assert refused(manifest_for(path, "onnx"), path, limits).key == key


def _cut(path: Path) -> Path:
    save_catboost(path)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def _noise(path: Path) -> Path:
    path.write_bytes(b"CBM1" + (1000).to_bytes(4, "little") + bytes(range(250)) * 4)
    return path


def _endless(path: Path) -> Path:
    """A length of four gigabytes where four kilobytes follow."""
    path.write_bytes(b"CBM1" + b"\xff" * 4096)
    return path


def _deep(path: Path) -> Path:
    path.write_bytes(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    return path


def _huge_numbers(path: Path) -> Path:
    path.write_bytes(b'{"oblivious_trees": [' + b"9" * 100_000 + b"]}")
    return path


def _other_order(path: Path) -> Path:
    return save_catboost(path, numbers_first=True)


def _graph(path: Path) -> Path:
    return save_onnx(path)


def _trees(path: Path) -> Path:
    return save_catboost(path.with_suffix(".cbm")).rename(path)


CATBOOST: dict[str, tuple[Callable[[Path], Path], str, str, str]] = {
    "half a file": (_cut, "catboost", "cbm", "not_catboost"),
    "noise": (_noise, "catboost", "cbm", "not_catboost"),
    # It really does break the library that opens it.
    "an endless length": (_endless, "catboost", "cbm", "quarantine_signal"),
    "trees of other fields": (_other_order, "catboost", "cbm", "catboost_fields"),
    "deep JSON": (_deep, "catboost", "json", "quarantine_load"),
    "huge numbers": (_huge_numbers, "catboost", "json", "not_catboost"),
    "a graph called trees": (_graph, "catboost", "cbm", "file_other_runtime"),
    "trees called a graph": (_trees, "onnx", "onnx", "file_other_runtime"),
    "JSON called a graph": (_deep, "onnx", "onnx", "file_other_runtime"),
    "trees called linear": (_trees, "linear", "json", "file_other_runtime"),
    "deep JSON called linear": (_deep, "linear", "json", "not_linear"),
}


@pytest.mark.parametrize("kind", CATBOOST)
def test_trees_and_json_that_are_none_are_refused(kind: str, tmp_path: Path) -> None:
    """What is cut, made up or called something else is refused by what it is."""
    build, runtime, suffix, key = CATBOOST[kind]
    path = build(tmp_path / f"model.{suffix}")
    assert refused(manifest_for(path, runtime), path).key == key


def _told(path: Path, **changes: Any) -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"file": path.name, "sha256": digest, "bytes": len(content)} | changes


LIES: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "another hash": (lambda path: {"artifact": _told(path, sha256="0" * 64)}, "artifact_differs"),
    "another length": (lambda path: {"artifact": _told(path, bytes=7)}, "artifact_length"),
    "a file elsewhere": (lambda path: {"artifact": _told(path, file="../a.onnx")}, "manifest_file"),
    "another runtime": (lambda _: {"runtime": "catboost"}, "manifest_suffix"),
    "no such runtime": (lambda _: {"runtime": "pickle"}, "runtime_unknown"),
    "one field less": (lambda _: {"inputs": _fields(FIELDS[:-1])}, "manifest_row"),
    "numbers for categories": (
        lambda _: {"inputs": _fields([FIELDS[0], {"name": "home", "type": "number", "example": 1}, *FIELDS[2:]])},
        "manifest_row",
    ),
    "other probabilities": (lambda _: {}, "self_test_off"),
    "an answer of another name": (
        lambda _: {"raw": {"tensor": "log_odds", "column": 0, "scale": "log_odds"}},
        "answer_unknown",
    ),
}  # fmt: skip


def _fields(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = {"en": "x", "ru": "x"}
    return [{"title": text, "description": text} | field for field in fields]


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_caught(lie: str, tmp_path: Path) -> None:
    """The artefact is honest and the manifest is not."""
    path = save_onnx(tmp_path / "tiny.onnx")
    tell, key = LIES[lie]
    assert refused(manifest_for(path, "onnx", **tell(path)), path).key == key


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"manifest_version": 2}',
        b'{"name": "\xff\xfe"}',
        b'{"price": ' + b"9" * 10_000 + b"}",
        b"\x80\x04K\x01.",
        b"null",
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes, tmp_path: Path) -> None:
    """Whatever comes in place of a manifest, nothing is opened."""
    assert refused(manifest, tmp_path / "absent").key == "manifest"


def test_the_reason_of_a_hostile_row_shows_the_row(tmp_path: Path) -> None:
    """Who published the model is shown a row that breaks it, as a customer could send it."""
    path = GRAPHS["no number at an edge"][0](tmp_path / "tiny.onnx")
    error = refused(manifest_for(path, "onnx"), path)
    row = msgspec.json.decode(str(error.values["row"]))
    assert row["amount"] == 1000
    assert set(row) == {field["name"] for field in FIELDS}
