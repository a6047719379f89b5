"""The protocol as a stock client of it speaks it, against a real process."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from augury.inference.model import Model
from support.inference_processes import InferenceProcess, digest
from support.tiny_models import FIELDS, MATRIX, Tiny, applicants, proven, save_remote

WAYS = ["onnx", "catboost", "catboost-json", "linear"]


@pytest.fixture
def client(served: InferenceProcess) -> Iterator[Any]:
    """A stock client."""
    opened = InferenceServerClient(served.url.removeprefix("http://"))
    yield opened
    opened.close()


def tensor(matrix: Any, *, binary: bool = True) -> InferInput:
    found = InferInput("rows", list(matrix.shape), "FP32")
    found.set_data_from_numpy(matrix, binary_data=binary)
    return found


def test_a_stock_client_finds_the_server_alive_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    told = client.get_server_metadata()
    assert told["name"] == "augury"
    assert "binary_tensor_data" in told["extensions"]


def test_a_stock_client_lists_what_is_loaded(client: Any, tinies: dict[str, Tiny]) -> None:
    listed = client.get_model_repository_index()
    assert [(one["name"], one["version"], one["state"]) for one in listed] == [
        (name, "3", "READY") for name in sorted(f"tiny-{way}" for way in tinies)
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_stock_client_inspects_a_model(client: Any, tinies: dict[str, Tiny], way: str) -> None:
    name = f"tiny-{way}"
    assert client.is_model_ready(name)
    assert client.is_model_ready(name, "3")
    assert not client.is_model_ready(name, "2")
    assert not client.is_model_ready("nobody")
    told = client.get_model_metadata(name, "3")
    assert told["versions"] == ["3"]
    assert told["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, 5]}]
    assert told["outputs"][0] == {"name": "probability", "datatype": "FP64", "shape": [-1]}
    assert told["parameters"]["digest"] == digest(tinies[way])
    assert [one["name"] for one in told["parameters"]["fields"]] == [f["name"] for f in FIELDS]
    assert told["parameters"]["fields"][1]["categories"] == ["OWN", "RENT", "OTHER"]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("way", WAYS)
def test_probabilities_are_those_of_this_process_to_the_last_bit(
    client: Any, tinies: dict[str, Tiny], way: str, binary: bool
) -> None:
    """Through the service with its calibration, binary as a stock client does it, or as JSON."""
    tiny = tinies[way]
    expected = Model(tiny.manifest, tiny.path, 1).predict(applicants(700))
    outputs = None if binary else [InferRequestedOutput("probability", binary_data=False)]
    given = client.infer(tiny.manifest.name, [tensor(applicants(700))], "3", outputs=outputs)
    assert np.array_equal(given.as_numpy("probability"), expected)
    assert ("data" in given.get_output("probability")) is not binary


@pytest.mark.parametrize("nested", [True, False])
def test_null_is_a_missing_value_in_json(
    served: InferenceProcess, tinies: dict[str, Tiny], nested: bool
) -> None:
    tiny = tinies["onnx"]
    table = [[None if np.isnan(v) else float(v) for v in row] for row in MATRIX]
    data = table if nested else [value for row in table for value in row]
    body = {
        "id": "seven",
        "inputs": [{"name": "rows", "shape": [4, 5], "datatype": "FP32", "data": data}],
    }
    answer = served.post("/v2/models/tiny-onnx/infer", json.dumps(body).encode())
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["id"], told["model_name"], told["model_version"]) == ("seven", "tiny-onnx", "3")
    expected = Model(tiny.manifest, tiny.path, 1).predict(MATRIX)
    assert told["outputs"][0]["data"] == expected.tolist()


@pytest.mark.parametrize("way", WAYS)
def test_reasons_are_outputs_on_request(client: Any, tinies: dict[str, Tiny], way: str) -> None:
    tiny = tinies[way]
    expected = Model(tiny.manifest, tiny.path, 1).contributions(MATRIX)
    wanted = [
        InferRequestedOutput(name) for name in ("contributions", "base", "error", "probability")
    ]
    given = client.infer(tiny.manifest.name, [tensor(MATRIX)], outputs=wanted)
    assert np.array_equal(given.as_numpy("contributions"), expected.fields)
    assert np.array_equal(given.as_numpy("base"), expected.base)
    assert np.array_equal(given.as_numpy("error"), expected.error)


def test_the_runtime_for_other_servers_can_sell_what_runs_here(
    served: InferenceProcess, tinies: dict[str, Tiny], tmp_path: Any
) -> None:
    tiny = tinies["linear"]
    path = save_remote(tmp_path / "address.json", served.url, model="tiny-linear", version="3")
    remote = proven(path, "remote", raw={"tensor": "probability"})
    expected = Model(tiny.manifest, tiny.path, 1).predict(MATRIX)
    np.testing.assert_allclose(remote.manifest.self_test.probabilities, expected, atol=1e-12)


def test_errors_come_in_the_protocols_form(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="not loaded"):
        client.get_model_metadata("nobody")
    with pytest.raises(InferenceServerException, match="is not a value"):
        client.infer("tiny-onnx", [tensor(np.full((1, 5), 7e9, np.float32))])


def test_a_stock_client_unloads_a_version(
    client: Any, served: InferenceProcess, tinies: dict[str, Tiny]
) -> None:
    served.load(tinies["onnx"], 9).raise_for_status()
    assert client.is_model_ready("tiny-onnx", "9")
    served.post("/v2/repository/models/tiny-onnx/unload", b'{"parameters": {"version": "9"}}')
    assert not client.is_model_ready("tiny-onnx", "9")
    assert client.is_model_ready("tiny-onnx", "3")
    served.load(tinies["linear"], 4).raise_for_status()
    client.unload_model("tiny-linear")
    assert not client.is_model_ready("tiny-linear")
    served.load(tinies["linear"], 3).raise_for_status()
