"""The three models: how each is fitted, run, priced and proven."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from augury.inference.lean import catboost
from augury.inference.manifest import Explain
from augury.training.calibration import Curve, Floats
from augury.training.credit import boosting, forest, reasons, scorecard
from augury.training.credit.dataset import Matrix, Target


class Fitted(Protocol):
    """A fitted model: raw probabilities from float32 [rows, 11], and its artefact."""

    def predict(self, matrix: Matrix) -> Floats:
        """Return the uncorrected probability of default of each row."""

    def export(self, curve: Curve | None) -> bytes:
        """Return the content of the artefact, with the calibration curve (or none) inside."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes one model: `fit(matrix, target, seed)`, and how the artefact is opened again."""

    name: str
    price: int
    runtime: str
    file: str
    fit: Callable[[Matrix, Target, int], Fitted]
    serve: Callable[[Path], Callable[[Matrix], Floats]]
    # From the artefact, the chances it gives for the training rows, and these rows.
    explain: Callable[[Path, Floats, Matrix], Explain]
    calibrated: bool  # whether a curve goes into the artefact
    monotone: bool  # whether a field's effect is held to a banker's sense


def recipes(*, quick: bool = False) -> list[Recipe]:
    """Return the recipes; `quick` ones have few trees and are for tests only."""
    few = 30
    return [
        Recipe(
            name="credit-logistic-regression",
            price=10,
            runtime="onnx",
            file="model.onnx",
            fit=scorecard.fit,
            serve=_onnx,
            explain=partial(reasons.by_points, price=5),
            calibrated=True,
            monotone=True,
        ),
        Recipe(
            name="credit-random-forest",
            price=50,
            runtime="onnx",
            file="model.onnx",
            fit=partial(forest.fit, trees=few if quick else forest.TREES),
            serve=_onnx,
            explain=partial(reasons.by_references, price=20),
            calibrated=True,
            monotone=False,
        ),
        Recipe(
            name="credit-catboost",
            price=100,
            runtime="catboost",
            file="model.cbm",
            fit=partial(boosting.fit, trees=few if quick else boosting.TREES),
            serve=_cbm,
            explain=partial(reasons.by_leaves, price=40),
            # It minimises log loss on its own scores and comes out calibrated (measured).
            calibrated=False,
            monotone=False,
        ),
    ]


def _onnx(path: Path) -> Callable[[Matrix], Floats]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def predict(matrix: Matrix) -> Floats:
        (chances,) = session.run(["default_probability"], {"inputs": matrix})
        return np.asarray(chances, np.float64)

    return predict


def _cbm(path: Path) -> Callable[[Matrix], Floats]:
    model = catboost.CatBoostClassifier()
    model.load_model(str(path), format="cbm")

    def predict(matrix: Matrix) -> Floats:
        chances: Floats = model.predict_proba(boosting.named(matrix), thread_count=1)[:, 1]
        return chances

    return predict
