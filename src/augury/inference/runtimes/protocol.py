"""What every runtime promises; the contract suite in `tests/inference` holds each one to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from augury.inference.manifest import Manifest

# float32 [rows, fields] -> float64 [rows], each between 0 and 1. Safe to call from many threads.
Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]


class OpenRuntime(Protocol):
    """Opens an artefact with a limit on threads; raises `BadModel` when it is not what it says."""

    def __call__(self, path: Path, manifest: Manifest, threads: int) -> Predict:
        """Return what predicts, safe to call from many threads."""
