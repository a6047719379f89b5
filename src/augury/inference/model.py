"""A loaded model version: proven at load, then from inputs to outputs."""

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.manifest import BadModel, Manifest, verify_artifact
from augury.inference.runtimes import RUNTIMES
from augury.inference.signature import Matrix, Signature
from augury.kit.errors import InvalidInput

# What a customer sees; more digits than any calibration can mean.
_DIGITS = 6
_MANY = 64
_TRIES = 5

Probabilities = npt.NDArray[np.float64]


class Model:
    """One model version, ready to predict. Safe to use from many threads."""

    def __init__(self, manifest: Manifest, artifact: Path, threads: int) -> None:
        """Open the artefact and run its self-test; raises `BadModel` when it does not pass."""
        if manifest.runtime not in RUNTIMES:
            known = ", ".join(sorted(RUNTIMES))
            message = f"there is no runtime {manifest.runtime!r}; known are {known}"
            raise BadModel(message)
        verify_artifact(manifest.artifact, artifact)
        self.manifest = manifest
        self.signature = Signature(manifest)
        self._predict = RUNTIMES[manifest.runtime](artifact, manifest, threads)
        self._self_test()
        # What a call takes at least, and what each row adds, as measured here and now.
        self._call_seconds, self._row_seconds = self._measure()

    def predict(self, matrix: Matrix) -> Probabilities:
        """Return the probability of each row, float64 [rows]; `BadModel` if one is none."""
        probabilities = self._predict(matrix)
        calibration = self.manifest.calibration
        if calibration is not None:
            # Certainty is an infinity on this scale, and comes back as certainty.
            with np.errstate(divide="ignore", over="ignore"):
                log_odds = np.log(probabilities / (1 - probabilities))
                corrected = calibration.slope * log_odds + calibration.intercept
                probabilities = 1 / (1 + np.exp(-corrected))
        if probabilities.shape != (len(matrix),) or not _are_probabilities(probabilities):
            message = f"{self.manifest.name} gave something that is not a probability"
            raise BadModel(message)
        return probabilities

    def predict_many(self, matrices: list[Matrix]) -> list[Probabilities | Exception]:
        """Return the probabilities of many callers' matrices from one call of the runtime.

        Where the call fails, each is tried alone, so that only the one to blame is refused.
        """
        try:
            together = self.predict(np.concatenate(matrices))
        except Exception as error:  # noqa: BLE001 -- whatever a runtime throws
            if len(matrices) == 1:
                return [error]
            return [self.predict_many([matrix])[0] for matrix in matrices]
        apart: list[Probabilities | Exception] = []
        start = 0
        for matrix in matrices:
            end = start + len(matrix)
            apart.append(together[start:end])
            start = end
        return apart

    def seconds(self, rows: int) -> float:
        """Return about how long one call with so many rows takes."""
        return self._call_seconds + self._row_seconds * rows

    def outputs(self, probabilities: Probabilities) -> list[dict[str, Any]]:
        """Return the answer for each row: the probability, its complement and the decision."""
        names, decision = self.manifest.outputs, self.manifest.decision
        return [
            {
                names.probability: round(value, _DIGITS),
                names.complement: round(1 - round(value, _DIGITS), _DIGITS),
                names.decision: "approve"
                if value < decision.approve_below
                else "decline"
                if value >= decision.decline_from
                else "review",
            }
            for value in probabilities.tolist()
        ]

    def _self_test(self) -> None:
        test = self.manifest.self_test
        try:
            matrix = self.signature.decode(msgspec.json.encode(test.inputs))
        except InvalidInput as error:
            faults = ", ".join(f"{fault.pointer}: {fault.key}" for fault in error.faults)
            message = f"the self-test of {self.manifest.name} breaks its own signature: {faults}"
            raise BadModel(message) from error
        if len(test.default_probability) != len(matrix):
            message = f"the self-test of {self.manifest.name} needs one expected value for each row"
            raise BadModel(message)
        try:
            given = self.predict(matrix)
        except BadModel:
            raise
        except Exception as error:  # whatever a runtime throws
            message = f"the self-test of {self.manifest.name} cannot be run: {error}"
            raise BadModel(message) from error
        worst = float(np.max(np.abs(given - np.array(test.default_probability))))
        if not worst <= test.tolerance:
            message = f"the self-test of {self.manifest.name} is off by {worst}"
            raise BadModel(message)

    def _measure(self) -> tuple[float, float]:
        row = self.signature.decode(msgspec.json.encode(self.manifest.self_test.inputs[:1]))
        one, many = (self._fastest(np.repeat(row, rows, axis=0)) for rows in (1, _MANY))
        return one, max(0.0, many - one) / (_MANY - 1)

    def _fastest(self, matrix: Matrix) -> float:
        times = []
        for _ in range(_TRIES):
            started = time.perf_counter()
            self._predict(matrix)
            times.append(time.perf_counter() - started)
        return min(times)


def _are_probabilities(values: Probabilities) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)  # NaN is neither
