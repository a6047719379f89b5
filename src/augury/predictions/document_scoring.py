"""A chunk of a batch whose rows are documents: questions in columns, or as JSON objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from augury.files.answers import Answer
from augury.files.cells import Typing
from augury.files.forms import Form, Mark
from augury.files.rows import open_rows
from augury.inference.documents.protocol import DocumentModel
from augury.predictions.batch_fields import fields_of_documents
from augury.predictions.batch_scoring import Scored, results_of, told


def score_documents(
    path: Path,
    form: Form,
    start: Mark,
    model: DocumentModel,
    *,
    explain: bool,
    language: str,
) -> Scored:
    """Answer the rows of the chunk that begins at a mark and return them as a part of the results.

    A bad row gets the reason instead of outputs. Raises whatever the model raises, `FileUnreadable`
    and OSError; then the chunk can be tried again.
    """
    typing = Typing(form, fields_of_documents(type(model), form))
    writer = results_of(form, model.manifest, explain=explain)
    with open_rows(path, form) as rows:
        chunk = next(rows.chunks(start))
    inputs = [_given(typing.row(row.cells)) for row in chunk.rows if row.fault is None]
    documents, faulty = model.sift(inputs)
    following = iter(model.answers(documents, language))
    place, answers = -1, []
    for row in chunk.rows:
        if row.fault is not None:
            answers.append(Answer(None, told([row.fault], language)))
            continue
        place += 1
        found = faulty[place] if place in faulty else next(following)
        if isinstance(found, list):
            answers.append(Answer(None, told(found, language)))
        else:
            answers.append(Answer(found if form.kind == "jsonl" else _flat(found)))
    succeeded = sum(answer.outputs is not None for answer in answers)
    return Scored(writer.part(chunk, answers), succeeded, len(answers) - succeeded)


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _flat(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output whose lists and objects are JSON, as a cell can hold it."""
    return {
        name: msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value
        for name, value in output.items()
    }
