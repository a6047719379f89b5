"""What is told of a file before it is bought is what its batch finds later."""

from pathlib import Path
from typing import Any

import pytest

from augury.files.rows import survey
from augury.inference.manifest import Manifest, read_manifest
from augury.inference.model import Model
from augury.predictions import batch_checks
from augury.predictions.batch_checks import check
from augury.predictions.batch_scoring import score
from augury.settings import Settings
from support.files import FORMATS, MODEL, NUMBER, applicants, read, written

FOLDER: Path = Settings.model_fields["models_dir"].default / MODEL


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """The manifest of a shipped model."""
    return read_manifest((FOLDER / "manifest.json").read_bytes())


def rows(count: int, bad: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return applicants, some with a grade nobody knows and the last one with a wrong age, too."""
    found = applicants(count, bad)
    found[-1] |= {"person_age": 400}
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_the_faults_are_those_that_the_batch_finds(
    tmp_path: Path, manifest: Manifest, kind: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(written(kind, rows(12, (2, 7))))
    plan = survey(path, chunk_rows=5)
    told = check(path, plan, manifest, "en")
    model = Model(manifest, FOLDER / manifest.artifact.file, 1)
    parts = [
        score(path, plan.form, mark, model, explain=False, language="en") for mark in plan.marks
    ]
    assert sum(part.failed for part in parts) == told.bad == 3
    assert told.checked == 12
    first = {"csv": 2, "jsonl": 1, "parquet": 1}[kind]
    assert [line - first for line, _ in told.faults] == [2, 7, 11]
    errors = (
        [row["error"] for part in parts for row in read("jsonl", part.part)]
        if (kind == "jsonl")
        else None
    )
    if errors is not None:
        assert [text for _, text in told.faults] == [error for error in errors if error]
    assert "loan_grade" in told.faults[0][1]
    assert "person_age" in told.faults[2][1]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_first_rows_are_shown_as_they_were_read(
    tmp_path: Path, manifest: Manifest, kind: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(written(kind, applicants(30)))
    shown = check(path, survey(path), manifest, "en").first_rows
    assert [row[NUMBER] for row in shown] == ["0", "1", "2", "3", "4"]
    assert shown[0]["loan_grade"] == "A"


def test_a_line_that_cannot_be_read_is_a_fault_with_its_number(
    tmp_path: Path, manifest: Manifest
) -> None:
    path = tmp_path / "file"
    path.write_bytes(written("csv", applicants(4)) + b"broken,row\n")
    told = check(path, survey(path), manifest, "en")
    assert [line for line, _ in told.faults] == [6]


def test_a_file_without_its_columns_is_still_shown(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a,b\n1,2\n")
    told = check(path, survey(path), manifest, "en")
    assert (told.first_rows, told.bad, told.faults) == ([{"a": "1", "b": "2"}], 0, [])


def test_a_look_ends_where_more_would_help_nobody(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_checks, "MOST_BAD", 6)
    path = tmp_path / "file"
    path.write_bytes(written("csv", applicants(40, tuple(range(40)))))
    told = check(path, survey(path, chunk_rows=4), manifest, "en")
    assert (told.checked, told.bad) == (8, 8)
    monkeypatch.setattr(batch_checks, "MOST_BAD", 1000)
    monkeypatch.setattr(batch_checks, "MOST_CHECKED", 10)
    told = check(path, survey(path, chunk_rows=4), manifest, "en")
    assert (told.checked, told.bad) == (12, 12)
    monkeypatch.setattr(batch_checks, "MOST_CHECKED", 40)
    assert len(check(path, survey(path, chunk_rows=4), manifest, "en").faults) == 20


def test_long_cells_are_cut_for_showing(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a,b\n" + b"x" * 500 + b",2\n")
    (row,) = check(path, survey(path), manifest, "en").first_rows
    assert row["a"] == "x" * 100
