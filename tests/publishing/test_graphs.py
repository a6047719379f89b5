"""ONNX files of other people's making."""

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from augury.inference.manifest import Raw
from augury.publishing.trouble import NotPublishable
from publishing.offers import applicants, offered, outcomes, single

FIXTURES = Path(__file__).parent / "fixtures"
TRAINED, NEW = single(applicants()), single(applicants(600, seed=8))
PAIR = ["age", "income"]


def saved(path: Path, nodes: list[onnx.NodeProto], output: str, shape: list[str | int]) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array([[-0.05], [0.0001]], np.float32), "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_graph_of_skl2onnx_with_and_without_a_zipmap(zipmap: bool, tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(TRAINED[PAIR], outcomes(TRAINED))
    types = [("x", FloatTensorType([None, 2]))]
    graph = to_onnx(model, initial_types=types, options={"zipmap": zipmap}, target_opset=17)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    offer = offered(tmp_path / "model.onnx", TRAINED[PAIR])
    assert offer.manifest.raw == Raw("probability_inside", 1, "probability")
    assert offer.apart(NEW[PAIR], model.predict_proba(NEW[PAIR])[:, 1]) <= 1e-5


def test_a_graph_with_a_tensor_for_each_field_and_texts(tmp_path: Path) -> None:
    columns = ColumnTransformer([("c", OneHotEncoder(), ["home"]), ("n", "passthrough", PAIR)])
    model = make_pipeline(columns, LogisticRegression(max_iter=500))
    fields = TRAINED[["home", *PAIR]]
    model.fit(fields, outcomes(TRAINED))
    types = [("home", StringTensorType([None, 1]))]
    types += [(name, FloatTensorType([None, 1])) for name in PAIR]
    graph = to_onnx(model, initial_types=types, target_opset=17)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    offer = offered(tmp_path / "model.onnx", TRAINED)
    assert [field.name for field in offer.manifest.inputs] == ["home", *PAIR]
    assert offer.apart(NEW[["home", *PAIR]], model.predict_proba(NEW)[:, 1]) <= 1e-5


def test_a_graph_that_pytorch_exported_gives_what_pytorch_gave(tmp_path: Path) -> None:
    told = json.loads((FIXTURES / "pytorch.json").read_text())
    rows = pd.DataFrame(told["rows"], columns=["a", "b", "c", "d"], dtype=float)
    path = tmp_path / "pytorch.onnx"
    path.write_bytes((FIXTURES / "pytorch.onnx").read_bytes())
    offer = offered(path, rows)
    assert offer.manifest.raw.scale == "log_odds"
    assert [field.nullable for field in offer.manifest.inputs] == [False, False, True, False]
    assert offer.apart(rows, told["probabilities"]) <= 1e-5


def test_weights_beside_the_graph_are_put_into_it(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["score"])]
    path = saved(tmp_path / "model.onnx", nodes, "score", ["n", 1])
    inside = offered(path, TRAINED[PAIR])
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0
    )
    assert (tmp_path / "weights").exists()
    assert offered(path, TRAINED[PAIR]).manifest.self_test == inside.manifest.self_test


def test_what_an_exporter_wrote_about_the_publisher_s_machine_is_left_out(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["score"], doc_string="secret/model.py")
    node.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="secret/model.py")
    path = saved(tmp_path / "model.onnx", [node], "score", ["n", 1])
    assert b"secret" in path.read_bytes()
    offer = offered(path, TRAINED[PAIR])
    assert b"secret" not in (offer.folder / "model.onnx").read_bytes()


def test_a_graph_without_a_probability_is_refused_and_the_way_out_is_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["one"]),
        helper.make_node("Concat", ["one", "one", "one"], ["three"], axis=1),
    ]
    path = saved(tmp_path / "model.onnx", nodes, "three", ["n", 3])
    with pytest.raises(NotPublishable, match=r"probability of two classes: three \(400, 3\)"):
        offered(path, TRAINED[PAIR])
    told = {"raw": {"tensor": "three", "column": 2, "scale": "log_odds"}}
    offer = offered(path, TRAINED[PAIR], manifest=told)
    odds = NEW[PAIR].to_numpy(np.float32) @ np.array([-0.05, 0.0001], np.float32)
    assert offer.apart(NEW[PAIR], 1 / (1 + np.exp(-odds.astype(np.float64)))) <= 1e-5


@pytest.mark.parametrize("opset", [10, 17])
def test_a_probability_that_rounding_carried_beyond_1_is_one(opset: int, tmp_path: Path) -> None:
    above = numpy_helper.from_array(np.array(1.0000002, np.float32), "above")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["chance"]),
        helper.make_node("Mul", ["chance", "above"], ["much"]),
    ]
    path = saved(tmp_path / "model.onnx", nodes, "much", ["n", 1])
    graph = onnx.load(path)
    graph.graph.initializer.append(above)
    graph.opset_import[0].version = opset
    onnx.save(graph, path)
    certain = TRAINED[PAIR].assign(income=1e6)
    assert offered(path, certain).chances(certain).max() == 1
