"""Shapley values of a linear model: what a field adds beyond what it adds on average.

Terms that are added up do not act together, so every order of joining gives a field the same: its
own term less the average of that term over the training rows. No reference row is asked for.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.explainers.protocol import Contributions, Explain
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.linear import open_model


def open_explainer(path: Path, manifest: Manifest, threads: int) -> Explain:  # noqa: ARG001 -- a sum needs no threads
    """Return what explains a linear model; raises `BadModel` when its file has no `means`."""
    linear = open_model(path, manifest)
    means = linear.means
    if means is None:
        raise BadModel("linear_means", name=manifest.name)
    base = linear.intercept + float(means.sum())

    def explain(matrix: npt.NDArray[np.float32]) -> Contributions:
        rows = len(matrix)
        return Contributions(np.full(rows, base), linear.terms(matrix) - means, np.zeros(rows))

    return explain
