"""How the `onnx` runtime binds a manifest to a graph: one matrix, or a tensor for each field."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.inference.odds import probability
from augury.inference.runtimes import RUNTIMES
from support.tiny_models import FIELDS, MATRIX, manifest_of, proven, save_graph

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
BOOL, STRING, INT32 = TensorProto.BOOL, TensorProto.STRING, TensorProto.INT32
OUT = "default_probability"
MEAN = np.array([0.1, 0.2, 0.001, -1.5, 0.05])

# A tensor for each field; the age is an integer that is always given.
GIVEN = [{**FIELDS[0], "nullable": False}, *FIELDS[1:]]
PORTS: list[tuple[str, int]] = [
    ("age", INT64),
    ("home", STRING),
    ("amount", DOUBLE),
    ("default", BOOL),
    ("rate", FLOAT),
]


def tensor(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def save_matrix(path: Path, kind: int = FLOAT, shape: list[Any] | None = None) -> Path:
    """Write the sigmoid of a weighted sum of the columns, missing ones as zero, of any width."""
    weights = numpy_helper.from_array(
        MEAN[:, None].astype(np.float64 if kind == DOUBLE else np.float32), "weights"
    )
    nodes = [
        helper.make_node("IsNaN", ["rows"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "rows"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["chance"]),
        helper.make_node("Sub", ["one", "chance"], ["rest"]),
        helper.make_node("Concat", ["rest", "chance"], ["both"], axis=1),
    ]
    outputs = [
        tensor("score", kind, ["n", 1]),
        tensor("chance", kind, ["n", 1]),
        tensor("both", kind, ["n", 2]),
    ]
    constants = [
        weights,
        helper.make_tensor("zero", kind, [], [0.0]),
        helper.make_tensor("one", kind, [], [1.0]),
    ]
    rows = tensor("rows", kind, ["n", 5] if shape is None else shape)
    return save_graph(path, helper.make_graph(nodes, "matrix", [rows], outputs, constants))


def save_columns(path: Path, ports: list[tuple[str, int]], shape: list[Any]) -> Path:
    """Write the sigmoid of the mean of all fields; a text counts by its length."""
    nodes, names = [], []
    for name, kind in ports:
        source = name
        if kind == STRING:
            # The place of a text in the manifest's list; an unknown one is -1, nothing is 9.
            nodes.append(
                helper.make_node(
                    "LabelEncoder", [name], [f"{name}_code"], domain="ai.onnx.ml",
                    keys_strings=["OWN", "RENT", "OTHER", ""], values_floats=[0.0, 1.0, 2.0, 9.0],
                    default_float=-1.0,
                )
            )  # fmt: skip
            source = f"{name}_code"
        nodes += [
            helper.make_node("Cast", [source], [f"{name}_float"], to=FLOAT),
            helper.make_node("Reshape", [f"{name}_float", "tall"], [f"{name}_tall"]),
        ]
        names.append(f"{name}_tall")
    nodes += [
        helper.make_node("Concat", names, ["rows"], axis=1),
        helper.make_node("IsNaN", ["rows"], ["missing"]),
        helper.make_node("Where", ["missing", "seven", "rows"], ["known"]),
        helper.make_node("Gemm", ["known", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], [OUT]),
    ]
    order = {field["name"]: place for place, field in enumerate(FIELDS)}
    weights = np.array([MEAN[order.get(name, 0)] for name, _ in ports], np.float32)
    graph = helper.make_graph(
        nodes,
        "columns",
        [tensor(name, kind, shape) for name, kind in ports],
        [tensor(OUT, FLOAT, ["n", 1])],
        [
            helper.make_tensor("tall", INT64, [2], [-1, 1]),
            helper.make_tensor("seven", FLOAT, [], [7.0]),
            numpy_helper.from_array(weights[:, None], "weights"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def expected(missing: float = 0.0) -> Any:
    return probability(np.where(np.isnan(MATRIX), missing, MATRIX).astype(np.float64) @ MEAN)


@pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
@pytest.mark.parametrize("width", [5, "fields"])
def test_a_graph_may_take_one_matrix(kind: int, width: Any, tmp_path: Path) -> None:
    """One tensor of floats or doubles has the manifest's columns, missing values as NaN."""
    path = save_matrix(tmp_path / "matrix.onnx", kind, ["n", width])
    for raw in (
        {"tensor": "chance"},
        {"tensor": "both", "column": 1},
        {"tensor": "score", "scale": "log_odds"},
    ):
        tiny = proven(path, "onnx", raw=raw)
        given = Model(tiny.manifest, path, 1).predict(MATRIX)
        np.testing.assert_allclose(given, expected(), rtol=1e-5, atol=1e-7)
    complement = proven(path, "onnx", raw={"tensor": "both"})
    given = Model(complement.manifest, path, 1).predict(MATRIX)
    np.testing.assert_allclose(given, 1 - expected(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("shape", [["n", 1], ["n"], ["n", "one"], [None]])
def test_a_graph_may_take_a_tensor_for_each_field(shape: list[Any], tmp_path: Path) -> None:
    """Each tensor is named like its field and gets text, whole numbers, yes or no, or a float."""
    ports: list[tuple[str, int]] = [PORTS[place] for place in (4, 1, 0, 3, 2)]
    path = save_columns(tmp_path / "columns.onnx", ports, shape)
    matrix = MATRIX.copy()
    matrix[2, 0] = 44
    given = RUNTIMES["onnx"](path, manifest_of(GIVEN), 1)(matrix)
    known = np.where(np.isnan(matrix), 7, matrix).astype(np.float64)
    np.testing.assert_allclose(given, probability(known @ MEAN), rtol=1e-5)


def test_a_missing_category_is_an_empty_text(tmp_path: Path) -> None:
    """What a row does not say reaches a graph of texts as nothing, and one of numbers as NaN."""
    nullable = [GIVEN[0], {**FIELDS[1], "nullable": True}, *FIELDS[2:]]
    matrix = MATRIX.copy()
    matrix[2, 0], matrix[:, 1] = 44, np.nan
    kinds: list[tuple[int, int]] = [(STRING, 9), (FLOAT, 7)]
    for kind, code in kinds:
        ports: list[tuple[str, int]] = [PORTS[0], ("home", kind), *PORTS[2:]]
        path = save_columns(tmp_path / "columns.onnx", ports, ["n", 1])
        given = RUNTIMES["onnx"](path, manifest_of(nullable), 1)(matrix)
        known = np.where(np.isnan(matrix), 7, matrix).astype(np.float64)
        known[:, 1] = code
        np.testing.assert_allclose(given, probability(known @ MEAN), rtol=1e-5)


def test_a_model_of_one_field_may_be_bound_either_way(tmp_path: Path) -> None:
    """One tensor of one column is the matrix and the field at once; one of text is the field."""
    ways: list[tuple[str, int, int]]
    ways = [("home", STRING, 1), ("rate", FLOAT, 4), ("anything", FLOAT, 4)]
    for name, kind, field in ways:
        path = save_columns(tmp_path / "one.onnx", [(name, kind)], ["n", 1])
        given = RUNTIMES["onnx"](path, manifest_of([FIELDS[field]]), 1)(MATRIX[:, [field]])
        assert given.shape == (4,)
        assert len(np.unique(given)) > 1


def _changed(place: int, kind: int, **field: Any) -> tuple[list[Any], list[Any]]:
    ports, fields = [*PORTS], [*GIVEN]
    ports[place] = (PORTS[place][0], kind)
    fields[place] = fields[place] | field
    return ports, fields


@pytest.mark.parametrize(
    ("ports", "fields", "told"),
    [
        ([*PORTS, ("more", FLOAT)], GIVEN, "unknown are more, missing are -"),
        (PORTS[1:], GIVEN, "unknown are -, missing are age"),
        ([("years", INT64), *PORTS[1:]], GIVEN, "unknown are years, missing are age"),
        (*_changed(0, INT64, nullable=True), "no way to say that a value is missing"),
        (*_changed(3, BOOL, nullable=True), "no way to say that a value is missing"),
        (*_changed(1, BOOL), "cannot take a field of type category"),
        (*_changed(2, INT64), "cannot take a field of type number"),
        (*_changed(2, STRING), "cannot take a field of type number"),
        (*_changed(0, INT32), r"'age': int32 \[any, 1\] cannot take a field of type integer"),
    ],
)
def test_tensors_that_are_not_the_fields_are_refused(
    ports: list[tuple[str, int]], fields: list[dict[str, Any]], told: str, tmp_path: Path
) -> None:
    """The refusal names what was found and what is needed."""
    path = save_columns(tmp_path / "odd.onnx", ports, ["n", 1])
    with pytest.raises(BadModel, match=told):
        RUNTIMES["onnx"](path, manifest_of(fields), 1)


@pytest.mark.parametrize(
    ("shape", "kind", "told"),
    [
        ([3, 5], FLOAT, r"any number of rows, and its input is 'rows': float \[3, 5\]"),
        (["n", 4], FLOAT, r"takes 'rows': float \[any, 4\].*needed is float or double \[any, 5\]"),
        (["n", 5, 1], FLOAT, r"takes 'rows': float \[any, 5, 1\]"),
        (["n"], FLOAT, r"takes 'rows': float \[any\]"),
        (["n", 5], INT64, r"takes 'rows': int64 \[any, 5\]"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(
    shape: list[Any], kind: int, told: str, tmp_path: Path
) -> None:
    """The refusal shows kind and shape of the input, and those that are needed."""
    graph = helper.make_graph(
        [helper.make_node("Cast", ["rows"], [OUT], to=FLOAT)],
        "odd",
        [tensor("rows", kind, shape)],
        [tensor(OUT, FLOAT, shape)],
    )
    path = save_graph(tmp_path / "odd.onnx", graph)
    with pytest.raises(BadModel, match=told):
        RUNTIMES["onnx"](path, manifest_of(), 1)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"tensor": "scores"}, "no output 'scores'; it has score, chance, both"),
        ({"tensor": "both", "column": 2}, r"'both': float \[any, 2\] has no column 2"),
        ({"tensor": "chance", "column": 1}, r"'chance': float \[any, 1\] has no column 1"),
    ],
)
def test_an_answer_that_is_not_there_is_refused(
    raw: dict[str, Any], told: str, tmp_path: Path
) -> None:
    """The tensor and the column of the manifest must be among the outputs."""
    path = save_matrix(tmp_path / "matrix.onnx")
    with pytest.raises(BadModel, match=told):
        RUNTIMES["onnx"](path, manifest_of(raw=raw), 1)


def test_an_answer_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A list of dictionaries, as converters write by default, is refused with the remedy."""
    zipped = helper.make_node(
        "ZipMap", ["rows"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3, 4]
    )
    whole = helper.make_node("Cast", ["rows"], ["whole"], to=INT64)
    element = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
    graph = helper.make_graph(
        [zipped, whole],
        "zipped",
        [tensor("rows", FLOAT, ["n", 5])],
        [
            helper.make_value_info("zipped", helper.make_sequence_type_proto(element)),
            tensor("whole", INT64, ["n", 5]),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    path = tmp_path / "zipped.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    for name, told in (("zipped", "export without ZipMap"), ("whole", "needed is float or double")):
        with pytest.raises(BadModel, match=told):
            RUNTIMES["onnx"](path, manifest_of(raw={"tensor": name}), 1)


def test_log_odds_of_any_size_become_probabilities(tmp_path: Path) -> None:
    """Neither thousands of log-odds nor their opposite are an overflow or a complaint."""
    path = save_matrix(tmp_path / "matrix.onnx", DOUBLE)
    predict = RUNTIMES["onnx"](path, manifest_of(raw={"tensor": "score", "scale": "log_odds"}), 1)
    matrix = np.tile(MATRIX[:1], (2, 1))
    matrix[:, 2] = [1e9, -1e9]
    low, high = sorted(predict(matrix))
    assert 0 <= low < 1e-300
    assert high == 1


def test_weights_in_another_file_are_not_read(tmp_path: Path) -> None:
    """A graph that wants a second file is refused, though the file lies beside it."""
    model = onnx.load(save_matrix(tmp_path / "whole.onnx"))
    path = tmp_path / "parts.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size > 0
    with pytest.raises(BadModel, match="External data"):
        RUNTIMES["onnx"](path, manifest_of(raw={"tensor": "chance"}), 1)
