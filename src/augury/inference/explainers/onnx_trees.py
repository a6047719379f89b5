"""Reads the trees of an ONNX file as boxes, and finds out which field is behind each column.

Imported only when such a file is loaded: the library that reads it takes megabytes.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from augury.inference.explainers.boxes import MOST_BITS, Boxes, Columns, Matrix
from augury.inference.explainers.protocol import Floats
from augury.inference.manifest import Manifest
from augury.inference.runtimes.onnx import open_session, port_of
from augury.inference.runtimes.tensors import feed_of

_SUM, _AVERAGE = "SUM", "AVERAGE"
_MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ")
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
# Numbers that tell columns apart which come from a number.
_NUMBERS = (0.0, 1.0, -7.5, 12345.0)
# More would take longer than asking for coalitions.
_MOST_LEAVES, _MOST_BOUNDS = 60_000, 48
# Between the input of a graph and its trees: nodes whose every number comes from one number, and
# nodes that put such columns side by side.
_BY_NUMBER = {
    *("Add", "ArrayFeatureExtractor", "Cast", "Div", "Flatten", "Gather", "Identity", "Imputer"),
    *("LabelEncoder", "Mul", "Neg", "OneHotEncoder", "Reshape", "Scaler", "Slice", "Squeeze"),
    *("Sub", "Unsqueeze"),
}
_SIDE_BY_SIDE = {"Concat", "FeatureVectorizer"}


@dataclass(frozen=True, slots=True)
class _Trees:
    """Trees as lists of questions. A way leads to the question of that number, or ~leaf."""

    roots: list[int]
    column: list[int]
    threshold: list[float]
    mode: list[str]
    missing: list[bool]  # whether a missing value answers yes
    yes: list[int]
    no: list[int]
    values: list[float]  # of the leaves


# A bound on a column: the exclusive lower and the inclusive upper end, whether the value is to lie
# outside of them, and whether a missing value will do.
_Bound = tuple[float, float, bool, bool]
# The bounds on the way to a leaf: one on each column, and one for each value that is excluded.
_Way = dict[tuple[int, float | None], _Bound]


def read(graph: bytes, manifest: Manifest, references: Matrix) -> tuple[Boxes, Columns] | None:
    """Return the leaves of the one ensemble in a graph, and what turns the matrix into its columns.

    None where there is none, or several, or of a form that is not known here, or where what comes
    before the trees mixes fields.
    """
    model = onnx.load_model_from_string(graph)
    ensembles = [node for node in model.graph.node if node.op_type.startswith("TreeEnsemble")]
    if len(ensembles) != 1:
        return None
    trees = _trees(ensembles[0])
    columns = _columns(model, ensembles[0].input[0], manifest)
    if trees is None or columns is None:
        return None
    ways = _ways(trees)
    owners = _owners(columns, manifest, references)
    if ways is None or not owners.keys() >= set(trees.column):
        return None
    boxes = _boxes(trees, ways, owners)
    return None if boxes is None else (boxes, columns)


def _trees(node: onnx.NodeProto) -> _Trees | None:
    told = {found.name: _value(found) for found in node.attribute}
    if node.op_type == "TreeEnsemble":
        return _of_opset_5(told)
    return _of_opset_3(told, "class" if node.op_type == "TreeEnsembleClassifier" else "target")


def _value(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value).tolist()
    return value.decode() if isinstance(value, bytes) else value


def _of_opset_3(told: dict[str, Any], target: str) -> _Trees | None:
    """Return the trees of a regressor or a classifier with one score, whose leaves are nodes."""
    keys = list(zip(told["nodes_treeids"], told["nodes_nodeids"], strict=True))
    modes = [mode.decode().removeprefix("BRANCH_") for mode in told["nodes_modes"]]
    questions = [place for place, mode in enumerate(modes) if mode != "LEAF"]
    leaves = [place for place, mode in enumerate(modes) if mode == "LEAF"]
    number = {keys[place]: n for n, place in enumerate(questions)}
    number |= {keys[place]: ~n for n, place in enumerate(leaves)}
    weights = told.get(f"{target}_weights_as_tensor") or told[f"{target}_weights"]
    where = zip(told[f"{target}_treeids"], told[f"{target}_nodeids"], strict=True)
    values = [0.0] * len(leaves)
    for key, weight in zip(where, weights, strict=True):
        values[~number[key]] += weight
    if len(set(told[f"{target}_ids"])) > 1 or any(
        modes[place] not in _MODES for place in questions
    ):
        return None
    yes, no = (
        [number[keys[place][0], told[f"nodes_{way}nodeids"][place]] for place in questions]
        for way in ("true", "false")
    )
    roots = sorted(set(number.values()) - {*yes, *no})
    missing = told.get("nodes_missing_value_tracks_true") or [0] * len(keys)
    thresholds = told.get("nodes_values_as_tensor") or told["nodes_values"]
    return _scaled(
        _Trees(
            roots,
            [told["nodes_featureids"][place] for place in questions],
            [thresholds[place] for place in questions],
            [modes[place] for place in questions],
            [bool(missing[place]) for place in questions],
            yes,
            no,
            values,
        ),
        told.get("aggregate_function", _SUM),
    )


def _of_opset_5(told: dict[str, Any]) -> _Trees | None:
    """Return the trees of an ensemble with one score, whose leaves are apart from its nodes."""
    modes = [_MODES[mode] if mode < len(_MODES) else "" for mode in told["nodes_modes"]]
    if len(set(told["leaf_targetids"])) > 1 or "" in modes:
        return None
    yes, no = (
        [
            ~child if is_leaf else child
            for child, is_leaf in zip(
                told[f"nodes_{way}nodeids"], told[f"nodes_{way}leafs"], strict=True
            )
        ]
        for way in ("true", "false")
    )
    trees = _Trees(
        told["tree_roots"],
        told["nodes_featureids"],
        told["nodes_splits"],
        modes,
        [*map(bool, told.get("nodes_missing_value_tracks_true") or [0] * len(modes))],
        yes,
        no,
        told["leaf_weights"],
    )
    return _scaled(trees, (_AVERAGE, _SUM, "", "")[told.get("aggregate_function", 1)])


def _scaled(trees: _Trees, aggregate: str) -> _Trees | None:
    if aggregate == _AVERAGE:
        return replace(trees, values=[value / len(trees.roots) for value in trees.values])
    return trees if aggregate == _SUM else None


def _ways(trees: _Trees) -> list[tuple[int, _Way]] | None:
    """Return each leaf that adds something with the bounds on its way, or None if they are many."""
    found: list[tuple[int, _Way]] = []
    waiting: list[tuple[int, _Way]] = [(root, {}) for root in trees.roots]
    # Whoever writes a file may lead its ways back to where they came from.
    for _ in range(4 * _MOST_LEAVES):
        if not waiting:
            return found if len(found) <= _MOST_LEAVES else None
        place, way = waiting.pop()
        if place >= 0:
            yes, no = _bounds(trees, place)
            for child, bound in ((trees.yes[place], yes), (trees.no[place], no)):
                narrowed = _narrowed(way, trees.column[place], bound)
                if narrowed is not None:
                    waiting.append((child, narrowed))
        elif trees.values[~place]:
            found.append((~place, way))
    return None


def _bounds(trees: _Trees, place: int) -> tuple[_Bound, _Bound]:
    """Return what a question asks of whoever goes on by yes, and by no."""
    mode, threshold = trees.mode[place], trees.threshold[place]
    below = math.nextafter(threshold, -math.inf)
    known = trees.missing[place]
    if mode in {"EQ", "NEQ"}:
        # What is missing is unlike any value.
        missing = known or mode == "NEQ"
        point = (below, threshold, mode == "NEQ", missing)
        return point, (below, threshold, mode == "EQ", not missing)
    end = threshold if mode in {"LEQ", "GT"} else below
    up, down = mode in {"GT", "GTE"}, mode in {"LEQ", "LT"}
    lower, upper = (-math.inf, end), (end, math.inf)
    yes = upper if up else lower
    no = upper if down else lower
    return (*yes, False, known), (*no, False, not known)


def _narrowed(way: _Way, column: int, bound: _Bound) -> _Way | None:
    """Return a way with one more bound on it, or None where nobody can go on."""
    low, high, beyond, missing = bound
    key = (column, high if beyond else None)
    if key in way:
        known = way[key]
        if not beyond:
            low, high = max(low, known[0]), min(high, known[1])
        missing = missing and known[3]
    if low >= high and not missing:
        return None
    return way | {key: (low, high, beyond, missing)}


def _boxes(trees: _Trees, ways: list[tuple[int, _Way]], owners: dict[int, int]) -> Boxes | None:
    """Return the leaves as arrays, or None where one has too many bounds or fields."""
    fields = [list(dict.fromkeys(owners[column] for column, _ in way)) for _, way in ways]
    bits = max((len(of_leaf) for of_leaf in fields), default=0)
    bounds = max((len(way) for _, way in ways), default=0)
    if bits > MOST_BITS or bounds > _MOST_BOUNDS:
        return None
    shape = (bounds, len(ways))
    boxes = Boxes(
        values=np.array([trees.values[leaf] for leaf, _ in ways]),
        field=np.zeros((bits, len(ways)), np.intp),
        column=np.zeros(shape, np.intp),
        low=np.full(shape, -np.inf),
        high=np.full(shape, np.inf),
        beyond=np.zeros(shape, np.bool_),
        missing=np.ones(shape, np.bool_),
        bit=np.zeros(shape, np.min_scalar_type((1 << bits) - 1)),
    )
    for leaf, (_, way) in enumerate(ways):
        boxes.field[: len(fields[leaf]), leaf] = fields[leaf]
        for place, ((column, _), bound) in enumerate(way.items()):
            boxes.column[place, leaf] = column
            boxes.low[place, leaf], boxes.high[place, leaf] = bound[:2]
            boxes.beyond[place, leaf], boxes.missing[place, leaf] = bound[2:]
            boxes.bit[place, leaf] = 1 << fields[leaf].index(owners[column])
    return boxes


def _columns(model: onnx.ModelProto, source: str, manifest: Manifest) -> Columns | None:
    """Return what turns the matrix into the trees' input, or None where it might mix fields."""
    nodes = _before(model.graph, source)
    if nodes is None:
        return None
    if not nodes and len(model.graph.input) == 1:
        return _as_they_are
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "columns",
        model.graph.input,
        [onnx.ValueInfoProto(name=source)],
        [constant for constant in model.graph.initializer if constant.name in used],
    )
    part = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    session = open_session(part.SerializeToString(), 1)
    feed = feed_of([port_of(found) for found in session.get_inputs()], manifest.inputs)

    def columns(matrix: Matrix) -> Floats:
        found: Floats = session.run([source], feed(matrix))[0].astype(np.float64)
        return found.reshape(len(matrix), -1)

    return columns


def _as_they_are(matrix: Matrix) -> Floats:
    return matrix.astype(np.float64)


def _before(graph: onnx.GraphProto, source: str) -> list[onnx.NodeProto] | None:
    """Return the nodes that lead to a tensor, or None where one may mix numbers of a row."""
    constants = {constant.name for constant in graph.initializer}
    constants |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output}
    found: set[int] = set()
    waiting = [source]
    while waiting:
        place = makers.get(waiting.pop())
        if place is None or place in found:
            continue
        node = graph.node[place]
        found.add(place)
        if node.op_type == "Constant":
            continue
        changing = [name for name in node.input if name and name not in constants]
        alone = node.op_type in _BY_NUMBER and len(changing) == 1
        if node.domain not in _DOMAINS or not (alone or node.op_type in _SIDE_BY_SIDE):
            return None
        waiting += node.input
    return [graph.node[place] for place in sorted(found)]


def _owners(columns: Columns, manifest: Manifest, references: Matrix) -> dict[int, int]:
    """Return which field is behind each column; one that nothing moves is left out.

    Each column comes from one number of a row at the most, so whichever field moves it is the one.
    """
    if columns is _as_they_are:
        return {place: place for place in range(len(manifest.inputs))}
    usual = columns(references[:1])
    owners: dict[int, int] = {}
    for place, field in enumerate(manifest.inputs):
        known = range(len(field.categories)) if field.categories else _NUMBERS
        values = [*known, *([math.nan] if field.nullable else [])]
        rows = np.repeat(references[:1], len(values), axis=0)
        rows[:, place] = values
        found = columns(rows)
        moved = (found != usual) & ~(np.isnan(found) & np.isnan(usual))
        owners |= {int(column): place for column in np.flatnonzero(moved.any(axis=0))}
    return owners
