"""The proof: a runtime gives the probabilities that the publisher's own library gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augury.inference.manifest import BadModel, Manifest
from augury.inference.model import Model
from augury.publishing.sources.protocol import Converted, Way
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable, Unconvertible

TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Proven:
    """An artefact that a runtime opened, and how far it is from the library at most."""

    converted: Converted
    way: str
    worst: float


def first_proven(
    ways: Sequence[Way],
    draft: Callable[[Converted], tuple[Manifest, Path]],
    matrix: Matrix,
    expected: Floats,
    shown: Callable[[int], str],
) -> Proven:
    """Return the first way whose artefact gives the expected probabilities on every row.

    `draft` writes an artefact with a manifest for it; `shown` tells a row to a person. Raises
    `NotPublishable` with the worst row of the way that came closest, or why none worked.
    """
    closest: tuple[float, str] | None = None
    faults = []
    for way in ways:
        try:
            converted = way.convert()
            given = _given(*draft(converted), matrix)
        except (Unconvertible, BadModel) as error:
            faults.append(f"{way.name}: {error}")
            continue
        apart = np.abs(given - expected)
        # Not a number is as far apart as can be.
        apart = np.where(np.isnan(apart), np.inf, apart)
        row = int(apart.argmax())
        if apart[row] <= TOLERANCE:
            return Proven(converted, way.name, float(apart[row]))
        told = (
            f"{shown(row)} gets {given[row]:.6f} instead of {expected[row]:.6f}:"
            f" {apart[row]:.1e} apart, {TOLERANCE:.0e} is allowed."
        )
        if closest is None or apart[row] < closest[0]:
            closest = float(apart[row]), told
    if closest is not None:
        message = f"The converted model is not the same model: {closest[1]}"
        raise NotPublishable(message)
    message = "The model cannot be converted. " + "; ".join(dict.fromkeys(faults))
    raise NotPublishable(message)


def _given(manifest: Manifest, artifact: Path, matrix: Matrix) -> Floats:
    model = Model(manifest, artifact, threads=1)
    return np.asarray(model.predict(matrix), np.float64)
