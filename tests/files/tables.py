"""Small helpers for tests of tables: a file is written, read, predicted and written again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from augury.files.answers import Answer
from augury.files.cells import Field
from augury.files.faults import FileUnreadable
from augury.files.forms import CHUNK_ROWS, Row
from augury.files.results import results
from augury.files.rows import open_rows, survey
from augury.kit.texts import LANGUAGES, texts

OUTPUTS = [Field("default_probability", "number"), Field("decision", "category")]
ANSWER = Answer({"default_probability": 0.25, "decision": "approve"})


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(content)
    return path


def rows_of(path: Path, chunk_rows: int = CHUNK_ROWS) -> list[Row]:
    """Return all rows, each chunk read alone from its mark, last chunk first."""
    plan = survey(path, chunk_rows)
    chunks = []
    for mark in reversed(plan.marks):
        with open_rows(path, plan.form) as rows:
            chunks.append(next(rows.chunks(mark)))
    found = [row for chunk in reversed(chunks) for row in chunk.rows]
    assert len(found) == plan.rows
    return found


def cells_of(folder: Path, content: bytes) -> list[Any]:
    return [row.cells for row in rows_of(saved(folder, content))]


def refused(path: Path) -> tuple[str, object]:
    """Return the fault for which a file is refused and its line; there are sentences for it."""
    with pytest.raises(FileUnreadable) as refusal:
        survey(path)
    (fault,) = refusal.value.faults
    for language in LANGUAGES:
        assert texts("api", language).text(fault.key, **fault.values)
        assert texts("api", language).text("refusal.file_unreadable", **refusal.value.values)
    return fault.key.removeprefix("fault.file_"), refusal.value.values["line"]


def predicted(
    path: Path, answer: Answer = ANSWER, outputs: Sequence[Field] = OUTPUTS, chunk_rows: int = 2
) -> bytes:
    """Return the results of a file in which every good row gets the same answer."""
    plan = survey(path, chunk_rows)
    written = results(plan.form, outputs)
    parts = []
    for mark in plan.marks:
        with open_rows(path, plan.form) as rows:
            chunk = next(rows.chunks(mark))
        bad = Answer(None, "bad")
        parts.append(written.part(chunk, [bad if row.fault else answer for row in chunk.rows]))
    return b"".join(written.joined(iter(parts)))
