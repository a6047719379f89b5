"""A loaded model version: proven at load, then from inputs to outputs."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.asking import Asked, Caution, NoAnswer, Outputs
from augury.inference.explainers import open_explainer
from augury.inference.explainers.protocol import Contributions, log_odds, probability
from augury.inference.manifest import BadModel, Manifest, verify_artifact
from augury.inference.reasons import Wording
from augury.inference.runtimes import RUNTIMES, WAITING
from augury.inference.signature import Matrix, Signature
from augury.kit.errors import InvalidInput
from augury.kit.texts import LANGUAGES

# What a customer sees; more digits than any calibration can mean.
_DIGITS = 6
_SCALE = 10**_DIGITS
_HALFWAY = 1e-6
_APPROVE = "approve"
_MANY = 64
_TRIES = 5
# Between what contributions add up to and the model's own log-odds.
_ADDS_UP_WITHIN = 1e-4
_EXPLAINED_AT_LOAD = 4

Probabilities = npt.NDArray[np.float64]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Question:
    """One caller's rows to predict with reasons: as a matrix, and as they came."""

    matrix: Matrix
    inputs: Sequence[Mapping[str, Any]]
    language: str

    @classmethod
    def of(cls, asked: Asked[Matrix]) -> "Question":
        """Return what a caller asked for, its rows decoded as they came."""
        return cls(asked.rows, msgspec.json.decode(asked.inputs), asked.language)


class OutputColumns(NamedTuple):
    """Outputs of rows: numbers, float64 [rows]; decisions as places in `DECISIONS`, int8 [rows].

    None stands for what a model does not give.
    """

    probability: Probabilities
    complement: Probabilities | None
    decision: npt.NDArray[np.int8] | None


class Predictor(ABC):
    """A model version as a sale sees it, wherever it runs. Safe to use from many threads."""

    # How many calls of it make sense at the same time.
    calls_at_once = 1

    def __init__(self, manifest: Manifest) -> None:
        """Prepare what does not need the artefact: the signature and the words."""
        self.manifest = manifest
        self.signature = Signature(manifest)
        self._wording = Wording(manifest)

    @abstractmethod
    def predict(self, matrix: Matrix) -> Probabilities:
        """Return the probability of each row, float64 [rows]; `BadModel` if one is none."""

    @abstractmethod
    def contributions(self, matrix: Matrix) -> Contributions:
        """Return what each field adds to the log-odds of each row; `BadModel` without reasons."""

    @abstractmethod
    def seconds(self, rows: int) -> float:
        """Return about how long one call with so many rows takes, as far as one can know."""

    @abstractmethod
    def explain_seconds(self, rows: int) -> float:
        """Return about how long one call with reasons for so many rows takes at most."""

    def is_available(self) -> bool:
        """Tell whether it can be asked at the moment."""
        return True

    def read(self, inputs: bytes | msgspec.Raw) -> Matrix:
        """Return the rows of a JSON array as a matrix; `InvalidInput` has all faults."""
        return self.signature.decode(inputs)

    def cautions(self, rows: Matrix, language: str) -> list[Caution]:
        """Return what is odd about rows that are predicted nevertheless."""
        return [
            Caution(found.pointer, "inconsistent", getattr(found.check.message, language))
            for found in self.signature.inconsistencies(rows)
        ]

    def answer(self, asked: Asked[Matrix]) -> Outputs:
        """Return the outputs of one caller's rows, with reasons if they are asked for."""
        if not asked.explain:
            return self.outputs(self.predict(asked.rows))
        (found,) = self.explain_many([Question.of(asked)])
        if isinstance(found, Exception):
            raise found
        return found

    def predict_many(self, matrices: list[Matrix]) -> list[Probabilities | Exception]:
        """Return the probabilities of many callers' matrices from one call of the runtime.

        Where the call fails, each is tried alone, so that only the one to blame is refused.
        """

        def together(matrices: list[Matrix]) -> list[Probabilities]:
            ends = np.cumsum([len(matrix) for matrix in matrices])
            return np.split(self.predict(np.concatenate(matrices)), ends[:-1])

        return _joined(together, matrices)

    def explain_many(self, questions: list[Question]) -> list[Outputs | Exception]:
        """Return the outputs with reasons of many callers' rows, joined like `predict_many`."""

        def together(questions: list[Question]) -> list[Outputs]:
            matrix = np.concatenate([question.matrix for question in questions])
            return self._with_reasons(matrix, questions)

        return _joined(together, questions)

    def contributions_many(self, matrices: list[Matrix]) -> list[Contributions | Exception]:
        """Return the contributions to many callers' rows, joined like `predict_many`."""

        def together(matrices: list[Matrix]) -> list[Contributions]:
            found, ends = self.contributions(np.concatenate(matrices)), [0]
            for matrix in matrices:
                ends.append(ends[-1] + len(matrix))
            return [found.part(start, end) for start, end in pairwise(ends)]

        return _joined(together, matrices)

    def _with_reasons(self, matrix: Matrix, questions: list[Question]) -> list[Outputs]:
        rows = iter(self.outputs(self.predict(matrix)))
        explanations = iter(self._wording.explanations(self.contributions(matrix)))
        decision = self.manifest.outputs.decision
        answers: list[Outputs] = []
        for question in questions:
            outputs = []
            for inputs in question.inputs:
                output, explanation = next(rows), next(explanations)
                reasons = self._wording.told(
                    inputs,
                    [*explanation["contributions"].values()],
                    approved=decision is None or output[decision] == _APPROVE,
                    language=question.language,
                )
                outputs.append(output | {"reasons": reasons, "explanation": explanation})
            answers.append(outputs)
        return answers

    def outputs(self, probabilities: Probabilities) -> Outputs:
        """Return the answer for each row: the probability, its complement and the decision."""
        names, decision = self.manifest.outputs, self.manifest.decision
        values = probabilities.tolist()
        outputs: Outputs = [{names.probability: round(value, _DIGITS)} for value in values]
        if names.complement is not None:
            for output in outputs:
                output[names.complement] = round(1 - output[names.probability], _DIGITS)
        if names.decision is not None and decision is not None:
            for value, output in zip(values, outputs, strict=True):
                output[names.decision] = decision.of(value)
        return outputs

    def output_columns(self, probabilities: Probabilities) -> OutputColumns:
        """Return what `outputs` returns, as columns: the same numbers and the same decisions."""
        names, decision = self.manifest.outputs, self.manifest.decision
        rounded = _rounded(probabilities)
        complements = decisions = None
        if names.complement is not None:
            complements = _rounded(1 - rounded)
        if names.decision is not None and decision is not None:
            decisions = decision.of_many(probabilities)
        return OutputColumns(rounded, complements, decisions)

    def self_test(self) -> Matrix:
        """Return the rows of the self-test, or raise `BadModel` when it is not passed."""
        test = self.manifest.self_test
        try:
            matrix = self.signature.decode(msgspec.json.encode(test.inputs))
        except InvalidInput as error:
            raise BadModel(
                "self_test_rows", name=self.manifest.name, faults=error.faults
            ) from error
        if len(test.probabilities) != len(matrix):
            raise BadModel("self_test_count", name=self.manifest.name)
        try:
            given = self.predict(matrix)
        except BadModel:
            raise
        except Exception as error:  # whatever a runtime throws
            raise BadModel("self_test_fails", name=self.manifest.name, error=error) from error
        worst = float(np.max(np.abs(given - np.array(test.probabilities))))
        if not worst <= test.tolerance:
            raise BadModel("self_test_off", name=self.manifest.name, worst=worst)
        return matrix


class Model(Predictor):
    """One model version that runs here, proven and ready to predict."""

    def __init__(self, manifest: Manifest, artifact: Path, threads: int) -> None:
        """Open the artefact and run its self-test; raises `BadModel` when it does not pass."""
        if manifest.runtime not in RUNTIMES:
            known = ", ".join(sorted(RUNTIMES))
            raise BadModel("runtime_unknown", runtime=manifest.runtime, known=known)
        verify_artifact(manifest.artifact, artifact)
        super().__init__(manifest)
        self._predict = RUNTIMES[manifest.runtime](artifact, manifest, threads)
        self._waits = manifest.runtime in WAITING
        tested = self.self_test()
        # What a call takes at least, and what each row adds, as measured here and now.
        self._call_seconds, self._row_seconds = self._measure()
        self._explain = None
        if manifest.explain is not None:
            references = self._references()
            self._explain = open_explainer(artifact, manifest, references, self._predict, threads)
            self.check_reasons(tested)
            one = [Question(tested[:1], manifest.self_test.inputs[:1], LANGUAGES[0])]
            self._explain_seconds = _fastest(lambda: self.explain_many(one), tries=2)

    def predict(self, matrix: Matrix) -> Probabilities:
        """Return the probability of each row, float64 [rows]; `BadModel` if one is none."""
        probabilities = self._predict(matrix)
        calibration = self.manifest.calibration
        if calibration is not None:
            # Certainty is an infinity on this scale, and comes back as certainty.
            with np.errstate(divide="ignore", over="ignore"):
                odds = np.log(probabilities / (1 - probabilities))
                corrected = calibration.slope * odds + calibration.intercept
                probabilities = 1 / (1 + np.exp(-corrected))
        if probabilities.shape != (len(matrix),) or not are_probabilities(probabilities):
            raise BadModel("not_a_probability", name=self.manifest.name)
        return probabilities

    def contributions(self, matrix: Matrix) -> Contributions:
        """Return what each field adds to the log-odds of each row; `BadModel` without reasons."""
        if self._explain is None:
            raise BadModel("no_reasons", name=self.manifest.name)
        found = self._explain(matrix)
        calibration = self.manifest.calibration
        if calibration is not None:
            # A straight line on the log-odds: what adds up before it adds up behind it.
            found = found.scaled(calibration.slope, calibration.intercept)
        return found

    def seconds(self, rows: int) -> float:
        """Return about how long one call with so many rows takes, as far as one can know."""
        if self._waits:
            return math.inf
        return self._call_seconds + self._row_seconds * rows

    def explain_seconds(self, rows: int) -> float:
        """Return about how long one call with reasons for so many rows takes at most."""
        if self._waits:
            return math.inf
        return self._explain_seconds * rows

    def check_reasons(self, matrix: Matrix) -> None:
        """Raise `BadModel` unless the reasons of a few of these rows add up."""
        some = matrix[:: -(-len(matrix) // _EXPLAINED_AT_LOAD)]
        try:
            found = self.contributions(some)
        except BadModel:
            raise
        except Exception as error:  # whatever a runtime throws
            raise BadModel("reasons_fail", name=self.manifest.name, error=error) from error
        given = log_odds(self.predict(some))
        # Through a probability and back, so that certainty is cut off on both sides.
        added = log_odds(probability(found.log_odds()))
        worst = float(np.max(np.abs(given - added)))
        if not worst <= _ADDS_UP_WITHIN:
            raise BadModel("reasons_off", name=self.manifest.name, worst=worst)

    def _references(self) -> Matrix | None:
        told = self.manifest.explain and self.manifest.explain.references
        if not told:
            return None
        try:
            return self.signature.decode(msgspec.json.encode(told))
        except InvalidInput as error:
            raise BadModel(
                "reference_rows", name=self.manifest.name, faults=error.faults
            ) from error

    def _measure(self) -> tuple[float, float]:
        row = self.signature.decode(msgspec.json.encode(self.manifest.self_test.inputs[:1]))
        crowd = np.repeat(row, _MANY, axis=0)
        one = _fastest(lambda: self._predict(row))
        many = _fastest(lambda: self._predict(crowd))
        return one, max(0.0, many - one) / (_MANY - 1)


def _fastest(call: Callable[[], object], tries: int = _TRIES) -> float:
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def _joined(
    together: Callable[[list[Item]], Sequence[Result]], items: list[Item]
) -> list[Result | Exception]:
    """Return a result for each item from one call; where it fails, each is tried alone."""
    try:
        return list(together(items))
    except NoAnswer as error:
        return [error for _ in items]  # no row is to blame, and each alone would wait as long
    except Exception as error:  # noqa: BLE001 -- whatever a runtime throws
        if len(items) == 1:
            return [error]
        return [_joined(together, [item])[0] for item in items]


def _rounded(values: Probabilities) -> Probabilities:
    """Return what `round` returns for each of these probabilities."""
    scaled = values * _SCALE
    rounded = np.rint(scaled)
    # Halfway between two, whose product may lie on the wrong side of it.
    for place in np.flatnonzero(np.abs(np.abs(scaled - rounded) - 0.5) < _HALFWAY):
        rounded[place] = round(round(float(values[place]), _DIGITS) * _SCALE)
    whole: Probabilities = rounded / _SCALE
    return whole


def are_probabilities(values: Probabilities) -> bool:
    """Tell whether every value lies between 0 and 1."""
    return bool(values.min() >= 0 and values.max() <= 1)  # NaN is neither
