"""From a file and a sample to a proven model: read, convert, prove, describe."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference import graphs, manifest_rules
from augury.inference.manifest import (
    Artifact,
    BadModel,
    InputField,
    Manifest,
    Metrics,
    OutputNames,
    Raw,
    SelfTest,
)
from augury.inference.model import Model
from augury.inference.signature import Signature
from augury.kit.errors import InvalidInput
from augury.publishing import rows, sample, schema, sources
from augury.publishing.cards import Story
from augury.publishing.order import Order, merged, name_of
from augury.publishing.prove import TOLERANCE, Proven, first_proven
from augury.publishing.sources.protocol import Converted, Question, Source
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable
from augury.training.metrics import measure
from augury.training.spreads import reference

Say = Callable[[str], None]

_UNSEEN = "held-out rows of {name}, which the publisher says the model was not trained on"
_SEEN = "in-sample: rows of {name}, which the model may have been trained on"
# What reasons cost on top of a row, unless said: as for the models that ship.
_EXPLAIN_SHARE = 0.4
_DIGITS = 9
# A server may allow more, or less.
_MOST_NODES = 10_000


@dataclass(frozen=True, slots=True)
class Made:
    """A model that has passed its proof."""

    manifest: Manifest
    content: bytes
    story: Story


@dataclass(frozen=True, slots=True)
class _Read:
    """The model and the sample, opened and fitted to each other."""

    source: Source
    data: sample.Sample
    fields: list[InputField]
    question: Question
    expected: Floats  # of the sample's rows, by the publisher's library
    outcomes: npt.NDArray[np.int64] | None

    @property
    def matrix(self) -> Matrix:
        """The sample as float32 [rows, fields]."""
        return self.question.matrix


def make(order: Order, say: Say) -> Made:
    """Return the model as it will be published; raises `NotPublishable`. Nothing is sent."""
    # Before anything slow.
    _price(order)
    name_of(order)
    found = _read(order)
    source, width = found.source, len(found.fields)
    say(f"read: {source.kind} of {source.library}; {len(found.matrix)} rows, {width} fields")
    tests = rows.self_test(found.fields, found.matrix, found.expected)
    tested = _decoded(order, found, tests)
    made_up = _predicted(source, found.question, tested, "made-up rows")
    expected = np.concatenate([found.expected, made_up])
    with TemporaryDirectory(prefix="augury-publish-") as folder:
        proven = _proven(order, found, np.concatenate([found.matrix, tested]), expected, folder)
        size = len(proven.converted.content) / 1000
        say(f"convert: {proven.converted.runtime}, {proven.way}, {size:,.0f} kB")
        say(
            f"prove: {len(expected)} rows, at most {proven.worst:.1e} from {source.library}"
            f" ({TOLERANCE:.0e} allowed)"
        )
        test = SelfTest(TOLERANCE, tests, _rounded(expected[len(found.matrix) :]))
        manifest = _finished(order, found, proven, test, Path(folder))
    positive = source.classes[found.question.positive]
    story = Story(
        source.library,
        source.kind,
        positive,
        found.data,
        found.outcomes,
        order.unseen,
        proven,
    )
    return Made(manifest, proven.converted.content, story)


def _read(order: Order) -> _Read:
    data = sample.read(order.sample, order.target)
    source = sources.open_file(order.path)
    classes = source.classes
    if len(classes) != 2:  # noqa: PLR2004 -- it sells probabilities of two classes
        shown = ", ".join(map(str, classes[:5]))
        message = (
            f"The model knows {len(classes)} classes ({shown}); Augury sells probabilities of two."
        )
        raise NotPublishable(message)
    positive = _positive(order, source)
    frame = schema.chosen(source, data.frame)
    told, columns = schema.learnt(source, frame, order.manifest.get("inputs", []))
    fields = schema.input_fields(told)
    raw = order.manifest.get("raw")
    question = Question(
        columns,
        classes.index(positive),
        columns.matrix(frame),
        None if raw is None else msgspec.convert(raw, Raw),
    )
    outcomes = None if data.target is None else data.outcomes(positive)
    expected = _predicted(source, question, question.matrix, "the sample")
    return _Read(source, data, fields, question, expected, outcomes)


def _predicted(source: Source, question: Question, matrix: Matrix, rows_of: str) -> Floats:
    """Return what the publisher's library gives; raises `NotPublishable` when it cannot."""
    try:
        chances = source.predict(question, matrix)
    except NotPublishable:
        raise
    except Exception as error:  # whatever a library or a publisher's own code raises
        first = (str(error).strip().splitlines() or [""])[0]
        message = f"{source.library} cannot predict {rows_of}: {type(error).__name__}: {first}"
        raise NotPublishable(message) from error
    strange = np.flatnonzero(~((chances >= 0) & (chances <= 1)))
    if len(strange):
        row = int(strange[0])
        values = question.columns.frame(matrix[row : row + 1]).iloc[0].to_dict()
        message = f"{source.library} gives {chances[row]} for {rows_of}, such as {values}."
        raise NotPublishable(message)
    return chances


def _positive(order: Order, source: Source) -> Any:
    """Return the class whose probability is sold: the second, unless another is named."""
    if order.positive is None:
        return source.classes[1]
    for known in source.classes:
        if str(known) == order.positive:
            return known
    message = (
        f"--positive {order.positive}: the model knows the classes"
        f" {' and '.join(map(str, source.classes))}."
    )
    raise NotPublishable(message)


def _decoded(order: Order, found: _Read, tests: list[rows.Row]) -> Matrix:
    """Return made-up rows as the matrix, checked by the signature that customers will meet."""
    bare = _manifest(order, found, _EMPTY, SelfTest(TOLERANCE, [], []))
    try:
        return Signature(bare).decode(msgspec.json.encode(tests))
    except InvalidInput as error:
        told = "; ".join(f"{fault.pointer} {fault.key} {fault.values}" for fault in error.faults)
        message = f"The fields do not fit the sample: {told}"
        raise NotPublishable(message) from error


_EMPTY = Converted(b"", "", "onnx", Raw())


def _proven(order: Order, found: _Read, matrix: Matrix, expected: Floats, folder: str) -> Proven:
    """Return the first conversion that gives the expected probabilities."""
    one = SelfTest(1.0, [rows.example(found.fields)], [0.5])

    def draft(converted: Converted) -> tuple[Manifest, Path]:
        manifest = _manifest(order, found, converted, one)
        path = Path(folder) / manifest.artifact.file
        path.write_bytes(converted.content)
        return msgspec.structs.replace(manifest, explain=None), path

    def shown(row: int) -> str:
        columns = found.question.columns
        values = columns.frame(matrix[row : row + 1]).iloc[0].to_dict()
        if row < len(found.matrix):
            return f"row {row + 1} of the sample, {values},"
        return f"the made-up row {values}"

    return first_proven(found.source.ways(found.question), draft, matrix, expected, shown)


def _finished(order: Order, found: _Read, proven: Proven, test: SelfTest, folder: Path) -> Manifest:
    """Return the whole manifest, opened once more as a server will open it."""
    whole = _manifest(order, found, proven.converted, test)
    drafts = [whole]
    if whole.explain is not None and not whole.explain.points and not whole.explain.references:
        typical = rows.typical(found.fields, found.matrix, found.expected)
        by_rows = msgspec.structs.replace(whole.explain, references=typical)
        compared = msgspec.structs.replace(whole, explain=by_rows)
        # CatBoost finds reasons in its own leaves, unless its file has no weights of them.
        drafts = [whole, compared] if proven.converted.runtime == "catboost" else [compared]
    for draft in drafts:
        path = folder / draft.artifact.file
        try:
            manifest_rules.check(draft)
            if draft.runtime == "onnx":
                graphs.check(path, _MOST_NODES)
            Model(draft, path, threads=1)
        except BadModel as error:
            fault = str(error)
            continue
        return draft
    message = f"The model does not pass the check that a server makes: {fault}"
    raise NotPublishable(message)


def _manifest(order: Order, found: _Read, converted: Converted, test: SelfTest) -> Manifest:
    """Return what is known of the model, with what the publisher says on top of it."""
    name = name_of(order)
    title = {"en": name, "ru": name}
    learnt = {
        "manifest_version": 1,
        "name": name,
        "title": title,
        "description": merged(title, order.says("title") or {}),
        "task": "classification",
        "price": _price(order),
        "outputs": OutputNames("probability", None, "decision" if order.says("decision") else None),
        "metrics": _metrics(order, found),
        "reference": reference(found.fields, found.matrix, found.expected),
        "raw": converted.raw,
    }
    if order.explain:
        learnt["explain"] = {"price": max(1, round(_price(order) * _EXPLAIN_SHARE))}
    said = order.over(msgspec.to_builtins(learnt))
    content = converted.content
    digest = hashlib.sha256(content).hexdigest()
    fixed = {
        "runtime": converted.runtime,
        "artifact": Artifact(f"model{converted.suffix}", digest, len(content)),
        "inputs": found.fields,
        "self_test": test,
        "calibration": None,
    }
    if not order.explain:
        said["explain"] = None
    try:
        return msgspec.convert(said | msgspec.to_builtins(fixed), Manifest)
    except msgspec.ValidationError as error:
        message = f"The manifest is not right: {error}"
        raise NotPublishable(message) from error


def _metrics(order: Order, found: _Read) -> Metrics | None:
    if found.outcomes is None:
        return None
    method = (_UNSEEN if order.unseen else _SEEN).format(name=found.data.name)
    return measure(found.expected, found.outcomes, method)


def _price(order: Order) -> int:
    price = order.says("price")
    if not isinstance(price, int) or price < 1:
        message = "Say what a row costs with --price CREDITS: a whole number, 1 or more."
        raise NotPublishable(message)
    return price


def _rounded(values: Floats) -> list[float]:
    return [round(value, _DIGITS) for value in values.tolist()]
