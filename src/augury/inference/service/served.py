"""A model version that runs in the inference service: what a sale sees of it stays the same."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.asking import NoAnswer
from augury.inference.explainers.protocol import Contributions
from augury.inference.manifest import BadModel, Manifest
from augury.inference.model import Predictor, Probabilities, are_probabilities
from augury.inference.runtimes.calls import Answer, Late, Unanswered
from augury.inference.service.replica import NotHere, Refused, Replica, Timing, Wanted
from augury.inference.signature import MOST_ROWS, Matrix
from augury.inference.wire import (
    BASE,
    BINARY,
    CONTRIBUTIONS,
    ERROR,
    PROBABILITY,
    REASONS,
    ROWS,
    told_length,
)
from augury.kit.decoding import decode

_TRIES = 2
# How much longer than measured a call may take: others are in the line before it.
_GENEROUS = 10
_FP64_BYTES = 8

Tensors = dict[str, npt.NDArray[np.float64]]


class Service(Protocol):
    """Who says whom to ask: the fleet."""

    patience_seconds: float

    def choose(self, digest: str, but: Replica | None = None) -> Replica | None:
        """Return a process to ask, if there is one."""

    def is_available(self, digest: str) -> bool:
        """Tell whether there is one that answers."""

    def look_again(self) -> None:
        """Have every process looked at now."""

    def no_answer(self, manifest: Manifest, error: object = "-") -> NoAnswer:
        """Return the reason that nobody answers."""


class _OfOutput(msgspec.Struct, frozen=True):
    binary_data_size: int


class _Output(msgspec.Struct, frozen=True):
    name: str
    datatype: str
    shape: list[int]
    parameters: _OfOutput


class _Document(msgspec.Struct, frozen=True):
    outputs: list[_Output]


class ServedModel(Predictor):
    """A model version that other processes hold; it decodes, decides and words here."""

    # Enough for several processes to be busy at once, and for others to get through while one of
    # them does not answer; no more of them can stand still for one model.
    calls_at_once = 4

    def __init__(self, manifest: Manifest, wanted: Wanted, service: Service) -> None:
        """Prepare; the service has it loaded already."""
        super().__init__(manifest)
        self._wanted = wanted
        self._service = service

    def predict(self, matrix: Matrix) -> Probabilities:
        """Return the probability of each row, float64 [rows]; `NoAnswer` when nobody gives it."""
        probabilities = self._ask(matrix, [PROBABILITY])[PROBABILITY]
        if probabilities.shape != (len(matrix),) or not are_probabilities(probabilities):
            raise BadModel("not_a_probability", name=self.manifest.name)
        return probabilities

    def contributions(self, matrix: Matrix) -> Contributions:
        """Return what each field adds to the log-odds of each row; `BadModel` without reasons."""
        if self.manifest.explain is None:
            raise BadModel("no_reasons", name=self.manifest.name)
        found = self._ask(matrix, REASONS)
        shapes = (found[BASE].shape, found[CONTRIBUTIONS].shape, found[ERROR].shape)
        if shapes != ((len(matrix),), matrix.shape, (len(matrix),)):
            raise self._strange(shapes)
        return Contributions(found[BASE], found[CONTRIBUTIONS], found[ERROR])

    def seconds(self, rows: int) -> float:  # noqa: ARG002 -- however few
        """Return that a call takes for ever: it waits for others, and never on an event loop."""
        return math.inf

    def explain_seconds(self, rows: int) -> float:  # noqa: ARG002 -- however few
        """Return that reasons take for ever, for the same reason."""
        return math.inf

    def is_available(self) -> bool:
        """Tell whether a process that answers has it loaded."""
        return self._service.is_available(self._wanted.digest)

    def _ask(self, matrix: Matrix, outputs: Sequence[str]) -> Tensors:
        """Return the tensors of all rows, which are asked for as many at a time as may be."""
        if len(matrix) <= MOST_ROWS:
            return self._ask_once(matrix, outputs)
        found = [
            self._ask_once(matrix[start : start + MOST_ROWS], outputs)
            for start in range(0, len(matrix), MOST_ROWS)
        ]
        return {name: np.concatenate([one[name] for one in found]) for name in outputs}

    def _ask_once(self, matrix: Matrix, outputs: Sequence[str]) -> Tensors:
        """Return tensors from one process, or from another when that one does not answer.

        To ask twice is safe: an inference changes nothing.
        """
        document, tensor = self._document(matrix, outputs), matrix.astype("<f4").tobytes()
        error: Exception | None = None
        replica: Replica | None = None
        for _ in range(_TRIES):
            other = self._service.choose(self._wanted.digest, replica)
            if other is None and isinstance(error, Unanswered) and not isinstance(error, Late):
                # The only one: it may have closed a connection that was idle.
                other = self._service.choose(self._wanted.digest)
            if other is None:
                break
            replica = other
            timing = replica.timing(self._wanted.digest)
            seconds = self._seconds(timing, len(matrix), with_reasons=outputs is REASONS)
            try:
                answer = replica.infer(self._wanted, document, tensor, seconds)
            except Unanswered as unanswered:
                error = unanswered
            except NotHere as not_here:
                error = not_here
                self._service.look_again()
            except Refused as refused:
                raise self._strange(str(refused)) from refused
            else:
                return self._read(answer, outputs)
        raise self._service.no_answer(self.manifest, error or "-") from error

    def _document(self, matrix: Matrix, outputs: Sequence[str]) -> bytes:
        return msgspec.json.encode(
            {
                "inputs": [
                    {
                        "name": ROWS,
                        "datatype": "FP32",
                        "shape": matrix.shape,
                        "parameters": {BINARY: matrix.size * matrix.itemsize},
                    }
                ],
                "outputs": [
                    {"name": name, "parameters": {"binary_data": True}} for name in outputs
                ],
                "parameters": {"digest": self._wanted.digest},
            }
        )

    def _seconds(self, timing: Timing | None, rows: int, *, with_reasons: bool) -> float:
        if timing is None:
            return self._service.patience_seconds
        measured = timing.call + timing.row * rows + (timing.reasons * rows if with_reasons else 0)
        return self._service.patience_seconds + _GENEROUS * measured

    def _read(self, answer: Answer, outputs: Sequence[str]) -> Tensors:
        try:
            place = told_length(answer.headers, answer.body)
            told = decode(memoryview(answer.body)[:place], _Document).outputs
            found = {}
            for output in told:
                size = output.parameters.binary_data_size
                values = np.frombuffer(answer.body, "<f8", size // _FP64_BYTES, place)
                found[output.name] = values.reshape(output.shape).astype(np.float64)
                place += size
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise self._strange(str(error)) from error
        if [*found] != [*outputs]:
            raise self._strange([*found])
        return found

    def _strange(self, error: Any) -> BadModel:
        return BadModel("service_answer", name=self.manifest.name, error=error)
