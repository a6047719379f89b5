"""The rules of the house that no linter knows, read from the source itself."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.kit.texts import LANGUAGES, texts

ROOT = Path(__file__).parents[1]
SOURCES = sorted(ROOT.glob("src/augury/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))
# The peers live in an environment of their own, and contradict ours.
OURS = [lock for lock in LOCKS if "peers" not in lock.name]
MOST_LINES_IN_A_FUNCTION = 70
MOST_LINES_IN_A_FILE = 400
# A migration is a record of what was done to a database: it is never shortened afterwards.
MIGRATIONS = ROOT / "src/augury/migrations/versions"
# Sentences for people stand in the catalogues; these two doors lead to a person.
TALKING_ROOMS = ("api", "ui")
LARGEST_COMMITTED_BYTES = 10 * 1024 * 1024


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def walk(paths: list[Path]) -> Iterator[tuple[Path, ast.AST]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


def tracked() -> list[Path]:
    """Return the files that are committed, or about to be."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_only_the_database_module_commits() -> None:
    found = [
        where(path, node)
        for path, node in walk(SOURCES)
        if isinstance(node, ast.Attribute)
        and node.attr in {"commit", "begin_nested", "autocommit"}
        and path != ROOT / "src/augury/kit/db.py"
    ]
    assert found == []


def test_imports_stand_at_the_top() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    found = [
        where(path, below)
        for path, node in walk(SOURCES)
        if isinstance(node, functions)
        for below in ast.walk(node)
        if isinstance(below, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_functions_are_short() -> None:
    found = [
        f"{where(path, node)} {node.name}"
        for path, node in walk([*SOURCES, *TESTS])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_LINES_IN_A_FUNCTION
        and MIGRATIONS not in path.parents
    ]
    assert found == []


def test_files_are_short() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in [*SOURCES, *TESTS]
        if len(path.read_text().splitlines()) > MOST_LINES_IN_A_FILE
    ]
    assert found == []


def test_nothing_prints_past_the_log() -> None:
    # Commands speak through typer, servers through the log.
    found = [
        where(path, node)
        for path, node in walk(SOURCES)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert found == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    mark = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*SOURCES, *TESTS]
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if mark.search(line)
    ]
    assert found == []


def test_every_refusal_has_its_sentence_in_every_language() -> None:
    codes = [
        value
        for path, node in walk(SOURCES)
        if isinstance(node, ast.ClassDef)
        for value in _class_codes(node)
    ]
    assert "insufficient_credits" in codes
    for language in LANGUAGES:
        known = texts("api", language).keys
        assert [c for c in codes if not {f"title.{c}", f"refusal.{c}"} <= known] == [], language


def _class_codes(node: ast.ClassDef) -> list[str]:
    """Return the code of a refusal class, which has `code` and `status` as plain values."""
    values = {
        target.id: statement.value.value
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    return [str(values["code"])] if {"code", "status"} <= set(values) else []


def test_every_key_of_a_text_in_the_code_is_in_every_catalogue() -> None:
    form = re.compile(r"(?:fault|refusal|title)\.[a-z_]+")
    asked = {
        node.value
        for path, node in walk(SOURCES)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and form.fullmatch(node.value)
        and "ui" not in path.parts
    }
    for language in LANGUAGES:
        assert sorted(asked - texts("api", language).keys) == [], language


def test_catalogues_of_both_languages_have_the_same_keys() -> None:
    for domain in ("api", "ui"):
        english, russian = (texts(domain, language).keys for language in ("en", "ru"))
        assert sorted(english ^ russian) == [], domain


def test_rooms_that_talk_to_people_hold_no_sentences() -> None:
    """A sentence is text with a capital, spaces and a full stop that is no docstring.

    Descriptions of OpenAPI are for programmers and stay beside what they describe.
    """
    sentence = re.compile(r"[A-ZА-ЯЁ][^\n]* [^\n]* [^\n]*[.!?]")
    found = [
        f"{where(path, node)} {text!r}"
        for room in TALKING_ROOMS
        for path in sorted(ROOT.glob(f"src/augury/{room}/**/*.py"))
        for node, text in _texts_for_people(ast.parse(path.read_text()))
        if sentence.fullmatch(text)
    ]
    assert found == []


def _texts_for_people(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # docstrings
            skipped.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg in {"description", "summary"}:
            skipped.update(ast.walk(node.value))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {"description", "summary"}:
                    skipped.update(ast.walk(value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node, node.value


def test_no_path_of_a_machine_is_committed() -> None:
    home = re.compile(r"(?<![\w.:/])/(?:home|Users|root|work|workspace|mnt|srv)/\w")
    assert _lines_with(home, [path for path in tracked() if path.suffix != ".svg"]) == []


def test_lock_files_name_no_host() -> None:
    assert (len(LOCKS), len(OURS)) == (4, 3)
    assert _lines_with(re.compile(r"://|--(?:extra-)?index|--find-links|@ file"), LOCKS) == []


def test_every_locked_package_has_hashes() -> None:
    for lock in LOCKS:
        joined = lock.read_text().replace("\\\n", "")
        lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
        assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_all_locks_agree_on_every_version() -> None:
    pin = re.compile(r"^([A-Za-z0-9_.\-\[\]]+==\S+)", re.MULTILINE)
    pins = {lock.stem: set(pin.findall(lock.read_text())) for lock in OURS}
    tests, image, service = (pins[f"requirements{kind}"] for kind in ("-dev", "-image", ""))
    assert sorted(image - tests) == []
    assert sorted(service - image) == []


def _lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # an artefact or a picture
        found += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(lines, 1)
            if pattern.search(line) and path != Path(__file__)
        ]
    return found


def test_neither_data_nor_pickles_nor_databases_are_committed() -> None:
    refused = {".csv", ".parquet", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".db", ".sqlite"}
    found = [path for path in tracked() if path.suffix in refused]
    found += [path for path in tracked() if path.name in {"uv.lock", "pylock.toml"}]
    assert [str(path.relative_to(ROOT)) for path in found] == []


def test_the_shipped_artefacts_are_small() -> None:
    shipped = [path for path in tracked() if ROOT / "models" in path.parents]
    artefacts = [path for path in shipped if path.suffix in {".onnx", ".cbm"}]
    assert artefacts
    assert sum(path.stat().st_size for path in artefacts) <= LARGEST_COMMITTED_BYTES


def test_imports_point_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [linter, "--no-cache", "--config", ROOT / ".importlinter"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_ignored_lint_says_why() -> None:
    bare = re.compile(r"#\s*noqa(?::\s*[A-Z0-9, ]+)?\s*$|#\s*type:\s*ignore\s*$")
    assert _lines_with(bare, SOURCES) == []
