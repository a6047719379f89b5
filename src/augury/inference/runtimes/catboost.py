"""The `catboost` runtime: CatBoost's own files, `.cbm` or JSON, with native categories."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from augury.inference.lean import catboost
from augury.inference.manifest import BadModel, Manifest
from augury.inference.odds import probability
from augury.inference.runtimes.protocol import Predict
from augury.kit.decoding import decode

# From so many rows on, columns are the faster way; among thousands, twice as fast.
_MANY_ROWS = 512
# Their raw values are log-odds.
_BINARY = ("Logloss", "CrossEntropy", "Focal")


def open_artifact(path: Path, manifest: Manifest, threads: int) -> Predict:
    """Return the model in a `.cbm` or JSON file, or raise `BadModel`."""
    model = open_model(path)
    as_cells, as_columns = features_of(model, manifest), columns_of(manifest)

    def predict(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        features = as_cells(matrix) if len(matrix) < _MANY_ROWS else as_columns(matrix)
        raw = model.predict(features, prediction_type="RawFormulaVal", thread_count=threads)
        return probability(np.atleast_1d(raw))

    return predict


def open_model(path: Path) -> catboost.CatBoostClassifier:
    """Return CatBoost's own object for a `.cbm` or JSON file, or raise `BadModel`."""
    model = catboost.CatBoostClassifier()
    try:
        model.load_model(str(path), format=_format_of(path))
    except (catboost.CatBoostError, msgspec.DecodeError, OSError) as error:
        raise BadModel("not_catboost", file=path.name, error=error) from error
    loss = _loss_of(model)
    if loss not in {None, *_BINARY} or isinstance(model.get_scale_and_bias()[1], list):
        raise BadModel("catboost_loss", loss=loss or "-", known=", ".join(_BINARY))
    return model


class _Forest(msgspec.Struct):
    """What a JSON file must have: CatBoost takes any other for a model without trees."""

    features_info: msgspec.Raw
    # Symmetric trees stand under the first name, all others under the second.
    oblivious_trees: list[msgspec.Raw] = []
    trees: list[msgspec.Raw] = []


def _format_of(path: Path) -> Literal["cbm", "json"]:
    content = path.read_bytes()
    if not content.lstrip().startswith(b"{"):
        return "cbm"
    forest = decode(content, _Forest)
    if not (forest.oblivious_trees or forest.trees):
        raise BadModel("catboost_treeless", file=path.name)
    return "json"


def _loss_of(model: catboost.CatBoostClassifier) -> str | None:
    """Return what the model was trained to minimise; a sum of several models has forgotten it."""
    told = model.get_metadata()
    params = told["params"] if "params" in told.keys() else ""  # noqa: SIM118 -- it has no `in`
    return decode(params, _Params).loss_function.type if params else None


class _Loss(msgspec.Struct):
    type: str


class _Params(msgspec.Struct):
    loss_function: _Loss


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


def columns_of(manifest: Manifest) -> Callable[[npt.NDArray[np.float32]], catboost.Pool]:
    """Return what turns the matrix into CatBoost's own columns, for a model that takes cells of it.

    The same features and the same answers as of cells, without an object for each number.
    """
    fields = list(enumerate(manifest.inputs))
    words = [place for place, field in fields if field.type == "category"]
    numbers = [place for place, field in fields if field.type != "category"]
    names = [field.name for field in manifest.inputs]
    categories = [
        np.array([word.encode() for word in manifest.inputs[place].categories or []], object)
        for place in words
    ]

    def columns(matrix: npt.NDArray[np.float32]) -> catboost.Pool:
        cells = np.empty((len(matrix), len(words)), object)
        for at, (place, of_column) in enumerate(zip(words, categories, strict=True)):
            cells[:, at] = of_column[matrix[:, place].astype(np.intp)]
        return catboost.Pool(
            catboost.FeaturesData(
                num_feature_data=np.ascontiguousarray(matrix[:, numbers]),
                cat_feature_data=cells,
                num_feature_names=[names[place] for place in numbers],
                cat_feature_names=[names[place] for place in words],
            )
        )

    return columns
