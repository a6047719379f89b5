"""One inference: from the body of a request to a matrix, and from numbers to the answer's body."""

import itertools
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.bounds import OutOfBounds
from augury.inference.signature import MOST_ROWS, Matrix
from augury.inference.wire import (
    BASE,
    BINARY,
    CONTRIBUTIONS,
    DOCUMENT_BYTES,
    ERROR,
    PROBABILITY,
    REASONS,
    ROWS,
    told_length,
)
from augury.model_server.shelf import Loaded
from augury.model_server.trouble import Trouble

_FP32_BYTES = 4
_Few = msgspec.Meta(max_length=16)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _OfInput(msgspec.Struct, frozen=True):
    binary_data_size: int | None = None
    shared_memory_region: str | None = None


class _Input(msgspec.Struct, frozen=True):
    name: str
    datatype: str
    shape: Annotated[list[int], _Few]
    parameters: _OfInput = _OfInput()
    data: msgspec.Raw = msgspec.Raw()


class _OfOutput(msgspec.Struct, frozen=True):
    binary_data: bool = False
    classification: int = 0
    shared_memory_region: str | None = None


class _Output(msgspec.Struct, frozen=True):
    name: str
    parameters: _OfOutput = _OfOutput()


class _OfRequest(msgspec.Struct, frozen=True):
    binary_data_output: bool = False
    digest: str | None = None


class _Request(msgspec.Struct, frozen=True):
    inputs: Annotated[list[_Input], _Few]
    outputs: Annotated[list[_Output], _Few] = []
    id: str = ""
    parameters: _OfRequest = _OfRequest()


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was read: rows that the model takes, and which outputs in which form."""

    id: str
    matrix: Matrix
    # Whether each wanted output travels as bytes.
    wanted: dict[str, bool]

    @property
    def with_reasons(self) -> bool:
        """Tell whether any of the reasons' tensors is wanted."""
        return any(name in REASONS for name in self.wanted)


_decoder = msgspec.json.Decoder(_Request)
_flat = msgspec.json.Decoder(list[float | None])
_nested = msgspec.json.Decoder(list[list[float | None]])


def read(loaded: Loaded, headers: list[tuple[bytes, bytes]], body: bytes) -> Question:
    """Return what is asked of a version, or raise `Trouble` with what is wrong."""
    try:
        length = told_length(headers, body)
        request = _decoder.decode(memoryview(body)[:length])
    except (*_UNREADABLE, ValueError) as error:
        raise Trouble(400, f"the request cannot be read: {error}") from error
    asked = request.parameters.digest
    if asked is not None and asked != loaded.digest:
        raise Trouble(409, f"loaded is the content {loaded.digest}, and asked is {asked[:64]}")
    if [tensor.name for tensor in request.inputs] != [ROWS]:
        raise Trouble(400, f"the model takes one input, {ROWS!r}")
    matrix = _matrix(request.inputs[0], len(loaded.manifest.inputs), body, length)
    try:
        loaded.bounds.check(matrix)
    except OutOfBounds as error:
        raise Trouble(400, str(error)) from error
    return Question(request.id, matrix, _wanted(request, loaded))


def _matrix(tensor: _Input, fields: int, body: bytes, length: int) -> Matrix:
    if tensor.datatype != "FP32":
        raise Trouble(400, f"{ROWS!r} must be FP32, and is {tensor.datatype[:20]!r}")
    shape = tensor.shape
    if len(shape) != 2 or shape[1] != fields or not 1 <= shape[0] <= MOST_ROWS:  # noqa: PLR2004 -- a matrix
        raise Trouble(400, f"{ROWS!r} must be [1..{MOST_ROWS}, {fields}], and is {shape}")
    told, behind = tensor.parameters, len(body) - length
    if told.shared_memory_region is not None:
        raise Trouble(400, "shared memory is not offered")
    promised = told.binary_data_size
    told_here = bytes(tensor.data)
    if (promised or 0) != behind or (promised is None) != bool(told_here):
        message = f"data or {BINARY}, not both; {promised} bytes are promised and {behind} came"
        raise Trouble(400, message)
    if promised is None:
        return _from_json(told_here, shape[0], fields)
    needed = shape[0] * fields * _FP32_BYTES
    if promised != needed:
        raise Trouble(400, f"FP32 {shape} has {needed} bytes, and {promised} are promised")
    # A copy: where the bytes stand in the body, they may lie across words.
    return np.frombuffer(body, "<f4", offset=length).reshape(shape).astype(np.float32)


def _from_json(told: bytes, rows: int, fields: int) -> Matrix:
    try:
        if told[1:].lstrip().startswith(b"["):
            table = _nested.decode(told)
            if [len(row) for row in table] != [fields] * rows:
                raise Trouble(400, f"data has not {rows} rows of {fields}")
            numbers = list(itertools.chain.from_iterable(table))
        else:
            numbers = _flat.decode(told)
    except _UNREADABLE as error:
        raise Trouble(400, f"data must be numbers, null where one is missing: {error}") from error
    if len(numbers) != rows * fields:
        raise Trouble(400, f"data has {len(numbers)} numbers, and {rows * fields} are needed")
    with np.errstate(over="ignore"):  # becomes an infinity, which no field takes
        # None becomes NaN here.
        return np.array(numbers, np.float64).astype(np.float32).reshape(rows, fields)


def _wanted(request: _Request, loaded: Loaded) -> dict[str, bool]:
    if not request.outputs:
        return {PROBABILITY: request.parameters.binary_data_output}
    known = {PROBABILITY}
    if loaded.manifest.explain is not None:
        known.update(REASONS)
    wanted = {}
    for output in request.outputs:
        told = output.parameters
        if output.name not in known:
            raise Trouble(400, f"there is no output {output.name[:100]!r}")
        if told.classification or told.shared_memory_region is not None:
            raise Trouble(400, "classification and shared memory are not offered")
        wanted[output.name] = told.binary_data or request.parameters.binary_data_output
    return wanted


async def answer(loaded: Loaded, question: Question) -> tuple[dict[str, str], bytes]:
    """Return headers and body for what was asked."""
    tensors: dict[str, npt.NDArray[np.float64]] = {}
    if PROBABILITY in question.wanted:
        tensors[PROBABILITY] = await loaded.lane.predict(question.matrix)
    if question.with_reasons:
        found = await loaded.reasons.ask(question.matrix)
        tensors |= {CONTRIBUTIONS: found.fields, BASE: found.base, ERROR: found.error}
    outputs: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for name, as_bytes in question.wanted.items():
        tensor = tensors[name]
        told: dict[str, Any] = {"name": name, "datatype": "FP64", "shape": tensor.shape}
        if as_bytes:
            behind.append(tensor.astype("<f8").tobytes())
            told["parameters"] = {BINARY: len(behind[-1])}
        else:
            told["data"] = tensor.reshape(-1).tolist()
        outputs.append(told)
    document = msgspec.json.encode(
        {
            "model_name": loaded.manifest.name,
            "model_version": str(loaded.version),
            **({"id": question.id} if question.id else {}),
            "outputs": outputs,
        }
    )
    if not behind:
        return {"content-type": "application/json"}, document
    headers = {"content-type": "application/octet-stream", DOCUMENT_BYTES: str(len(document))}
    return headers, b"".join([document, *behind])
