"""The `catboost` runtime: native `.cbm` files with native categories."""

from collections.abc import Callable
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
    to_features = _features_of(model, manifest)

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        raw = model.predict(
            to_features(matrix), prediction_type="RawFormulaVal", thread_count=threads
        )
        odds: npt.NDArray[np.float64] = np.exp(-np.atleast_1d(raw))
        return 1.0 / (1.0 + odds)

    return predict


def _features_of(
    model: catboost.CatBoostClassifier, manifest: Manifest
) -> Callable[[npt.NDArray[np.float32]], Any]:
    """Return what turns the matrix into the features that this model was trained on."""
    fields = manifest.inputs
    numbers = [place for place, field in enumerate(fields) if field.type != "category"]
    categories = [place for place, field in enumerate(fields) if field.type == "category"]
    names = [np.array([n.encode() for n in fields[p].categories or ()], object) for p in categories]

    def blocks(matrix: npt.NDArray[np.float32]) -> Any:
        codes = matrix[:, categories].astype(np.intp)
        named = np.empty(codes.shape, dtype=object)
        for column, of_column in enumerate(names):
            named[:, column] = of_column[codes[:, column]]
        return catboost.FeaturesData(
            num_feature_data=np.ascontiguousarray(matrix[:, numbers]), cat_feature_data=named
        )

    def cells(matrix: npt.NDArray[np.float32]) -> Any:
        table = matrix.astype(object)
        for place, of_column in zip(categories, names, strict=True):
            table[:, place] = of_column[matrix[:, place].astype(np.intp)]
        return table

    trained_on = (model.feature_names_, sorted(model.get_cat_feature_indices()))
    in_order = [field.name for field in fields]
    if trained_on == (in_order, categories):
        return cells
    # Numbers first, then categories: two blocks that CatBoost reads five times faster than cells.
    first = [in_order[place] for place in (*numbers, *categories)]
    if trained_on == (first, list(range(len(numbers), len(fields)))):
        return blocks
    message = f"the model was trained on {trained_on}, the manifest has {in_order} with {categories}"
    raise BadModel(message)
