"""The `catboost` runtime: native `.cbm` files with native categories."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augury.inference.lean import catboost
from augury.inference.manifest import BadModel, Manifest
from augury.inference.runtimes.protocol import Predict


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:
    """Return the model in a `.cbm` file, or raise `BadModel`."""
    model = open_model(path)
    to_features = features_of(model, manifest)

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        raw = model.predict(
            to_features(matrix), prediction_type="RawFormulaVal", thread_count=threads
        )
        odds: npt.NDArray[np.float64] = np.exp(-np.atleast_1d(raw))
        return 1.0 / (1.0 + odds)

    return predict


def open_model(path: Path) -> catboost.CatBoostClassifier:
    """Return CatBoost's own object for a `.cbm` file, or raise `BadModel`."""
    model = catboost.CatBoostClassifier()
    try:
        model.load_model(str(path), format="cbm")
    except (catboost.CatBoostError, OSError) as error:
        raise BadModel("not_catboost", file=path.name, error=error) from error
    return model


def features_of(
    model: catboost.CatBoostClassifier, manifest: Manifest
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.object_]]:
    """Return what turns the matrix into the cells that this model was trained on."""
    names = [field.name for field in manifest.inputs]
    places = [p for p, field in enumerate(manifest.inputs) if field.type == "category"]
    trained_on = (model.feature_names_, sorted(model.get_cat_feature_indices()))
    if trained_on != (names, places):
        raise BadModel("catboost_fields", trained_on=trained_on, names=names, places=places)
    nullable = [names[place] for place in places if manifest.inputs[place].nullable]
    if nullable:
        raise BadModel("catboost_nullable", names=", ".join(nullable))
    categories = [np.array(manifest.inputs[place].categories, object) for place in places]

    def cells(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.object_]:
        table = matrix.astype(object)
        for place, of_column in zip(places, categories, strict=True):
            table[:, place] = of_column[matrix[:, place].astype(np.intp)]
        return table

    return cells
