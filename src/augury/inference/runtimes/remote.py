"""The `remote` runtime: a model on another server that speaks the Open Inference Protocol v2.

The artefact says where the model stands, and never what it is:

    {"url": "http://triton:8000", "model": "credit", "version": "3", "timeout_ms": 1000,
     "missing": "null"}

`missing` is how a missing number is written, for the protocol does not say it: `null`, as MLServer
reads it, or `NaN`, as Triton does. What tensors the model may take: `tensors.py`.
"""

import json
import weakref
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import httpx2
import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.calls import Caller, Unanswered
from augury.inference.runtimes.protocol import Predict
from augury.inference.runtimes.tensors import Port, Tensor, answer_of, feed_of
from augury.inference.signature import MOST_ROWS
from augury.kit.decoding import decode

_KINDS = {"FP32": "float", "FP64": "double", "INT64": "int64", "BOOL": "bool", "BYTES": "string"}
_LONGEST_SHOWN = 200
_LAST_PORT = 65535
_MOST_DIMENSIONS = 2
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}$")]


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model stands."""

    url: str
    model: _Name
    version: _Name | None = None
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 1000
    missing: Literal["null", "NaN"] = "null"

    @property
    def server(self) -> httpx2.URL:
        """Return the server as exactly the URL that is called; it has scheme, host and port."""
        return httpx2.URL(self.url)

    def of_model(self, action: str = "") -> httpx2.URL:
        """Return the URL of the model's metadata, or of an action on it."""
        version = "" if self.version is None else f"/versions/{self.version}"
        path = self.server.path.rstrip("/")
        return self.server.copy_with(path=f"{path}/v2/models/{self.model}{version}{action}")


class _Described(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]


class _Metadata(msgspec.Struct):
    inputs: list[_Described]
    outputs: list[_Described]


class _Given(msgspec.Struct):
    name: str
    shape: list[int]
    data: Any


class _Answer(msgspec.Struct):
    outputs: list[_Given]


_Body = TypeVar("_Body", _Metadata, _Answer)


def address_of(path: Path) -> Address:
    """Return the valid address in an artefact, or raise `BadModel`. Calls nobody."""
    try:
        address = decode(path.read_bytes(), Address)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadModel("not_remote", file=path.name, error=error) from error
    try:
        server = address.server
    except httpx2.InvalidURL as error:
        raise BadModel("remote_url", url=address.url) from error
    strange = server.userinfo or server.query or server.fragment
    known = server.scheme in {"http", "https"} and server.host
    if not known or strange or not 0 < (server.port or 1) <= _LAST_PORT:
        raise BadModel("remote_url", url=address.url)
    return address


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:  # noqa: ARG001 -- the other server's affair
    """Return the model behind an address, or raise `BadModel` when it does not take the fields."""
    address = address_of(path)
    secure = address.server.scheme == "https"
    caller = Caller(address.timeout_ms / 1000, secure=secure)
    try:
        predict = _bound(address, manifest, caller)
    except BaseException:
        caller.close()
        raise
    weakref.finalize(predict, caller.close)
    return predict


def _bound(address: Address, manifest: Manifest, caller: Caller) -> Predict:
    told = _read(_ask(caller, "GET", address.of_model()), _Metadata)
    feed = feed_of([_port(found) for found in told.inputs], manifest.inputs)
    answer = answer_of([_port(found) for found in told.outputs], manifest.raw)
    datatypes = {found.name: found.datatype for found in told.inputs}
    raw, infer = manifest.raw, address.of_model("/infer")
    # The one writes what is not a number as null, the other as NaN.
    encode = msgspec.json.encode if address.missing == "null" else _with_nan

    def predict_some(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        inputs = [
            {
                "name": name,
                "shape": tensor.shape,
                "datatype": datatypes[name],
                "data": tensor.reshape(-1).tolist(),
            }
            for name, tensor in feed(matrix).items()
        ]
        body = encode({"inputs": inputs, "outputs": [{"name": raw.tensor}]})
        given = _read(_ask(caller, "POST", infer, body), _Answer)
        return answer(_tensor(given, raw.tensor, raw.column, len(matrix)))

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        # The other server was tried with so many rows, and has to answer each call in its time.
        starts = range(0, len(matrix), MOST_ROWS)
        return np.concatenate([predict_some(matrix[one : one + MOST_ROWS]) for one in starts])

    return predict


def _with_nan(body: Any) -> bytes:
    return json.dumps(body).encode()


def _port(found: _Described) -> Port:
    shape = tuple(None if length < 0 else length for length in found.shape)
    return Port(found.name, _KINDS.get(found.datatype, found.datatype), shape)


def _ask(caller: Caller, method: str, url: httpx2.URL, body: bytes = b"") -> bytes:
    """Return the body of a good answer, or raise `BadModel`."""
    try:
        status, answer = caller.call(method, url, body)
    except Unanswered as error:
        raise BadModel("remote_unanswered", url=url, error=error) from error
    if status != HTTPStatus.OK:
        shown = answer.decode("utf-8", "replace")[:_LONGEST_SHOWN]
        raise BadModel("remote_status", url=url, status=status, answer=shown)
    return answer


def _read(answer: bytes, kind: type[_Body]) -> _Body:
    try:
        return decode(answer, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadModel("remote_answer", error=error) from error


def _tensor(given: _Answer, name: str, column: int, rows: int) -> Tensor:
    """Return the tensor of this name, [rows] or [rows, columns] of numbers."""
    found = next((tensor for tensor in given.outputs if tensor.name == name), None)
    if found is None:
        raise BadModel("remote_answer", error=f"{name!r}?")
    shape = tuple(found.shape)
    fits = 1 <= len(shape) <= _MOST_DIMENSIONS and shape[0] == rows and shape[-1] > 0
    if not fits or (len(shape) == _MOST_DIMENSIONS and column >= shape[1]):
        raise BadModel("remote_answer", error=f"{name}: {found.shape}")
    try:
        numbers = np.array(found.data)
        # Nothing is no number, nor is a text that looks like one.
        if numbers.dtype.kind not in "fiu":
            raise BadModel("remote_answer", error=f"{name}: {numbers.dtype}")
        return numbers.reshape(shape)
    except ValueError as error:
        raise BadModel("remote_answer", error=f"{name}: {error}") from error
