"""Boosted trees as converters write them: grown at random here, and saved as ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ")
_ML = "ai.onnx.ml"


@dataclass
class Node:
    """A question with two ways, or a leaf, which has only a value."""

    value: float
    column: int = 0
    mode: str = "LEAF"
    missing: bool = False
    ways: tuple["Node", "Node"] | None = None


def grown(
    random: np.random.Generator, thresholds: Sequence[Sequence[float]], depth: int, modes: Any
) -> Node:
    """Return a tree whose questions compare a column with one of its thresholds."""
    if depth == 0 or random.random() < 0.1:
        return Node(float(np.float32(random.normal() / 4)))
    column = int(random.integers(len(thresholds)))
    return Node(
        float(np.float32(random.choice(thresholds[column]))),
        column,
        str(random.choice(modes)),
        bool(random.random() < 0.5),
        (
            grown(random, thresholds, depth - 1, modes),
            grown(random, thresholds, depth - 1, modes),
        ),
    )


def forest(
    thresholds: Sequence[Sequence[float]],
    trees: int,
    depth: int,
    modes: Any = ("LEQ",),
    seed: int = 0,
) -> list[Node]:
    """Return trees that were grown at random."""
    random = np.random.default_rng(seed)
    return [grown(random, thresholds, depth, modes) for _ in range(trees)]


def _listed(trees: list[Node]) -> list[tuple[int, int, Node, int, int]]:
    """Return all nodes with their tree, their number in it, and those of their ways."""
    found = []
    for tree, root in enumerate(trees):
        waiting, count = [(0, root)], 1
        while waiting:
            number, node = waiting.pop()
            ways = (0, 0)
            if node.ways:
                ways = (count, count + 1)
                waiting += zip(ways, node.ways, strict=True)
                count += 2
            found.append((tree, number, node, *ways))
    return found


def attributes(trees: list[Node], target: str) -> dict[str, Any]:
    """Return the attributes of a TreeEnsembleRegressor, or with `class` of a Classifier."""
    nodes = _listed(trees)
    leaves = [(tree, number, node) for tree, number, node, *_ in nodes if not node.ways]
    return {
        "nodes_treeids": [tree for tree, *_ in nodes],
        "nodes_nodeids": [number for _, number, *_ in nodes],
        "nodes_featureids": [node.column for _, _, node, *_ in nodes],
        "nodes_values": [node.value if node.ways else 0.0 for _, _, node, *_ in nodes],
        "nodes_modes": [
            node.mode if node.mode == "LEAF" else f"BRANCH_{node.mode}" for _, _, node, *_ in nodes
        ],
        "nodes_missing_value_tracks_true": [int(node.missing) for _, _, node, *_ in nodes],
        "nodes_truenodeids": [yes for *_, yes, _ in nodes],
        "nodes_falsenodeids": [no for *_, no in nodes],
        f"{target}_treeids": [tree for tree, *_ in leaves],
        f"{target}_nodeids": [number for _, number, _ in leaves],
        f"{target}_ids": [0] * len(leaves),
        f"{target}_weights": [node.value for *_, node in leaves],
    }


def regressor(trees: list[Node], source: str = "rows", **more: Any) -> list[Any]:
    """Return trees and a sigmoid, as a regression objective is converted."""
    told = attributes(trees, "target") | {"n_targets": 1} | more
    return [
        helper.make_node("TreeEnsembleRegressor", [source], ["score"], domain=_ML, **told),
        helper.make_node("Sigmoid", ["score"], ["default_probability"]),
    ]


def classifier(trees: list[Node], source: str = "rows", **more: Any) -> list[Any]:
    """Return trees that give both chances themselves, as a classifier is converted."""
    told = attributes(trees, "class") | {"classlabels_int64s": [0, 1]}
    told |= {"post_transform": "LOGISTIC", "base_values": [0.25]} | more
    return [
        helper.make_node("TreeEnsembleClassifier", [source], ["label", "both"], domain=_ML, **told)
    ]


def ensemble(trees: list[Node], source: str = "rows", **more: Any) -> list[Any]:
    """Return trees in the newest form, where leaves stand apart from nodes, and a sigmoid."""
    nodes = _listed(trees)
    places: dict[tuple[int, int], int] = {}
    for kind in (True, False):
        chosen = [(tree, number) for tree, number, node, *_ in nodes if bool(node.ways) == kind]
        places |= {key: place for place, key in enumerate(chosen)}
    questions = [one for one in nodes if one[2].ways]
    leaves = [one[2] for one in nodes if not one[2].ways]

    def ways(which: int) -> tuple[list[int], list[int]]:
        ends = [int(not node.ways[which].ways) for _, _, node, *_ in questions if node.ways]
        numbers = [(tree, (yes, no)[which]) for tree, _, _, yes, no in questions]
        return [places[key] for key in numbers], ends

    (yes, yes_ends), (no, no_ends) = ways(0), ways(1)
    told: dict[str, Any] = {
        "n_targets": 1,
        "tree_roots": [places[tree, 0] for tree in range(len(trees))],
        "nodes_featureids": [node.column for _, _, node, *_ in questions],
        "nodes_modes": numpy_helper.from_array(
            np.array([MODES.index(node.mode) for _, _, node, *_ in questions], np.uint8), "modes"
        ),
        "nodes_splits": numpy_helper.from_array(
            np.array([node.value for _, _, node, *_ in questions], np.float32), "splits"
        ),
        "nodes_missing_value_tracks_true": [int(node.missing) for _, _, node, *_ in questions],
        "nodes_truenodeids": yes,
        "nodes_trueleafs": yes_ends,
        "nodes_falsenodeids": no,
        "nodes_falseleafs": no_ends,
        "leaf_targetids": [0] * len(leaves),
        "leaf_weights": numpy_helper.from_array(
            np.array([node.value for node in leaves], np.float32), "weights"
        ),
    } | more
    return [
        helper.make_node("TreeEnsemble", [source], ["score"], domain=_ML, **told),
        helper.make_node("Sigmoid", ["score"], ["default_probability"]),
    ]


def save_trees(
    path: Path,
    nodes: list[Any],
    *,
    width: int = 5,
    inputs: list[Any] | None = None,
    constants: Sequence[Any] = (),
    output: tuple[str, int | str] = ("default_probability", 1),
) -> Path:
    """Write nodes as a graph; without other inputs they take one matrix of floats."""
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", width])
    name, columns = output
    given = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", columns])
    graph = helper.make_graph(nodes, "trees", inputs or [rows], [given], [*constants])
    newest = any(node.op_type == "TreeEnsemble" for node in nodes)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_ML, 5 if newest else 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path
