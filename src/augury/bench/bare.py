"""The bare runtime: the library that executes a model, called as its own documentation says.

It has the rows in memory already, in the very array that it takes, and does nothing but predict:
nothing is read, checked, paid, stored or written, and no code of ours runs.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import Manifest
from augury.inference.runtimes import catboost, onnx
from augury.inference.runtimes.tensors import feed_of

# Of Augury one worker keeps one processor busy, and so does the library.
_THREADS = 1

Bare = Callable[[], object]


def bare_of(manifest: Manifest, artifact: Path, matrix: npt.NDArray[np.float32]) -> Bare:
    """Return the call that predicts all rows of a matrix; it has been made ready by then."""
    prepare = {"onnx": _onnx, "catboost": _catboost}[manifest.runtime]
    return prepare(manifest, artifact, matrix)


def _onnx(manifest: Manifest, artifact: Path, matrix: npt.NDArray[np.float32]) -> Bare:
    session = onnx.open_session(artifact.read_bytes(), _THREADS)
    feed = feed_of([onnx.port_of(found) for found in session.get_inputs()], manifest.inputs)
    return partial(session.run, [manifest.raw.tensor], feed(matrix))


def _catboost(manifest: Manifest, artifact: Path, matrix: npt.NDArray[np.float32]) -> Bare:
    model = catboost.open_model(artifact)
    # Rows with categories are an array of objects: CatBoost takes no other array of them.
    cells = catboost.features_of(model, manifest)(matrix)
    return partial(model.predict, cells, prediction_type="Probability", thread_count=_THREADS)
