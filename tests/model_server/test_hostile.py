"""Requests that no client would send: each gets an answer that says what is wrong, and no more."""

import json
import socket
import struct
import time
from contextlib import suppress
from typing import Any

import httpx2
import numpy as np
import pytest

from augury.model_server.app import MOST_IN_FLIGHT
from augury.model_server.intake import MOST_BODY_BYTES
from support.inference_processes import InferenceProcess
from support.tiny_models import MATRIX, Tiny

INFER = "/v2/models/tiny-onnx/infer"
GOOD = {"name": "rows", "shape": [1, 5], "datatype": "FP32", "data": [30, 1, 10.5, 0, 5.5]}


def ask(served: InferenceProcess, content: Any, **headers: str) -> tuple[int, str]:
    """Return status and error of an inference."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = served.post(INFER, body, **headers)
    assert set(answer.json()) == ({"error"} if answer.status_code != 200 else set(answer.json()))
    return answer.status_code, answer.json().get("error", "")


def with_input(**changes: Any) -> dict[str, Any]:
    told = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return {"inputs": [told]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"datatype": "FP64"}, "must be FP32"),
        ({"datatype": "BYTES", "data": ["a"] * 5}, "must be FP32"),
        ({"datatype": "INT8"}, "must be FP32"),
        ({"shape": [1001, 5]}, "must be [1..1000, 5]"),
        ({"shape": [0, 5], "data": []}, "must be [1..1000, 5]"),
        ({"shape": [-1, 5]}, "must be [1..1000, 5]"),
        ({"shape": [2**62, 2**62]}, "must be [1..1000, 5]"),
        ({"shape": [2**80, 5]}, "must be [1..1000, 5]"),
        ({"shape": [5]}, "must be [1..1000, 5]"),
        ({"shape": [1] * 1000}, "cannot be read"),
        ({"shape": [1, 6], "data": [1] * 6}, "must be [1..1000, 5]"),
        ({"shape": "large"}, "cannot be read"),
        ({"data": [30, 1, 10.5, 0]}, "4 numbers, and 5 are needed"),
        ({"data": [[30, 1], [10.5, 0, 5.5]]}, "not 1 rows of 5"),
        ({"data": [30, 1, 10.5, 0, "5.5"]}, "data must be numbers"),
        ({"data": [30, 1, 10.5, 0, True]}, "data must be numbers"),
        ({"data": {"0": 1}}, "data must be numbers"),
        ({"data": None}, "data must be numbers"),
        ({"data": ...}, "data or binary_data_size"),
        ({"data": [1e300, 1, 10.5, 0, 5.5]}, "inf is not a value"),
        ({"data": [30, 3, 10.5, 0, 5.5]}, "row 0, 'home': 3.0 is not a value"),
        ({"data": [30, 0.5, 10.5, 0, 5.5]}, "'home': 0.5 is not a value"),
        ({"data": [30, None, 10.5, 0, 5.5]}, "'home': nan is not a value"),
        ({"data": [30, 1, 1000.5, 0, 5.5]}, "'amount': 1000.5 is not a value"),
        ({"data": [30.5, 1, 10.5, 0, 5.5]}, "'age': 30.5 is not a value"),
        ({"parameters": {"shared_memory_region": "x"}}, "shared memory"),
        ({"parameters": {"binary_data_size": 20}}, "20 bytes are promised and 0 came"),
        ({"name": "columns"}, "takes one input"),
    ],
)
def test_an_input_that_does_not_fit_is_named(
    served: InferenceProcess, changes: dict[str, Any], said: str
) -> None:
    status, error = ask(served, with_input(**changes))
    assert status == 400
    assert said in error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'"\xff"', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"inputs":' + b"[" * 100_000, "cannot be read"),
        (b'{"inputs":[{"name":"rows","shape":[1,5],"datatype":"FP32","data":' + b"[" * 500_000, "cannot be read"),
        (b'{"a":' * 100_000, "cannot be read"),
        (json.dumps({"inputs": [GOOD] * 17}).encode(), "cannot be read"),
        (json.dumps({"inputs": [GOOD, GOOD]}).encode(), "takes one input"),
        (json.dumps({"inputs": []}).encode(), "takes one input"),
        (json.dumps({"inputs": [GOOD], "outputs": [{"name": "weights"}]}).encode(), "no output 'weights'"),
        (
            json.dumps({"inputs": [GOOD], "outputs": [{"name": "probability", "parameters": {"classification": 1}}]}).encode(),
            "classification",
        ),
    ],
    ids=lambda value: repr(value[:40]),
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(
    served: InferenceProcess, body: bytes, said: str
) -> None:
    status, error = ask(served, body)
    assert status == 400
    assert said in error


@pytest.mark.parametrize(
    ("size", "sent", "header", "said"),
    [
        (80, 79, None, "80 bytes are promised and 79 came"),
        (80, 81, None, "80 bytes are promised and 81 came"),
        (76, 76, None, "has 80 bytes, and 76 are promised"),
        (-80, 80, None, "-80 bytes are promised"),
        (2**62, 80, None, "promised and 80 came"),
        (80, 80, "9999999", "cannot be read"),
        (80, 80, "-1", "cannot be read"),
        (80, 80, "1e2", "cannot be read"),
        (80, 80, "9" * 5000, "cannot be read"),
        (80, 80, "10", "cannot be read"),
        (80, 80, "0", "cannot be read"),
    ],
)
def test_binary_sizes_that_lie_are_found_out(
    served: InferenceProcess, size: int, sent: int, header: str | None, said: str
) -> None:
    told = {"name": "rows", "shape": [4, 5], "datatype": "FP32"}
    document = json.dumps({"inputs": [told | {"parameters": {"binary_data_size": size}}]}).encode()
    tensor = (MATRIX.tobytes() + b"\0" * 100)[:sent]
    length = str(len(document)) if header is None else header
    status, error = ask(served, document + tensor, **{"Inference-Header-Content-Length": length})
    assert status == 400
    assert said in error


def test_bytes_and_data_together_are_refused(served: InferenceProcess) -> None:
    document = json.dumps(with_input(parameters={"binary_data_size": 20})).encode()
    headers = {"Inference-Header-Content-Length": str(len(document))}
    status, error = ask(served, document + MATRIX[:1].tobytes(), **headers)
    assert (status, "not both" in error) == (400, True)


def test_infinities_in_bytes_are_refused(served: InferenceProcess) -> None:
    for value in (np.inf, -np.inf):
        row = MATRIX[:1].copy()
        row[0, 4] = value
        told = {"name": "rows", "shape": [1, 5], "datatype": "FP32"}
        document = json.dumps(
            {"inputs": [told | {"parameters": {"binary_data_size": 20}}]}
        ).encode()
        headers = {"Inference-Header-Content-Length": str(len(document))}
        status, error = ask(served, document + row.tobytes(), **headers)
        assert (status, "'rate'" in error) == (400, True)


def test_a_body_that_is_too_long_is_refused_before_it_is_read(served: InferenceProcess) -> None:
    head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {MOST_BODY_BYTES + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), 90) as caller:
        caller.sendall(head.encode())
        assert caller.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_without_an_end_is_refused_once_it_is_too_long(served: InferenceProcess) -> None:
    head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"0" * 2**20 + b"\r\n"
    with socket.create_connection(("127.0.0.1", served.port), 90) as caller:
        caller.sendall(head.encode())
        with suppress(OSError):  # it has hung up already
            for _ in range(12):
                caller.sendall(chunk)
        with suppress(ConnectionResetError):
            assert caller.recv(100).startswith(b"HTTP/1.1 413")
    assert served.get("/v2/health/live").status_code == 200


def test_callers_that_never_finish_do_not_keep_others_out_for_good(
    served: InferenceProcess,
) -> None:
    """Beyond a number of requests in flight the answer is 503, health is told, and it passes."""
    head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n".encode()
    callers: list[socket.socket] = []

    def call() -> None:
        callers.append(socket.create_connection(("127.0.0.1", served.port), 90))
        callers[-1].sendall(head)

    try:
        for _ in range(MOST_IN_FLIGHT):
            call()
        # It reads them one after the other, and refuses one that meets what we ask meanwhile.
        while (status := ask(served, with_input())[0]) == 200:
            assert len(callers) < 10 * MOST_IN_FLIGHT
            call()
        assert status == 503
        assert served.get("/v2/health/live").status_code == 200
    finally:
        for caller in callers:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()
    deadline = time.monotonic() + 60
    while ask(served, with_input())[0] != 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/a/b/c", 404),
        ("GET", "/v2/models/%2e%2e/x", 404),
        ("GET", INFER, 404),
        ("POST", "/v2", 404),
        ("POST", "/v2/models/nobody/infer", 404),
        ("POST", "/v2/models/tiny-onnx/versions/77/infer", 404),
        ("POST", "/v2/models/tiny-onnx/versions/" + "9" * 5000 + "/infer", 404),
        ("DELETE", "/v2/models/tiny-onnx", 405),
    ],
)
def test_addresses_that_are_none(
    served: InferenceProcess, method: str, path: str, status: int
) -> None:
    answer = httpx2.request(method, served.url + path, timeout=90, trust_env=False)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_compressed_bodies_are_refused(served: InferenceProcess) -> None:
    answer = served.post(INFER, b"x" * 10, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_content_that_is_not_what_was_asked_for_is_a_conflict(
    served: InferenceProcess, tinies: dict[str, Tiny]
) -> None:
    status, error = ask(served, with_input() | {"parameters": {"digest": "0" * 64}})
    assert status == 409
    assert "loaded is the content" in error
