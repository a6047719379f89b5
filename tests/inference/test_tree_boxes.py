"""Exact reasons of boosted trees: the leaves as boxes against Shapley values by definition."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from augury.inference.explainers import boxes, coalitions, onnx_trees, open_explainer
from augury.inference.explainers.protocol import log_odds
from augury.inference.runtimes import RUNTIMES
from support.shapley import by_definition, compared
from support.tiny_models import FIELDS, MATRIX, applicants, manifest_of
from support.tree_files import MODES, Node, classifier, ensemble, forest, regressor, save_trees

REFERENCES = applicants(40)[20:23]
ROWS = np.concatenate([MATRIX, applicants(12)])
THRESHOLDS = [
    [22, 35, 47.5, 60, 81],
    [0, 0.5, 1, 1.5],
    [50, 200, 333.25, 600, 900],
    [0, 0.5],
    [0, 3, 5.5, 11, 21],
]
BOTH = {"raw": {"tensor": "both", "column": 1}, "output": ("both", 2)}
# How trees are written, what asks them, and where the answer is.
FORMS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "regressor": (regressor, ("LEQ",), {}),
    "lightgbm": (classifier, ("LEQ",), BOTH),
    "xgboost": (classifier, ("LT",), BOTH),
    "complement": (classifier, ("LT",), BOTH | {"raw": {"tensor": "both"}}),
    "all questions": (regressor, MODES, {}),
    "newest form": (ensemble, MODES, {}),
    "log-odds": (regressor, ("LEQ",), {"raw": {"tensor": "score", "scale": "log_odds"},
                                       "output": ("score", 1)}),
}  # fmt: skip


def opened(path: Path, references: Any = REFERENCES, **changes: Any) -> tuple[Any, Any]:
    """Return what explains a file by its boxes, or None, and what predicts."""
    manifest = manifest_of(**changes)
    predict = RUNTIMES["onnx"](path, manifest, 1)
    return boxes.open_explainer(path, manifest, references, predict), predict


def form(name: str, folder: Path, **more: Any) -> tuple[Any, Any]:
    write, modes, how = FORMS[name]
    trees = forest(THRESHOLDS, 12, 5, modes)
    nodes = write(trees, **more)
    output = how.get("output", ("default_probability", 1))
    if name == "log-odds":
        nodes = nodes[:1]
    path = save_trees(folder / "trees.onnx", nodes, output=output)
    return opened(path, raw=how.get("raw", {}))


@pytest.mark.parametrize("name", FORMS)
def test_boxes_give_shapley_values_by_definition(name: str, tmp_path: Path) -> None:
    """Contributions are those of all 120 orders of joining, missing values among the rows."""
    explain, predict = form(name, tmp_path)
    found = explain(ROWS)
    assert np.isnan(ROWS).any()
    assert np.isnan(REFERENCES).any()
    for row, contributions, base in zip(ROWS, found.fields, found.base, strict=True):
        value = compared(predict, row, REFERENCES)
        np.testing.assert_allclose(contributions, by_definition(value, 5), atol=2e-5)
        assert base == pytest.approx(value(frozenset()), abs=2e-5)
    assert (found.error == 0).all()
    assert np.abs(found.fields).max() > 0.1


@pytest.mark.parametrize("name", FORMS)
def test_boxes_add_up_to_the_log_odds(name: str, tmp_path: Path) -> None:
    """Base and contributions are the log-odds of what the model predicts."""
    explain, predict = form(name, tmp_path)
    rows = applicants(200)
    np.testing.assert_allclose(explain(rows).log_odds(), log_odds(predict(rows)), atol=1e-9)


def test_an_average_of_trees_is_a_sum_too(tmp_path: Path) -> None:
    """Trees that are averaged before the sigmoid are explained like those that are added."""
    explain, predict = form("regressor", tmp_path, aggregate_function="AVERAGE")
    value = compared(predict, ROWS[3], REFERENCES)
    np.testing.assert_allclose(explain(ROWS[3:4]).fields[0], by_definition(value, 5), atol=2e-5)


def test_many_fields_are_explained_exactly(tmp_path: Path) -> None:
    """With twenty fields, and each tree using few of them, sampling comes close and boxes are exact."""
    fields = [
        {"name": f"field_{place}", "type": "number", "example": 1, "minimum": -3, "maximum": 3}
        for place in range(20)
    ]
    trees = forest([[-2, -1, -0.5, 0, 0.5, 1, 2]] * 20, 60, 6, ("LT",))
    path = save_trees(tmp_path / "trees.onnx", regressor(trees), width=20)
    random = np.random.default_rng(2)
    rows, references = (random.normal(size=(size, 20)).astype(np.float32) for size in (3, 2))
    explain, predict = opened(path, references, fields=fields)
    found, sampled = explain(rows), coalitions.against(references, predict)(rows)
    np.testing.assert_allclose(found.log_odds(), log_odds(predict(rows)), atol=1e-9)
    assert (found.error == 0).all()
    assert (sampled.error > 0).all()
    assert np.abs(found.fields - sampled.fields).max() < 2 * sampled.error.max()


def test_certain_trees_are_explained_too(tmp_path: Path) -> None:
    """Where 32 bits round a probability, the contributions still add up to what is sold."""
    trees = forest(THRESHOLDS, 12, 5)
    trees.append(Node(500.0, 2, "LEQ", ways=(Node(0.0), Node(11.0))))
    trees.append(Node(800.0, 2, "LEQ", ways=(Node(0.0), Node(40.0))))
    explain, predict = opened(save_trees(tmp_path / "trees.onnx", regressor(trees)))
    rows = applicants(200)
    given, found = predict(rows), explain(rows).log_odds()
    assert {True, False} == set((given > 0.9999).tolist())
    assert given.max() == 1
    certain = given > 1 - 1e-7
    np.testing.assert_allclose(found[~certain], log_odds(given)[~certain], atol=1e-9)
    assert (found[certain] > 16).all()


def _constant(name: str, values: Any, kind: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.array(values, kind), name)


def _columns_graph(folder: Path) -> Path:
    """Write trees behind scaled numbers and categories that are one column each."""
    kinds = {"home": TensorProto.STRING, "default": TensorProto.STRING}
    inputs = [
        helper.make_tensor_value_info(
            field["name"], kinds.get(field["name"], TensorProto.FLOAT), ["n", 1]
        )
        for field in FIELDS
    ]
    nodes = [
        helper.make_node("Concat", ["age", "amount", "rate"], ["numbers"], axis=1),
        helper.make_node("Scaler", ["numbers"], ["scaled"], domain="ai.onnx.ml",
                         offset=[40.0, 500.0, 10.0], scale=[0.05, 0.002, 0.1]),
        helper.make_node("OneHotEncoder", ["home"], ["home_3d"], domain="ai.onnx.ml",
                         cats_strings=["OWN", "RENT", "OTHER"], zeros=1),
        helper.make_node("Reshape", ["home_3d", "three"], ["homes"]),
        helper.make_node("OneHotEncoder", ["default"], ["default_3d"], domain="ai.onnx.ml",
                         cats_strings=["N", "Y"], zeros=1),
        helper.make_node("Reshape", ["default_3d", "two"], ["defaults"]),
        helper.make_node("Concat", ["scaled", "homes", "defaults"], ["rows"], axis=1),
    ]  # fmt: skip
    thresholds = [[-0.5, 0.1, 0.7], [-0.7, 0, 0.4], [-0.5, 0.2, 1], *[[0.5]] * 5]
    return save_trees(
        folder / "trees.onnx",
        nodes + regressor(forest(thresholds, 25, 6, ("LT", "GT"), seed=4)),
        inputs=inputs,
        constants=[_constant("three", [-1, 3], np.int64), _constant("two", [-1, 2], np.int64)],
    )


def test_columns_that_are_made_of_fields_are_explained_by_field(tmp_path: Path) -> None:
    """The one-hot columns of a category are one player, and a scaled number is its field."""
    explain, predict = opened(_columns_graph(tmp_path))
    for row in ROWS:
        value = compared(predict, row, REFERENCES)
        np.testing.assert_allclose(explain(row[None]).fields[0], by_definition(value, 5), atol=2e-5)


def _product(path: Path) -> Path:
    """Write trees whose first column is a product of two fields."""
    trees = forest([[0, 100, 5000], *THRESHOLDS[1:]], 8, 4)
    nodes = [
        helper.make_node("Gather", ["rows", "first"], ["a"], axis=1),
        helper.make_node("Gather", ["rows", "third"], ["b"], axis=1),
        helper.make_node("Mul", ["a", "b"], ["product"]),
        helper.make_node("Concat", ["product", "rows"], ["mixed"], axis=1),
    ]
    constants = [_constant("first", [0], np.int64), _constant("third", [2], np.int64)]
    return save_trees(path, nodes + regressor(trees, "mixed"), constants=constants)


def _with_nodes(path: Path, nodes: list[Any], constants: list[Any]) -> Path:
    trees = regressor(forest(THRESHOLDS, 8, 4))[:1]
    return save_trees(path, trees + nodes, constants=constants)


# Files that have trees, and more or other things between them and the log-odds.
OTHERS: dict[str, Any] = {
    "chances": lambda path: save_trees(
        path, classifier(forest(THRESHOLDS, 4, 3), post_transform="NONE"), output=("both", 2)
    ),
    "a bend": lambda path: _with_nodes(
        path,
        [
            helper.make_node("Clip", ["score", "low", "high"], ["inside"]),
            helper.make_node("Sigmoid", ["inside"], ["default_probability"]),
        ],
        [_constant("low", -0.1), _constant("high", 0.1)],
    ),
    "a slope": lambda path: _with_nodes(
        path,
        [
            helper.make_node("Mul", ["score", "half"], ["less"]),
            helper.make_node("Sigmoid", ["less"], ["default_probability"]),
        ],
        [_constant("half", 0.5)],
    ),
    "mixed fields": _product,
    "the largest": lambda path: save_trees(
        path, regressor(forest(THRESHOLDS, 4, 3), aggregate_function="MAX")
    ),
    "two ensembles": lambda path: save_trees(
        path,
        [
            regressor(forest(THRESHOLDS, 4, 3))[0],
            helper.make_node("Identity", ["score"], ["first"]),
            *_renamed(regressor(forest(THRESHOLDS, 4, 3, seed=1))[0], "second"),
            helper.make_node("Add", ["first", "second"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["default_probability"]),
        ],
    ),
    "odd weights": lambda path: save_trees(path, [*_misplaced(forest(THRESHOLDS, 4, 3))]),
    "one leaf": lambda path: save_trees(path, regressor([Node(0.5)])),
}


def _misplaced(trees: list[Node]) -> list[Any]:
    """Return a regressor that gives a weight to a question besides those of the leaves."""
    nodes = regressor(trees)
    for found in nodes[0].attribute:
        if found.name in {"target_treeids", "target_nodeids", "target_ids"}:
            found.ints.append(0)
        if found.name == "target_weights":
            found.floats.append(3.0)
    return nodes


def _renamed(node: onnx.NodeProto, output: str) -> list[Any]:
    node.output[0] = output
    return [node]


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_add_up_is_left_to_coalitions(name: str, tmp_path: Path) -> None:
    """Other files have no boxes, and are explained exactly all the same."""
    path = OTHERS[name](tmp_path / "trees.onnx")
    raw = {"tensor": "both", "column": 1} if name == "chances" else {}
    explain, predict = opened(path, raw=raw)
    assert explain is None
    manifest = manifest_of(raw=raw, explain={"price": 1})
    found = open_explainer(path, manifest, REFERENCES, predict, 1)(ROWS)
    expected = coalitions.against(REFERENCES, predict)(ROWS)
    np.testing.assert_allclose(found.fields, expected.fields, atol=1e-12)


def test_rows_for_which_it_does_not_add_up_are_left_to_coalitions(tmp_path: Path) -> None:
    """A bend that no tried row has met is met by a customer's row, and its reasons are exact."""
    path = _with_nodes(
        tmp_path / "trees.onnx",
        [
            helper.make_node("Gather", ["rows", "third"], ["amount"], axis=1),
            helper.make_node("Equal", ["amount", "rare"], ["is_rare"]),
            helper.make_node("Where", ["is_rare", "zero", "score"], ["bent"]),
            helper.make_node("Sigmoid", ["bent"], ["default_probability"]),
        ],
        [_constant("third", [2], np.int64), _constant("rare", 77.125), _constant("zero", 0.0)],
    )
    explain, predict = opened(path)
    rows = ROWS.copy()
    expected = coalitions.against(REFERENCES, predict)
    np.testing.assert_allclose(explain(rows).fields, expected(rows).fields, atol=2e-5)
    rows[3, 2] = 77.125
    np.testing.assert_allclose(explain(rows).fields, expected(rows).fields, atol=1e-12)


def test_ways_that_lead_back_end() -> None:
    """A file whose questions lead to one another in a ring is given up, and not followed for ever."""
    ring = onnx_trees._Trees([0], [0, 1], [1.0, 2.0], ["LEQ"] * 2, [True] * 2, [1, 0], [1, 0], [])
    assert onnx_trees._ways(ring) is None
