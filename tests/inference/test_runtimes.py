"""The contract of every runtime: what a model of any format promises, and what it refuses."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from augury.inference.manifest import BadModel
from augury.inference.model import Model, Probabilities
from augury.inference.runtimes import RUNTIMES
from augury.inference.signature import Matrix
from support.tiny_models import (
    FIELDS,
    MATRIX,
    ROWS,
    WAYS,
    Tiny,
    manifest_of,
    proven,
    save_catboost,
    save_graph,
    save_onnx,
)

MORE = np.tile(MATRIX, (25, 1))
MORE[:, 2] = np.linspace(1, 1000, len(MORE), dtype=np.float32)


def test_every_runtime_is_held_to_the_contract() -> None:
    """No runtime is left out of this suite."""
    assert {runtime for runtime, _ in WAYS.values()} == set(RUNTIMES)


def test_probabilities_come_as_promised(tiny: Tiny) -> None:
    """A matrix of n rows gives n float64 numbers from 0 to 1, not all alike."""
    given = RUNTIMES[tiny.manifest.runtime](tiny.path, tiny.manifest, 1)(MORE)
    assert given.shape == (len(MORE),)
    assert given.dtype == np.dtype(np.float64)
    assert ((given >= 0) & (given <= 1)).all()
    assert len(np.unique(given)) > 3


def test_rows_do_not_depend_on_their_company(tiny: Tiny) -> None:
    """A row gets the same probability alone, joined with others, and among other callers' rows."""
    model = Model(tiny.manifest, tiny.path, 1)
    together = model.predict(MORE)
    alone = np.concatenate([model.predict(MORE[place : place + 1]) for place in range(len(MORE))])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-9)
    callers = [MORE[:1], MORE[1:40], MORE[40:41], MORE[41:]]
    parts = [part for part in model.predict_many(callers) if not isinstance(part, Exception)]
    assert [len(part) for part in parts] == [1, 39, 1, 59]
    np.testing.assert_allclose(np.concatenate(parts), together, rtol=0, atol=1e-9)


def test_only_the_one_to_blame_gets_the_exception(tiny: Tiny) -> None:
    """Where a joined call fails, each matrix is tried alone, once, and only the bad one fails."""
    model = Model(tiny.manifest, tiny.path, 1)
    expected = model.predict(MORE)
    predict = model._predict
    calls: list[int] = []

    def trip(matrix: Matrix) -> Probabilities:
        calls.append(len(matrix))
        if (matrix[:, 2] == MORE[50, 2]).any():
            raise RuntimeError("the runtime has tripped over a row")
        return predict(matrix)

    model._predict = trip
    first, bad, last = model.predict_many([MORE[:3], MORE[50:52], MORE[90:]])
    assert isinstance(bad, RuntimeError)
    for given, right in ((first, expected[:3]), (last, expected[90:])):
        assert isinstance(given, np.ndarray)
        np.testing.assert_allclose(given, right, rtol=0, atol=1e-9)
    assert calls == [15, 3, 2, 10]
    calls.clear()
    (alone,) = model.predict_many([MORE[50:51]])
    assert isinstance(alone, RuntimeError)
    assert calls == [1], "a matrix that went alone is not tried again"


def test_many_threads_may_ask_at_once(tiny: Tiny) -> None:
    """Eight threads that ask the same model at the same time each get their own rows' answers."""
    model = Model(tiny.manifest, tiny.path, 1)
    expected = model.predict(MORE)
    starts = list(range(0, len(MORE), 10)) * 20

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda start: model.predict(MORE[start : start + 10]), starts)
    for start, part in zip(starts, found, strict=True):
        np.testing.assert_allclose(part, expected[start : start + 10], rtol=0, atol=1e-9)


def test_missing_values_are_accepted_where_the_manifest_says_so(tiny: Tiny) -> None:
    """A row whose nullable fields are all missing gets a probability like any other."""
    model = Model(tiny.manifest, tiny.path, 1)
    matrix = model.signature.decode(b'[{"home": "OWN", "amount": 5, "default": "Y", "rate": null}]')
    assert np.isnan(matrix[0, [0, 4]]).all()
    (given,) = model.predict(matrix)
    assert 0 <= given <= 1


def test_a_file_of_another_kind_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    """Garbage, and nothing at all, are refused with the name of the file."""
    for content in (b"", b"not a model at all", bytes(4096)):
        path = tmp_path / "garbage.bin"
        path.write_bytes(content)
        with pytest.raises(BadModel, match=r"garbage\.bin is not a model that"):
            RUNTIMES[tiny.manifest.runtime](path, tiny.manifest, 1)


def test_a_file_of_another_runtime_is_refused(tiny: Tiny) -> None:
    """The artefact of one format is not taken for the other."""
    for other in RUNTIMES.keys() - {tiny.manifest.runtime}:
        with pytest.raises(BadModel, match="is not a model that"):
            RUNTIMES[other](tiny.path, tiny.manifest, 1)


def test_another_number_of_fields_is_refused(tiny: Tiny) -> None:
    """A manifest with a field too many or too few does not fit, and the message shows both."""
    for fields in (FIELDS[:-1], [*FIELDS, {**FIELDS[-1], "name": "more"}]):
        with pytest.raises(BadModel, match="the manifest has"):
            RUNTIMES[tiny.manifest.runtime](tiny.path, manifest_of(fields), 1)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([{**FIELDS[0], "name": "years"}, *FIELDS[1:]], id="another name"),
        pytest.param([FIELDS[0], FIELDS[3], FIELDS[2], FIELDS[1], FIELDS[4]], id="another order"),
        pytest.param(
            [
                {**FIELDS[0], "type": "category", "categories": ["a"], "nullable": False},
                *FIELDS[1:],
            ],
            id="another kind",
        ),
    ],
)
def test_catboost_knows_its_fields_by_name(fields: list[dict[str, Any]], tmp_path: Path) -> None:
    """A CatBoost model names its fields, so a manifest that differs in one is refused."""
    path = save_catboost(tmp_path / "tiny.cbm")
    with pytest.raises(BadModel, match="was trained on"):
        RUNTIMES["catboost"](path, manifest_of(fields), 1)


def test_the_columns_of_catboost_are_those_of_the_manifest(tmp_path: Path) -> None:
    """A model that learnt to tell the young from the old by their age still tells them."""
    path = save_catboost(tmp_path / "tiny.cbm")
    young, old = MORE.copy(), MORE.copy()
    young[:, 0], old[:, 0] = 20, 95
    predict = RUNTIMES["catboost"](path, manifest_of(), 1)
    assert predict(old).min() > predict(young).max()


def test_a_catboost_model_with_its_numbers_first_is_refused(tmp_path: Path) -> None:
    """The same fields in another order of columns do not fit the manifest."""
    path = save_catboost(tmp_path / "tiny.cbm", numbers_first=True)
    with pytest.raises(BadModel, match="was trained on"):
        RUNTIMES["catboost"](path, manifest_of(), 1)


def _graph_with(inputs: list[Any], outputs: list[Any], nodes: list[Any]) -> onnx.GraphProto:
    return helper.make_graph(nodes, "odd", inputs, outputs)


def _tensor(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _mean(source: str, target: str) -> Any:
    return helper.make_node("ReduceMean", [source], [target], axes=[1], keepdims=0)


_OUT = "default_probability"
_ODD_GRAPHS: dict[str, onnx.GraphProto] = {
    "two inputs": _graph_with(
        [_tensor("rows", ["n", 5]), _tensor("more", ["n", 5])],
        [_tensor(_OUT, ["n"])],
        [helper.make_node("Add", ["rows", "more"], ["sum"]), _mean("sum", _OUT)],
    ),
    "no rows dimension": _graph_with(
        [_tensor("rows", [5])],
        [_tensor(_OUT, [5])],
        [helper.make_node("Sigmoid", ["rows"], [_OUT])],
    ),
    "another output": _graph_with(
        [_tensor("rows", ["n", 5])], [_tensor("score", ["n"])], [_mean("rows", "score")]
    ),
    "one row at a time": _graph_with(
        [_tensor("rows", [1, 5])], [_tensor(_OUT, [1])], [_mean("rows", _OUT)]
    ),
    "a number for each field": _graph_with(
        [_tensor("rows", ["n", 5])],
        [_tensor(_OUT, ["n", 5])],
        [helper.make_node("Sigmoid", ["rows"], [_OUT])],
    ),
    "more than a probability": _graph_with(
        [_tensor("rows", ["n", 5])], [_tensor(_OUT, ["n"])], [_mean("rows", _OUT)]
    ),
    "text": _graph_with(
        [_tensor("rows", ["n", 5])],
        [_tensor(_OUT, ["n", 5], TensorProto.STRING)],
        [helper.make_node("Cast", ["rows"], [_OUT], to=TensorProto.STRING)],
    ),
}


@pytest.mark.parametrize("graph", _ODD_GRAPHS)
def test_an_odd_graph_is_refused_at_load(scorecard: Tiny, graph: str, tmp_path: Path) -> None:
    """A graph that cannot do the job is a `BadModel` at load, never a surprise at the first sale."""
    path = save_graph(tmp_path / "odd.onnx", _ODD_GRAPHS[graph])
    artifact = _artifact_of(path)
    with pytest.raises(BadModel):
        Model(scorecard.but(artifact=artifact), path, 1)


def _artifact_of(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_a_model_that_gives_nan_is_refused(scorecard: Tiny, tmp_path: Path) -> None:
    """Not a number is not a probability, also for a single row among good ones."""
    graph = _graph_with(
        [_tensor("rows", ["n", 5])],
        [_tensor(_OUT, ["n"])],
        [helper.make_node("Sigmoid", ["rows"], ["each"]), _mean("each", _OUT)],
    )
    path = save_graph(tmp_path / "nan.onnx", graph)
    with pytest.raises(BadModel, match="not a probability"):
        Model(scorecard.but(artifact=_artifact_of(path)), path, 1)


def test_the_self_test_is_enforced(tiny: Tiny) -> None:
    """A model that does not give what its manifest expects is not loaded."""
    Model(tiny.manifest, tiny.path, 1)
    expected = tiny.manifest.self_test.probabilities
    for place in range(len(expected)):
        tampered = [p + 0.001 if n == place else p for n, p in enumerate(expected)]
        test = {"tolerance": 1e-6, "inputs": ROWS, "probabilities": tampered}
        with pytest.raises(BadModel, match=r"self-test of tiny is off by 0\.001"):
            Model(tiny.but(self_test=test), tiny.path, 1)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param([], [], id="no rows"),
        pytest.param(ROWS, [0.5], id="one value for four rows"),
        pytest.param(ROWS, [0.5] * 5, id="a value too many"),
        pytest.param(ROWS[:1], [], id="no value"),
        pytest.param([{**ROWS[0], "home": "TENT"}], [0.5], id="a row against its own signature"),
    ],
)
def test_a_self_test_that_proves_nothing_is_refused(
    scorecard: Tiny, inputs: list[Any], expected: list[float]
) -> None:
    """A self-test needs rows of the model's own signature and one expected value for each."""
    test = {"tolerance": 1.0, "inputs": inputs, "probabilities": expected}
    with pytest.raises(BadModel, match="self-test"):
        Model(scorecard.but(self_test=test), scorecard.path, 1)


def test_an_artefact_that_was_changed_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    """One changed, missing or additional byte is a SHA-256 that the manifest does not promise."""
    content = tiny.path.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    for tampered in (flipped, content[:-1], content + b"\0", b""):
        path = tmp_path / tiny.path.name
        path.write_bytes(tampered)
        with pytest.raises(BadModel, match="has SHA-256 .*, the manifest promises"):
            Model(tiny.manifest, path, 1)


def test_an_unknown_runtime_is_named() -> None:
    """A manifest for a runtime that does not exist says which ones do."""
    with pytest.raises(BadModel, match="'pickle'; known are catboost, linear, onnx, remote"):
        Model(manifest_of(runtime="pickle"), Path("nothing"), 1)


def test_calibration_corrects_the_log_odds(tmp_path: Path) -> None:
    """The correction moves probabilities on the scale of log-odds; certainty stays certain."""
    tiny = proven(save_onnx(tmp_path / "tiny.onnx"), "onnx")
    plain = Model(tiny.manifest, tiny.path, 1).predict(MORE)
    log_odds = np.log(plain / (1 - plain))
    expected = 1 / (1 + np.exp(-(2.0 * log_odds - 0.5)))
    unproven = {"tolerance": 1.0, "inputs": ROWS, "probabilities": [0.5] * 4}
    corrected = Model(
        tiny.but(calibration={"slope": 2.0, "intercept": -0.5}, self_test=unproven), tiny.path, 1
    )
    np.testing.assert_allclose(corrected.predict(MORE), expected, rtol=1e-9)


def test_certainty_survives_calibration(tmp_path: Path) -> None:
    """A probability of exactly 0 or 1 stays what it is, without a complaint about infinities."""
    tiny = proven(save_onnx(tmp_path / "tiny.onnx", gain=1e5), "onnx")
    plain = Model(tiny.manifest, tiny.path, 1).predict(MORE)
    assert {0.0, 1.0} <= set(plain.tolist())
    unproven = {"tolerance": 1.0, "inputs": ROWS, "probabilities": [0.5] * 4}
    corrected = Model(
        tiny.but(calibration={"slope": 0.9, "intercept": 0.1}, self_test=unproven), tiny.path, 1
    ).predict(MORE)
    certain = (plain == 0) | (plain == 1)
    assert (corrected[certain] == plain[certain]).all()


@pytest.mark.parametrize(
    ("probability", "output"),
    [
        (0.0, (0.0, 1.0, "approve")),
        (0.1999999, (0.2, 0.8, "approve")),
        (0.2, (0.2, 0.8, "review")),
        (0.5999, (0.5999, 0.4001, "review")),
        (0.6, (0.6, 0.4, "decline")),
        (1.0, (1.0, 0.0, "decline")),
        (0.123456789, (0.123457, 0.876543, "approve")),
    ],
)
def test_an_output_is_probability_complement_and_decision(
    scorecard: Tiny, probability: float, output: tuple[float, float, str]
) -> None:
    """Both probabilities are rounded alike and add up to 1; the thresholds decide."""
    model = Model(scorecard.manifest, scorecard.path, 1)
    (given,) = model.outputs(np.array([probability]))
    assert tuple(given.values()) == output
    assert list(given) == ["default_probability", "approval_probability", "decision"]


def test_a_nullable_category_may_be_missing(tmp_path: Path) -> None:
    """A category that may be missing arrives at the runtime as a missing value."""
    fields = [*FIELDS[:1], {**FIELDS[1], "nullable": True}, *FIELDS[2:]]
    tiny = proven(save_onnx(tmp_path / "tiny.onnx"), "onnx", inputs=_full(fields))
    model = Model(tiny.manifest, tiny.path, 1)
    matrix = model.signature.decode(
        b'[{"amount": 5, "default": "Y"}, {"home": "RENT", "amount": 5, "default": "Y"}]'
    )
    assert np.isnan(matrix[:, 1]).tolist() == [True, False]
    assert model.predict(matrix).shape == (2,)


def test_catboost_has_no_missing_categories(tmp_path: Path) -> None:
    """CatBoost knows no missing category, so a manifest that allows one is refused at load."""
    fields = [*FIELDS[:1], {**FIELDS[1], "nullable": True}, *FIELDS[2:]]
    path = save_catboost(tmp_path / "tiny.cbm")
    with pytest.raises(BadModel, match="home"):
        RUNTIMES["catboost"](path, manifest_of(fields), 1)


def _full(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = {"en": "x", "ru": "x"}
    return [{"title": text, "description": text} | field for field in fields]
