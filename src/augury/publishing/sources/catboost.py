"""CatBoost: a `.cbm` or JSON file, or a wrapper; it ships as it is, with native categories."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import catboost
import numpy as np

from augury.inference.manifest import Raw
from augury.publishing.sources.protocol import Converted, Question, Source, Way
from augury.publishing.table import Floats, Matrix
from augury.publishing.trouble import NotPublishable, Unconvertible

_FORMATS = {".json": "json"}
_LOSSES = {"Logloss", "CrossEntropy"}


def open_source(path: Path) -> Source:
    """Return the model in a native file; raises `NotPublishable`."""
    model = catboost.CatBoost()
    try:
        model.load_model(str(path), format=_FORMATS.get(path.suffix.lower(), "cbm"))
    except catboost.CatBoostError as error:
        message = f"{path.name} is not a model of CatBoost: {error}"
        raise NotPublishable(message) from error
    return source_of(model)


def source_of(model: Any) -> Source:
    """Return a fitted model as a source; raises `NotPublishable`."""
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    if loss not in _LOSSES:
        message = (
            f"CatBoost with the loss {loss or 'unknown'} gives no probability of two classes."
            " It takes Logloss or CrossEntropy."
        )
        raise NotPublishable(message)
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        message = (
            "CatBoost with texts or embeddings is not supported: fields are numbers and categories."
        )
        raise NotPublishable(message)
    names = [str(name) for name in model.feature_names_]
    unnamed = names == [str(place) for place in range(len(names))]
    return Source(
        library=f"CatBoost {catboost.__version__}",
        kind=type(model).__name__,
        predict=partial(_predict, model),
        ways=partial(_ways, model),
        names=None if unnamed else names,
        width=len(names),
        classes=np.asarray(model.classes_).tolist() if len(model.classes_) else [0, 1],
        categorical=frozenset(model.get_cat_feature_indices()),
    )


def _predict(model: Any, question: Question, matrix: Matrix) -> Floats:
    frame = question.columns.frame(matrix)
    for place in model.get_cat_feature_indices():
        if frame.iloc[:, place].isna().any():
            message = (
                f"{frame.columns[place]} is a category that is missing in some rows, and CatBoost"
                " knows no missing category: fill it as you did for the training."
            )
            raise NotPublishable(message)
    chances = model.predict(frame.to_numpy(object), prediction_type="Probability", thread_count=1)
    found: Floats = np.asarray(chances, np.float64)[:, question.positive]
    return found


def _ways(model: Any, question: Question) -> list[Way]:
    return [Way("as it is", partial(_shipped, model, question))]


def _shipped(model: Any, question: Question) -> Converted:
    if question.positive == 0:
        message = (
            f"a CatBoost model ships as it is, and tells the probability of {model.classes_[1]!r}"
        )
        raise Unconvertible(message)
    # The file names the fields that it was trained on, and the manifest must agree.
    model.set_feature_names(question.columns.names)
    metadata = model.get_metadata()
    for volatile in ("train_finish_time", "model_guid"):
        metadata[volatile] = ""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.cbm"
        model.save_model(str(path), format="cbm")
        return Converted(path.read_bytes(), ".cbm", "catboost", Raw())
