"""How a model gives reasons. A new way for one format is one file here and one line below.

The manifest chooses: the points of a scorecard (`points.py`), reference rows for any other model
(`boxes.py` for boosted trees, `coalitions.py` for whatever predicts), or neither, and then the
runtime must know a way of its own.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.explainers import boxes, coalitions, leaves, linear, points
from augury.inference.explainers.protocol import Explain
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.protocol import Predict

_BY_RUNTIME = {"catboost": leaves.open_explainer, "linear": linear.open_explainer}


def open_explainer(
    path: Path,
    manifest: Manifest,
    references: npt.NDArray[np.float32] | None,
    predict: Predict,
    threads: int,
) -> Explain:
    """Return what explains the log-odds of `predict`; raises `BadModel` when nothing can."""
    told = manifest.explain
    if told is not None and told.points is not None:
        return points.explainer(told.points, manifest.inputs, predict)
    if references is not None:
        found = None
        if manifest.runtime == "onnx":
            found = boxes.open_explainer(path, manifest, references, predict)
        return found or coalitions.against(references, predict)
    if manifest.runtime not in _BY_RUNTIME:
        raise BadModel("reasons_without_means", name=manifest.name)
    return _BY_RUNTIME[manifest.runtime](path, manifest, threads)
