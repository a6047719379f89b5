"""The `remote` runtime against a real server on loopback, well-behaved and not."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augury.inference.lanes import _BRIEF_SECONDS
from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.inference.runtimes import RUNTIMES, calls, remote
from augury.inference.runtimes.protocol import Predict
from augury.inference.runtimes.remote import address_of
from support.houses import free_port
from support.open_inference import COLUMNS_IN, NAMES, WEIGHTS, OpenInference, answer_of
from support.tiny_models import FIELDS, MATRIX, ROWS, manifest_of, proven, save_remote

EXPECTED = 1 / (1 + np.exp(-(np.nan_to_num(MATRIX).astype(np.float64) @ WEIGHTS)))
OUT = "default_probability"


@pytest.fixture
def server() -> Iterator[OpenInference]:
    running = OpenInference()
    yield running
    running.close()


def opened(server: OpenInference, folder: Path, raw: Any = None, **more: Any) -> Predict:
    path = save_remote(folder / "tiny.json", server.url, **more)
    return RUNTIMES["remote"](path, manifest_of(raw=raw or {}), 1)


def instead(server: OpenInference, status: int, told: Any, **headers: str) -> None:
    """Let the server give this answer to every call from now on."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()

    def give(handler: Any, _: bytes) -> bool:
        handler.give(status, body, **headers)
        return True

    server.instead = give


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"tensor": "chances", "column": 1},
        {"tensor": "score", "scale": "log_odds"},
    ],
)
def test_the_answer_is_where_the_manifest_says(
    raw: dict[str, Any], server: OpenInference, tmp_path: Path
) -> None:
    """A vector, a column of a matrix, or log-odds: the manifest chooses among the outputs."""
    given = opened(server, tmp_path, raw)(MATRIX)
    np.testing.assert_allclose(given, EXPECTED, rtol=1e-12)


def test_no_more_rows_are_asked_for_than_it_was_tried_with(
    server: OpenInference, tmp_path: Path
) -> None:
    """A chunk of a batch has up to ten thousand; the server gets a thousand in each call."""
    given = opened(server, tmp_path)(np.resize(MATRIX, (2300, MATRIX.shape[1])))
    np.testing.assert_allclose(given, np.resize(EXPECTED, 2300), rtol=1e-12)
    asked = [json.loads(body)["inputs"][0]["shape"][0] for _, _, body in server.calls if body]
    assert asked == [1000, 1000, 300]


@pytest.mark.parametrize("missing", ["null", "NaN"])
def test_a_server_may_take_a_tensor_for_each_field(missing: str, tmp_path: Path) -> None:
    """Text goes as text, yes or no as such, and a missing number as the artefact says."""
    server = OpenInference(COLUMNS_IN)
    try:
        given = opened(server, tmp_path, missing=missing)(MATRIX)
    finally:
        server.close()
    np.testing.assert_allclose(given, EXPECTED, rtol=1e-12)
    *_, (_, _, body) = server.calls
    assert (b"NaN" in body) == (missing == "NaN")
    assert (b"null" in body) == (missing == "null")
    sent = {tensor["name"]: tensor for tensor in json.loads(body)["inputs"]}
    assert sent["home"]["data"] == ["RENT", "OWN", "OTHER", "RENT"]
    assert sent["default"]["data"] == [False, True, False, True]
    assert [sent[name]["shape"] for name in NAMES] == [[4, 1], [4, 1], [4], [4, 1], [4, 1]]


def test_model_and_version_are_in_the_address(server: OpenInference, tmp_path: Path) -> None:
    """The version's own metadata is read, and the version is asked, below the server's path."""
    path = save_remote(tmp_path / "tiny.json", f"{server.url}/models/", version="3")
    RUNTIMES["remote"](path, manifest_of(), 1)(MATRIX)
    assert [(method, where) for method, where, _ in server.calls] == [
        ("GET", "/models/v2/models/tiny/versions/3"),
        ("POST", "/models/v2/models/tiny/versions/3/infer"),
    ]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([{"name": "rows", "datatype": "FP32", "shape": [-1, 4]}], r"float \[any, 4\], the manif"),
        ([{"name": "rows", "datatype": "FP16", "shape": [-1, 5]}], r"FP16 \[any, 5\], the manif"),
        ([{"name": "rows", "datatype": "FP32", "shape": [8, 5]}], "any number of rows"),
        (COLUMNS_IN[1:], "missing are age"),
        ([*COLUMNS_IN[:4], {**COLUMNS_IN[4], "datatype": "BYTES"}], "cannot take a field of type"),
        ([{**COLUMNS_IN[0], "datatype": "INT64"}, *COLUMNS_IN[1:]], "value is missing"),
    ],
)
def test_inputs_that_are_not_the_fields_are_refused(
    inputs: list[Any], told: str, server: OpenInference, tmp_path: Path
) -> None:
    """What the server says about its inputs is compared with the manifest when it is opened."""
    server.inputs = inputs
    with pytest.raises(BadModel, match=told):
        opened(server, tmp_path)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"tensor": "other"}, "no output 'other'"),
        ({"tensor": "chances", "column": 2}, "no column 2"),
    ],
)
def test_an_answer_that_is_not_there_is_refused(
    raw: Any, told: str, server: OpenInference, tmp_path: Path
) -> None:
    """What the server says about its outputs is compared with the manifest when it is opened."""
    with pytest.raises(BadModel, match=told):
        opened(server, tmp_path, raw)


def test_a_server_that_is_down_is_a_bad_model(tmp_path: Path) -> None:
    """Nobody listens: the refusal says whom it could not reach."""
    path = save_remote(tmp_path / "tiny.json", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(BadModel, match=r"/v2/models/tiny gives no answer: ConnectError"):
        RUNTIMES["remote"](path, manifest_of(), 1)


def test_a_server_that_went_down_fails_the_call_and_may_come_back(tmp_path: Path) -> None:
    """A call to nobody is an exception; when the server is back, the same model answers again."""
    server = OpenInference(port=free_port())
    predict = opened(server, tmp_path)
    server.instead = _hang_up
    with pytest.raises(BadModel, match="gives no answer"):
        predict(MATRIX)
    server.close()
    with pytest.raises(BadModel, match="gives no answer: ConnectError"):
        predict(MATRIX)
    again = OpenInference(port=server.port)
    try:
        np.testing.assert_allclose(predict(MATRIX), EXPECTED, rtol=1e-12)
    finally:
        again.close()


def _hang_up(handler: Any, _: bytes) -> bool:
    handler.close_connection = True
    return True


_over = threading.Event()


def _drip(handler: Any, _body: bytes) -> bool:
    """Answer a byte now and then, each of them sooner than any timeout."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not _over.wait(0.01):
        handler.wfile.write(b" ")
        handler.wfile.flush()
    return True


def _sleep(_handler: Any, _: bytes) -> bool:
    return _over.wait()


@pytest.mark.parametrize("slowly", [_drip, _sleep])
def test_a_slow_server_is_waited_for_only_so_long(
    slowly: Callable[[Any, bytes], bool],
    server: OpenInference,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time of a call is limited as a whole, however busily the server drips."""
    caller = calls.Caller(60, secure=False)
    made: dict[float, calls.Caller] = {0.2: caller}
    monkeypatch.setattr(remote, "Caller", lambda seconds, **_: made[seconds])
    predict = opened(server, tmp_path, timeout_ms=200)
    # Only now: to open a model takes longer where the machine stands still.
    caller._seconds = 0.2
    server.instead = slowly
    server.calls.clear()
    _over.clear()
    try:
        with pytest.raises(BadModel, match="gives no answer: ReadTimeout"):
            predict(MATRIX)
    finally:
        _over.set()
    # None if it stood still before the call was sent.
    assert len(server.calls) <= 1, "it may have been taken, so it is not repeated"


GOOD = EXPECTED.tolist()


@pytest.mark.parametrize(
    ("status", "told", "why"),
    [
        (500, b"it broke", "answers 500: it broke"),
        (400, {"error": "no such tensor"}, "answers 400"),
        (302, b"", "answers 302"),
        (204, b"", "answers 204"),
        (200, b"<html>", "not what the protocol promises"),
        (200, b"", "not what the protocol promises"),
        (200, b"[" * 100_000, "not what the protocol promises"),
        (200, b'{"outputs": [{"name": "\xff"}]}', "not what the protocol promises"),
        (200, {"outputs": []}, OUT),
        (200, answer_of("other", GOOD, [4]), OUT),
        (200, answer_of(OUT, GOOD[:3], [3]), r"\[3\]"),
        (200, answer_of(OUT, GOOD[:3], [4]), "reshape"),
        (200, answer_of(OUT, GOOD, [-1]), r"\[-1\]"),
        (200, answer_of(OUT, GOOD, [4, 1, 1]), r"\[4, 1, 1\]"),
        (200, answer_of(OUT, [], [4, 0]), r"\[4, 0\]"),
        (200, answer_of(OUT, [GOOD, GOOD[:2]], [4]), OUT),
        (200, answer_of(OUT, [*GOOD[:3], None], [4]), "object"),
        (200, answer_of(OUT, [*GOOD[:3], float("nan")], [4]), "malformed"),
        (200, answer_of(OUT, [*GOOD[:3], 10**400], [4]), OUT + "|out of range"),
        (200, answer_of(OUT, ["0.1", "0.2", "0.3", "0.4"], [4]), "<U3"),
        (200, answer_of(OUT, [True, False, True, True], [4]), "bool"),
        (200, answer_of(OUT, {"a": 1}, [4]), OUT),
        (200, answer_of(OUT, None, [4]), OUT),
    ],
)
def test_an_answer_that_is_none_is_an_exception(
    status: int, told: Any, why: str, server: OpenInference, tmp_path: Path
) -> None:
    """Errors, redirects, garbage, wrong shapes and what is not a number never become a price."""
    predict = opened(server, tmp_path)
    instead(server, status, told, Location=f"{server.url}/elsewhere")
    server.calls.clear()
    with pytest.raises(BadModel, match=why):
        predict(MATRIX)
    assert len(server.calls) == 1, "neither repeated nor redirected"


def test_numbers_beyond_a_probability_are_refused(server: OpenInference, tmp_path: Path) -> None:
    """A server that answers with something else than probabilities is caught by the model."""
    tiny = proven(save_remote(tmp_path / "tiny.json", server.url), "remote")
    model = Model(tiny.manifest, tiny.path, 1)
    instead(server, 200, answer_of(OUT, [0.1, 0.2, 0.3, 1.2], [4]))
    with pytest.raises(BadModel, match="not a probability"):
        model.predict(MATRIX)


def test_a_huge_answer_is_not_read(
    server: OpenInference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is longer than any honest answer is given up, and the next call has a new connection."""
    monkeypatch.setattr(calls, "_MOST_ANSWER_BYTES", 10_000)
    predict = opened(server, tmp_path)
    instead(server, 200, b" " * 1_000_000)
    with pytest.raises(BadModel, match="more than 10000 bytes"):
        predict(MATRIX)
    server.instead = None
    np.testing.assert_allclose(predict(MATRIX), EXPECTED, rtol=1e-12)


def test_an_overloaded_server_is_asked_once_more(server: OpenInference, tmp_path: Path) -> None:
    """After one 503 the answer counts; a second 503 is final."""
    predict = opened(server, tmp_path)
    statuses = iter([503])

    def busy(handler: Any, _: bytes) -> bool:
        status = next(statuses, None)
        if status:
            handler.give(status, b"busy")
        return status is not None

    server.instead = busy
    np.testing.assert_allclose(predict(MATRIX), EXPECTED, rtol=1e-12)
    instead(server, 503, b"busy")
    server.calls.clear()
    with pytest.raises(BadModel, match="answers 503: busy"):
        predict(MATRIX)
    assert len(server.calls) == 2


def test_no_proxy_of_the_environment_is_asked(
    server: OpenInference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that the artefact names is called, whatever the environment says."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    np.testing.assert_allclose(opened(server, tmp_path)(MATRIX), EXPECTED, rtol=1e-12)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "file:///etc/passwd",
        "host:8000",
        "http://",
        "http:///v2",
        "http://user:password@host",
        "http://host/?a=1",
        "http://host/#part",
        "http://host:99999",
        "http://host:port",
        "http://ho\nst",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    """Only http and https, a host, and nothing that says more."""
    with pytest.raises(BadModel, match="address of a server"):
        address_of(save_remote(tmp_path / "tiny.json", url))


@pytest.mark.parametrize(
    "more",
    [
        {"model": "../other"},
        {"model": "a/b"},
        {"model": ".."},
        {"model": "a?b"},
        {"model": ""},
        {"version": "../1"},
        {"timeout_ms": 0},
        {"timeout_ms": 60_001},
        {"missing": "nan"},
        {"more": 1},
    ],
)
def test_an_artefact_with_odd_members_is_refused(more: dict[str, Any], tmp_path: Path) -> None:
    """Names that would change the path, and members that nobody knows, are refused."""
    with pytest.raises(BadModel, match="is not a model that"):
        address_of(save_remote(tmp_path / "tiny.json", "http://host", **more))


def test_the_address_of_an_artefact_is_what_will_be_called(tmp_path: Path) -> None:
    """Whoever decides about hosts gets the very host that a call would go to."""
    address = address_of(save_remote(tmp_path / "tiny.json", "https://Triton.Example:8443/a/"))
    assert (address.server.scheme, address.server.host, address.server.port) == (
        "https",
        "triton.example",
        8443,
    )
    assert str(address.of_model("/infer")) == ("https://triton.example:8443/a/v2/models/tiny/infer")


def test_another_server_never_answers_on_the_event_loop(
    server: OpenInference, tmp_path: Path
) -> None:
    """However fast it was when it was measured, its calls count as long ones."""
    tiny = proven(save_remote(tmp_path / "tiny.json", server.url), "remote")
    model = Model(tiny.but(explain={"price": 1, "references": ROWS[:1]}), tiny.path, 1)
    assert model.seconds(1) > _BRIEF_SECONDS
    assert model.explain_seconds(1) > _BRIEF_SECONDS


def test_connections_are_kept_and_closed_with_the_model(
    server: OpenInference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls one after another share a connection; a model that nobody holds closes its own."""
    monkeypatch.setattr(calls, "_IDLE_SECONDS", 3600.0)
    predict = opened(server, tmp_path)
    places = set()

    def note(handler: Any, _: bytes) -> bool:
        places.add(handler.client_address)
        return False

    server.instead = note
    for _ in range(5):
        predict(MATRIX)
    assert len(places) == 1
    del predict
    gc.collect()  # an unclosed connection would be a warning, and so an error


def test_fields_too_many_are_told(server: OpenInference, tmp_path: Path) -> None:
    """The manifest has a field more than the server's matrix."""
    path = save_remote(tmp_path / "tiny.json", server.url)
    with pytest.raises(BadModel, match="the manifest has 6 fields"):
        RUNTIMES["remote"](path, manifest_of([*FIELDS, {**FIELDS[-1], "name": "more"}]), 1)
