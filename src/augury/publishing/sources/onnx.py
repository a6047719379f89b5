"""ONNX of anybody's making: one tensor or one for each field, with or without a ZipMap."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.inliner
import onnx.numpy_helper
import onnxruntime

from augury.inference.manifest import Raw
from augury.inference.odds import probability
from augury.publishing.sources.protocol import Converted, Question, Source, Way
from augury.publishing.table import Column, Floats, Matrix
from augury.publishing.trouble import NotPublishable

Tensor = npt.NDArray[np.generic]
Predict = Callable[[Question, Matrix], Floats]
_NUMBERS: dict[str, type] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
_TEXT = "tensor(string)"
_ADDS_UP_WITHIN = 1e-4
_BEYOND = 1e-6
_INSIDE = "probability_inside"
_CLIP_BY_INPUTS = 11
_BOTH = 2


def open_source(path: Path) -> Source:
    """Return the graph in a file, with weights that it keeps beside it; raises `NotPublishable`."""
    try:
        graph = onnx.load(path)
    except Exception as error:  # whatever a parser throws
        message = f"{path.name} is not an ONNX file: {error}"
        raise NotPublishable(message) from error
    return source_of(graph, path.name)


def source_of(found: onnx.ModelProto, name: str) -> Source:
    """Return a graph as a source; raises `NotPublishable`."""
    try:
        graph = _plain(found)
        session = session_of(graph)
    except Exception as error:  # the libraries raise a dozen types that share no base
        message = f"{name} is not a graph that ONNX Runtime can open: {error}"
        raise NotPublishable(message) from error
    inputs = session.get_inputs()
    one = len(inputs) == 1
    width = inputs[0].shape[1] if one and len(inputs[0].shape) == _BOTH else len(inputs)
    if strange := [f"{i.name}: {i.type}" for i in inputs if i.type not in {*_NUMBERS, _TEXT}]:
        message = f"The graph takes {', '.join(strange)}; it may take numbers and texts."
        raise NotPublishable(message)
    return Source(
        library=f"ONNX Runtime {onnxruntime.__version__}",
        kind=f"ONNX graph of {graph.producer_name or 'unknown make'}",
        predict=partial(_predict, session),
        ways=partial(_ways, graph, session),
        names=None if one else [found.name for found in inputs],
        width=width if isinstance(width, int) else None,
    )


def _plain(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph of plain operators between tensors, which tells nothing of its maker.

    Functions of its own are put where they are called. A ZipMap makes of a tensor of probabilities
    a list of maps: the tensor is given instead. PyTorch writes into every node which file of the
    publisher's machine it came from.
    """
    graph = onnx.inliner.inline_local_functions(graph)
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    maps = [node for node in graph.graph.node if node.op_type == "ZipMap"]
    for node in maps:
        (kept,) = [found for found in graph.graph.output if found.name == node.output[0]]
        graph.graph.node.remove(node)
        kept.CopyFrom(onnx.helper.make_empty_tensor_value_info(node.input[0]))
        kept.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return graph


def session_of(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime's session for a graph; raises whatever it raises."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    content = graph.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _feed(
    session: onnxruntime.InferenceSession, question: Question, matrix: Matrix
) -> dict[str, Tensor]:
    inputs = session.get_inputs()
    columns = question.columns
    if len(inputs) == 1 and inputs[0].type != _TEXT and len(inputs[0].shape) == _BOTH:
        return {inputs[0].name: matrix.astype(_NUMBERS[inputs[0].type])}
    places = {column.name: place for place, column in enumerate(columns.all)}
    return {
        found.name: _tensor(columns.all[places[found.name]], found, matrix[:, places[found.name]])
        for found in inputs
    }


def _tensor(column: Column, found: Any, values: Matrix) -> Tensor:
    tensor: Tensor
    if found.type == _TEXT:
        texts = [str(original) for original in column.originals]
        tensor = np.array(["" if np.isnan(v) else texts[int(v)] for v in values], object)
    else:
        tensor = values.astype(_NUMBERS[found.type])
    return tensor.reshape((-1, 1)[: len(found.shape)])


def _predict(session: onnxruntime.InferenceSession, question: Question, matrix: Matrix) -> Floats:
    raw = raw_of(session, question)
    found = session.run([raw.tensor], _feed(session, question, matrix))[0]
    return chances(found, raw)


def chances(found: Tensor, raw: Raw) -> Floats:
    """Return the probabilities in a tensor [rows] or [rows, columns]."""
    column = found.reshape(len(found), -1)[:, raw.column].astype(np.float64)
    if raw.scale == "log_odds":
        return probability(column)
    return np.clip(column, 0, 1) if _are_inside(column) else column


def _are_inside(values: Tensor) -> bool:
    # Sums of 32 bits go a little beyond 1.
    return bool(values.min() >= -_BEYOND and values.max() <= 1 + _BEYOND)


def _ways(graph: onnx.ModelProto, session: Any, question: Question) -> list[Way]:
    def convert() -> Converted:
        raw = raw_of(session, question)
        if raw.scale == "log_odds":
            content = graph.SerializeToString(deterministic=True)
            return Converted(content, ".onnx", "onnx", raw)
        content = _clipped(graph, session, raw).SerializeToString(deterministic=True)
        return Converted(content, ".onnx", "onnx", Raw(_INSIDE, raw.column, "probability"))

    return [Way("as it is", convert)]


def _clipped(graph: onnx.ModelProto, session: Any, raw: Raw) -> onnx.ModelProto:
    """Return a graph that gives probabilities which no rounding has carried beyond 0 or 1."""
    (kind,) = [found.type for found in session.get_outputs() if found.name == raw.tensor]
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    limits: list[npt.NDArray[np.floating]] = [np.array(end, _NUMBERS[kind]) for end in (0, 1)]
    ends = [f"{_INSIDE}_low", f"{_INSIDE}_high"]
    opset = max(found.version for found in copy.opset_import if found.domain in {"", "ai.onnx"})
    if opset < _CLIP_BY_INPUTS:
        node = onnx.helper.make_node("Clip", [raw.tensor], [_INSIDE], min=0.0, max=1.0)
    else:
        node = onnx.helper.make_node("Clip", [raw.tensor, *ends], [_INSIDE])
        constants = zip(limits, ends, strict=True)
        copy.graph.initializer.extend(onnx.numpy_helper.from_array(*pair) for pair in constants)
    copy.graph.node.append(node)
    (output,) = [found for found in copy.graph.output if found.name == raw.tensor]
    output.name = _INSIDE
    return copy


def raw_of(session: onnxruntime.InferenceSession, question: Question) -> Raw:
    """Return where a graph leaves its answer, from what it answers about the sample.

    Two columns that add up to 1 are the probabilities of both classes. One column is a probability
    if it is one in every row, and log-odds otherwise. Raises `NotPublishable` for anything else.
    """
    if question.raw is not None:
        return question.raw
    outputs = [found.name for found in session.get_outputs()]
    answers = session.run(outputs, _feed(session, question, question.matrix))
    for name, found in zip(outputs, answers, strict=True):
        raw = _raw_of_tensor(name, np.asarray(found), question.positive)
        if raw is not None:
            return raw
    shapes = ", ".join(f"{n} {np.shape(a)}" for n, a in zip(outputs, answers, strict=True))
    message = (
        f"None of what the graph gives is a probability of two classes: {shapes}."
        " If one is, say where in a file that --manifest names:"
        ' {"raw": {"tensor": "...", "column": 0, "scale": "probability"}}'
    )
    raise NotPublishable(message)


def _raw_of_tensor(name: str, found: Tensor, positive: int) -> Raw | None:
    if found.dtype.kind != "f" or not np.isfinite(found).all():
        return None
    inside = _are_inside(found)
    if found.ndim == _BOTH and found.shape[1] == _BOTH:
        whole = np.abs(found.sum(axis=1) - 1).max() <= _ADDS_UP_WITHIN
        return Raw(name, positive, "probability") if inside and whole else None
    if found.size == len(found) and positive == 1:
        return Raw(name, 0, "probability" if inside else "log_odds")
    return None
