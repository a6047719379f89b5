"""A small server of the Open Inference Protocol v2 on loopback, which can be told to misbehave."""

import atexit
import json
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

# What the tiny models' fields are, and how much each weighs here.
NAMES = ["age", "home", "amount", "default", "rate"]
HOMES = ["OWN", "RENT", "OTHER"]
WEIGHTS = np.array([-0.03, 0.4, 0.001, 1.2, 0.05])

MATRIX_IN = [{"name": "rows", "datatype": "FP32", "shape": [-1, 5]}]
COLUMNS_IN = [
    {"name": "age", "datatype": "FP32", "shape": [-1, 1]},
    {"name": "home", "datatype": "BYTES", "shape": [-1, 1]},
    {"name": "amount", "datatype": "FP64", "shape": [-1]},
    {"name": "default", "datatype": "BOOL", "shape": [-1, 1]},
    {"name": "rate", "datatype": "FP64", "shape": [-1, 1]},
]
CHANCES = [
    {"name": "default_probability", "datatype": "FP64", "shape": [-1]},
    {"name": "chances", "datatype": "FP64", "shape": [-1, 2]},
    {"name": "score", "datatype": "FP32", "shape": [-1, 1]},
]


def _numbers(tensor: dict[str, Any]) -> Any:
    data = tensor["data"]
    if tensor["datatype"] == "BYTES":
        data = [HOMES.index(text) for text in data]
    return np.array(data, np.float64).reshape(tensor["shape"])


def score(inputs: list[dict[str, Any]]) -> Any:
    """Return the log-odds [rows] from one matrix, or from a tensor for each field."""
    tensors = {tensor["name"]: _numbers(tensor) for tensor in inputs}
    matrix = tensors.get("rows")
    if matrix is None:
        matrix = np.stack([tensors[name].reshape(-1) for name in NAMES], axis=1)
    return np.nan_to_num(matrix, nan=0.0) @ WEIGHTS


def answer_of(name: str, data: Any, shape: list[int]) -> dict[str, Any]:
    """Return the body of an answer with one tensor."""
    tensor = {"name": name, "shape": shape, "datatype": "FP64", "data": data}
    return {"model_name": "tiny", "outputs": [tensor]}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    found = score(request["inputs"])
    chance = 1 / (1 + np.exp(-found))
    (wanted,) = [output["name"] for output in request["outputs"]]
    if wanted == "chances":
        both = np.stack([1 - chance, chance], axis=1)
        return answer_of(wanted, both.tolist(), [len(found), 2])
    if wanted == "score":
        return answer_of(wanted, found.tolist(), [len(found), 1])
    return answer_of(wanted, chance.tolist(), [len(found)])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_GET(self) -> None:
        self.handle_call(b"")

    def do_POST(self) -> None:
        self.handle_call(self.rfile.read(int(self.headers["Content-Length"])))

    def handle_call(self, body: bytes) -> None:
        owner = self.server.owner
        owner.calls.append((self.command, self.path, body))
        if owner.instead and owner.instead(self, body):
            return
        if self.command == "GET":
            told = {"name": "tiny", "inputs": owner.inputs, "outputs": owner.outputs}
        else:
            told = _answer(json.loads(body))
        self.give(200, json.dumps(told).encode())

    def give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with five, who connects among many waits for seconds
    owner: "OpenInference"

    def handle_error(self, *_: Any) -> None:
        """Callers that hang up are what the tests are about."""


class OpenInference:
    """A running server. `instead` may answer a call itself, and returns whether it did."""

    instead: Callable[[_Handler, bytes], bool] | None = None

    def __init__(self, inputs: list[dict[str, Any]] = MATRIX_IN, port: int = 0) -> None:
        self.inputs = inputs
        self.outputs = CHANCES
        self.calls: list[tuple[str, str, bytes]] = []
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@cache
def shared() -> OpenInference:
    """Return a server that lives as long as the process, for tests that need any."""
    server = OpenInference()
    atexit.register(server.close)
    return server
