"""The work of a batch: from one chunk of its file to one part of its results, without any money."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from augury.files.answers import Answer, Answers, Picked
from augury.files.cells import Field, Typing
from augury.files.forms import Form, Mark, Row
from augury.files.results import Results, results
from augury.files.rows import open_rows
from augury.files.tables import Table, table_at
from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import DECISIONS, Manifest
from augury.inference.model import Predictor, Probabilities, Question
from augury.inference.signature import Matrix
from augury.kit.errors import Fault
from augury.kit.texts import texts
from augury.predictions.batch_fields import columns_for, outputs_of_documents

MOST_REASONS = 4
# What a model keeps in between may be a hundred times as wide as its rows, and what is wrong with a
# row takes a hundred times its memory.
_PREDICTED_AT_ONCE = 10_000
_JUDGED_AT_ONCE = 2_000


class Scored(NamedTuple):
    """What came of a chunk: a part of the results file, and for how many rows there is a result."""

    part: bytes
    succeeded: int
    failed: int


def results_of(form: Form, manifest: Manifest, *, explain: bool) -> Results:
    """Return what writes the results: the columns as sent, the outputs, the reasons, the error."""
    family = DOCUMENTS.get(manifest.runtime)
    added = _of_table(manifest) if family is None else outputs_of_documents(family)
    if explain and family is None:
        added += [Field(f"reason_{place}", "category") for place in range(1, MOST_REASONS + 1)]
    return results(form, added)


def _of_table(manifest: Manifest) -> list[Field]:
    names = manifest.outputs
    added = [Field(names.probability, "number")]
    if names.complement is not None:
        added.append(Field(names.complement, "number"))
    if names.decision is not None:
        added.append(Field(names.decision, "category"))
    return added


def score(
    path: Path, form: Form, start: Mark, model: Predictor, *, explain: bool, language: str
) -> Scored:
    """Predict the rows of the chunk that begins at a mark and return them as a part of the results.

    A bad row gets the reason instead of outputs. Raises whatever the model raises, `FileUnreadable`
    and OSError; then the chunk can be tried again.
    """
    typing = Typing(form, columns_for(model.manifest, form).fields)
    results = results_of(form, model.manifest, explain=explain)
    table = None if explain else table_at(path, form, start)
    if table is not None:
        answered = _by_columns(table, typing, model, language)
        if answered is not None:
            succeeded = int(answered.good.sum())
            return Scored(table.part(results, answered), succeeded, table.rows - succeeded)
    with open_rows(path, form) as rows:
        chunk = next(rows.chunks(start))
    answers: list[Answer] = []
    for some in _slices(chunk.rows, _JUDGED_AT_ONCE):
        answers += _answers(some, typing, model, explain=explain, language=language)
    succeeded = sum(answer.outputs is not None for answer in answers)
    part = results.part(chunk, answers)
    return Scored(part, succeeded, len(answers) - succeeded)


def _by_columns(table: Table, typing: Typing, model: Predictor, language: str) -> Answers | None:
    """Return what becomes of all rows of a chunk; None if only row by row can tell.

    What is in doubt is read as a row, so that its reason is told in the same words.
    """
    columns = table.columns(typing, model.signature.codes)
    if columns is None:
        return None
    matrix, good = model.signature.judge([column.values for column in columns])
    for column in columns:
        good &= ~column.doubt
    errors: dict[int, str] = {}
    for places in _slices(np.flatnonzero(~good).tolist(), _JUDGED_AT_ONCE):
        fine, others, faults = _judged_alone(table, places, typing, model)
        matrix[fine], good[fine] = others, True
        errors |= {place: told(found, language) for place, found in faults.items()}
    outputs = _outputs(model, matrix if good.all() else matrix[good])
    return Answers(good, outputs, errors)


def _judged_alone(
    table: Table, places: list[int], typing: Typing, model: Predictor
) -> tuple[list[int], Matrix, dict[int, list[Fault]]]:
    """Return which of some rows are fine, these as a matrix, and the faults of the others."""
    rows = {place: table.row(place) for place in places}
    faults = {place: [row.fault] for place, row in rows.items() if row.fault is not None}
    readable = [place for place in places if place not in faults]
    matrix, faulty = model.signature.sift([typing.row(rows[place].cells) for place in readable])
    faults |= {readable[at]: found for at, found in faulty.items()}
    return [place for place in readable if place not in faults], matrix, faults


def _outputs(model: Predictor, matrix: Matrix) -> dict[str, Probabilities | Picked]:
    if not len(matrix):
        return {}
    names, found = model.manifest.outputs, model.output_columns(_probabilities(model, matrix))
    outputs: dict[str, Probabilities | Picked] = {names.probability: found.probability}
    if names.complement is not None and found.complement is not None:
        outputs[names.complement] = found.complement
    if names.decision is not None and found.decision is not None:
        outputs[names.decision] = Picked(DECISIONS, found.decision)
    return outputs


def _probabilities(model: Predictor, matrix: Matrix) -> Probabilities:
    return np.concatenate([model.predict(some) for some in _slices(matrix, _PREDICTED_AT_ONCE)])


Many = TypeVar("Many", Matrix, Sequence[Row], list[int])


def _slices(many: Many, most: int) -> Iterator[Many]:
    for start in range(0, len(many), most):
        yield many[start : start + most]


def _answers(
    rows: Sequence[Row], typing: Typing, model: Predictor, *, explain: bool, language: str
) -> list[Answer]:
    inputs = [typing.row(row.cells) for row in rows if row.fault is None]
    matrix, faulty = model.signature.sift(inputs)
    good = [row for place, row in enumerate(inputs) if place not in faulty]
    if not good:
        outputs: list[dict[str, Any]] = []
    elif explain:
        (found,) = model.explain_many([Question(matrix, good, language)])
        if isinstance(found, Exception):
            raise found
        outputs = [_flat(output) for output in found]
    else:
        outputs = model.outputs(model.predict(matrix))
    following, place, answers = iter(outputs), -1, []
    for row in rows:
        if row.fault is not None:
            answers.append(Answer(None, told([row.fault], language)))
            continue
        place += 1
        if place in faulty:
            answers.append(Answer(None, told(faulty[place], language)))
        else:
            answers.append(Answer(next(following)))
    return answers


def _flat(output: dict[str, Any]) -> dict[str, Any]:
    reasons = {f"reason_{n}": one["text"] for n, one in enumerate(output["reasons"], 1)}
    return {name: value for name, value in output.items() if not isinstance(value, list | dict)} | (
        reasons
    )


def told(faults: list[Fault], language: str) -> str:
    """Return faults of a row as one text of a language."""
    sentences = texts("api", language)
    named = [(one.pointer.lstrip("/"), sentences.text(one.key, **one.values)) for one in faults]
    return "; ".join(f"{name}: {text}" if name else text for name, text in named)
