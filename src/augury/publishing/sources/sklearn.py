"""scikit-learn: estimators and pipelines, their transformers by skl2onnx, their trees by us."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import sklearn
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from augury.publishing.graphs import ELEMENTS, OPSETS, ROWS, Graph
from augury.publishing.sources import histograms, scores
from augury.publishing.sources.imputing import prepared
from augury.publishing.sources.protocol import Converted, Question, Source, Way
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable, Unconvertible

Dtype = type[np.floating[Any]]
_TYPES: dict[Any, Any] = {np.float32: FloatTensorType, np.float64: DoubleTensorType}
# 64 bits first: scikit-learn transforms in them, and a value that is rounded on its way to a tree
# takes another branch on rows that no sample has.
_WIDTHS: dict[str, Dtype] = {"64-bit": np.float64, "32-bit": np.float32}


def source_of(estimator: Any) -> Source:
    """Return a fitted classifier as a source; raises `NotPublishable` for anything else."""
    kind = type(_last(estimator)).__name__
    if not hasattr(estimator, "predict"):
        message = f"{type(estimator).__name__} is not a model: it has no `predict`."
        raise NotPublishable(message)
    if not is_classifier(estimator):
        message = f"{kind} is not a classifier: Augury sells probabilities of two classes."
        raise NotPublishable(message)
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        message = f"{kind} has not been fitted: it has no `classes_`."
        raise NotPublishable(message)
    if not hasattr(estimator, "predict_proba"):
        message = (
            f"{kind} gives no probabilities. Fit it inside a CalibratedClassifierCV,"
            " or fit it again so that it has `predict_proba`."
        )
        raise NotPublishable(message)
    names = getattr(estimator, "feature_names_in_", None)
    return Source(
        library=f"scikit-learn {sklearn.__version__}",
        kind=kind,
        predict=partial(_predict, estimator),
        ways=partial(_ways, estimator),
        names=None if names is None else [*map(str, names)],
        width=getattr(estimator, "n_features_in_", None),
        classes=np.asarray(classes).tolist(),
        known_categories=histograms.categories_of(estimator)
        if kind == "HistGradientBoostingClassifier" and kind == type(estimator).__name__
        else [],
    )


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _predict(estimator: Any, question: Question, matrix: Matrix) -> Floats:
    frame = question.columns.frame(matrix, as_category=scores.wants_categories(_last(estimator)))
    parts = (
        [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    )
    named = any(hasattr(part, "feature_names_in_") for part in parts)
    rows = frame if named else frame.to_numpy()
    chances: Floats = np.asarray(estimator.predict_proba(rows), np.float64)[:, question.positive]
    return chances


def _ways(estimator: Any, question: Question) -> Sequence[Way]:
    forms = ["a tensor for each field"]
    if not question.columns.has_categories or scores.wants_categories(estimator):
        forms.insert(0, "one tensor")
    return [
        Way(f"{form}, {width}", partial(_convert, estimator, question, dtype, form))
        for form in forms
        for width, dtype in _WIDTHS.items()
    ]


def _convert(estimator: Any, question: Question, dtype: Dtype, form: str) -> Converted:
    columns = question.columns
    if form == "one tensor":
        graph = Graph.over_matrix(dtype, len(columns.all))
        fed = {ROWS: (ROWS, _TYPES[dtype]([None, len(columns.all)]))}
    else:
        graph = Graph(dtype)
        fed = {}
        for column in columns.all:
            kind = StringTensorType if column.is_category else _TYPES[dtype]
            element = TensorProto.STRING if column.is_category else ELEMENTS[dtype]
            info = helper.make_tensor_value_info(column.name, element, ["N", 1])
            graph.inputs.append(info)
            fed[column.name] = (column.name, kind([None, 1]))
    score, scale = _scored(estimator, graph, fed)
    return graph.finish(score, scale=scale, negative=question.positive == 0)


Fed = dict[str, tuple[str, Any]]  # a converter's name of a value, and ours with its type


def _scored(estimator: Any, graph: Graph, fed: Fed) -> tuple[str, str]:
    """Add an estimator to a graph; return the name of the score of class 1, and its scale."""
    if isinstance(estimator, Pipeline):
        *before, last = _steps(estimator)
        if before:
            value, width = _transformed(before, graph, fed)
            fed = {ROWS: (value, _TYPES[graph.dtype]([None, width]))}
        return _scored(last, graph, fed)
    kind = type(estimator).__name__
    if kind == "CalibratedClassifierCV":
        return _calibrated(estimator, graph, fed), "probability"
    if kind == "VotingClassifier" and estimator.voting == "soft":
        return _voted(estimator, graph, fed), "probability"
    if len(fed) == 1:
        ((value, _),) = fed.values()
        found = scores.score_of(estimator, graph, value)
        if found is not None:
            return found
    return _by_converter(estimator, graph, fed), "probability"


def _steps(pipeline: Pipeline) -> Iterator[Any]:
    for _, step in pipeline.steps:
        if isinstance(step, Pipeline):
            yield from _steps(step)
        elif step is not None and step != "passthrough":
            yield step


def _transformed(steps: list[Any], graph: Graph, fed: Fed) -> tuple[str, int]:
    """Add transformers, and return the name and the width of what they give."""
    pipeline = Pipeline([(f"step{place}", step) for place, step in enumerate(steps)])
    part = _converted(prepared(pipeline), fed)
    (output,) = part.graph.output
    width = output.type.tensor_type.shape.dim[1].dim_value
    value = graph.inside(part, output.name, {name: mine for name, (mine, _) in fed.items()})
    if output.type.tensor_type.elem_type != ELEMENTS[graph.dtype]:
        value = graph.cast(value, graph.dtype)
    return value, width


def _by_converter(estimator: Any, graph: Graph, fed: Fed) -> str:
    """Add a classifier as skl2onnx knows it, and return its probabilities of class 1."""
    part = _converted(estimator, fed, {id(estimator): {"zipmap": False}})
    _, output = (output.name for output in part.graph.output)  # the label is the first
    both = graph.inside(part, output, {name: mine for name, (mine, _) in fed.items()})
    chance = graph.add("Gather", [both, graph.constant([1], np.int64)], axis=1)
    return graph.cast(chance, graph.dtype)


def _converted(estimator: Any, fed: Fed, options: Any = None) -> Any:
    types = [(name, kind) for name, (_, kind) in fed.items()]
    try:
        return to_onnx(estimator, initial_types=types, options=options, target_opset=OPSETS)
    except Exception as error:  # skl2onnx raises whatever comes to hand
        first, *_ = str(error).strip().splitlines() or [type(error).__name__]
        raise Unconvertible(first[:300]) from error


def _calibrated(estimator: Any, graph: Graph, fed: Fed) -> str:
    """Add a classifier that is calibrated by curves, and return its probability of class 1."""
    curves = []
    for one in estimator.calibrated_classifiers_:
        score, scale = _scored(one.estimator, graph, fed)
        asked = hasattr(one.estimator, "decision_function")
        if asked != (scale == "log_odds"):
            score = graph.add("Sigmoid", [score]) if not asked else scores.odds(graph, score)
        (calibrator,) = one.calibrators
        curves.append(scores.corrected(calibrator, graph, score))
    total = curves[0]
    for curve in curves[1:]:
        total = graph.add("Add", [total, curve])
    return _inside(graph, graph.add("Div", [total, graph.constant(float(len(curves)))]))


def _voted(estimator: Any, graph: Graph, fed: Fed) -> str:
    """Add classifiers that vote by their probabilities, and return the probability of class 1."""
    weights = (
        np.ones(len(estimator.estimators_))
        if estimator.weights is None
        else np.array(estimator.weights, float)
    )
    total = ""
    for one, weight in zip(estimator.estimators_, weights / weights.sum(), strict=True):
        score, scale = _scored(one, graph, fed)
        chance = graph.add("Sigmoid", [score]) if scale == "log_odds" else score
        part = graph.add("Mul", [chance, graph.constant(weight)])
        total = graph.add("Add", [total, part]) if total else part
    return _inside(graph, total)


def _inside(graph: Graph, chance: str) -> str:
    """Return the name of a probability that no rounding has carried beyond 0 or 1."""
    return graph.add("Clip", [chance, graph.constant(0.0), graph.constant(1.0)])
