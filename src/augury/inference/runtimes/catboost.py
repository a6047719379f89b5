"""The `catboost` runtime: native `.cbm` files with native categories."""

from pathlib import Path
from typing import Any

import catboost
import numpy as np
import numpy.typing as npt

from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.protocol import Predict


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:
    """Return the model in a `.cbm` file, or raise `BadModel`."""
    model = catboost.CatBoostClassifier()
    try:
        model.load_model(str(path), format="cbm")
    except (catboost.CatBoostError, OSError) as error:
        message = f"{path.name} is not a model that CatBoost can open: {error}"
        raise BadModel(message) from error
    names = [field.name for field in manifest.inputs]
    if model.feature_names_ != names:
        message = f"the model was trained on {model.feature_names_}, the manifest has {names}"
        raise BadModel(message)
    columns = _Columns(manifest)
    if model.get_cat_feature_indices() != columns.categories:
        message = "the model's categorical features are not the manifest's categories"
        raise BadModel(message)

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        raw = model.predict(
            columns.split(matrix), prediction_type="RawFormulaVal", thread_count=threads
        )
        odds: npt.NDArray[np.float64] = np.exp(-np.atleast_1d(raw))
        return 1.0 / (1.0 + odds)

    return predict


class _Columns:
    """Turns the matrix into the two blocks that CatBoost reads fastest: numbers and categories."""

    def __init__(self, manifest: Manifest) -> None:
        places = enumerate(manifest.inputs)
        self.categories = [place for place, field in places if field.type == "category"]
        self._numbers = [
            place for place, field in enumerate(manifest.inputs) if field.type != "category"
        ]
        self._names = [
            np.array([name.encode() for name in manifest.inputs[place].categories or ()], object)
            for place in self.categories
        ]

    def split(self, matrix: npt.NDArray[np.float32]) -> Any:
        codes = matrix[:, self.categories].astype(np.intp)
        named = np.empty(codes.shape, dtype=object)
        for column, names in enumerate(self._names):
            named[:, column] = names[codes[:, column]]
        numbers = np.ascontiguousarray(matrix[:, self._numbers])
        return catboost.FeaturesData(num_feature_data=numbers, cat_feature_data=named)
