"""Folders as MLflow 3 writes them; MLflow itself is not needed to read one."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import pytest
import skops.io
from lightgbm import LGBMClassifier
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from augury.publishing.trouble import NotPublishable
from publishing.offers import applicants, offered, outcomes, pool, single

TRAINED, NEW = single(applicants()), single(applicants(600, seed=8))
PAIR = ["age", "income"]
# Of the flavours that these know missing values.
BOOSTERS = {"xgboost", "lightgbm", "catboost"}
DOCUMENT = """\
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.{flavour}
    python_version: 3.11.7
  {flavour}:
    code: null
    {member}: {file}
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 4732
model_uuid: fd0467db9c0a43abb342f2c69ddc8ceb
prompts: null
signature:
  inputs: '{inputs}'
  outputs: '[{{"type": "long", "name": "defaulted", "required": true}}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-22 05:17:30.644006'
"""


def folder_of(path: Path, flavour: str, file: str, inputs: Any = None) -> Path:
    path.mkdir(exist_ok=True)
    inputs = inputs or [
        {"type": "long", "name": "age", "required": True},
        {"type": "double", "name": "income", "required": flavour not in BOOSTERS},
    ]
    member = "pickled_model" if flavour == "sklearn" else "data"
    told = DOCUMENT.format(flavour=flavour, member=member, file=file, inputs=json.dumps(inputs))
    (path / "MLmodel").write_text(told)
    return path


KINDS: dict[str, Callable[[], Any]] = {
    "sklearn": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "onnx": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "xgboost": lambda: XGBClassifier(n_estimators=5),
    "lightgbm": lambda: LGBMClassifier(n_estimators=5, verbose=-1),
    "catboost": lambda: catboost.CatBoostClassifier(
        iterations=5, verbose=0, allow_writing_files=False
    ),
}


def fitted(flavour: str) -> Any:
    if flavour == "catboost":
        return KINDS[flavour]().fit(pool(TRAINED[PAIR], outcomes(TRAINED)))
    return KINDS[flavour]().fit(TRAINED[PAIR], outcomes(TRAINED))


def write(model: Any, path: Path) -> None:
    """Write a model the way MLflow names its files."""
    if path.suffix == ".skops":
        skops.io.dump(model, path)
    elif path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(model))
    elif path.suffix == ".onnx":
        graph = to_onnx(model, initial_types=[("x", FloatTensorType([None, 2]))], target_opset=17)
        path.write_bytes(graph.SerializeToString())
    elif path.suffix == ".xgb":
        path.write_bytes(model.get_booster().save_raw("ubj"))
    elif path.suffix == ".lgb":
        model.booster_.save_model(path)
    else:
        model.save_model(str(path))


@pytest.mark.parametrize(
    ("flavour", "file"),
    [
        ("sklearn", "model.skops"),
        ("sklearn", "model.pkl"),
        ("xgboost", "model.ubj"),
        ("xgboost", "model.xgb"),
        ("lightgbm", "model.lgb"),
        ("lightgbm", "model.skops"),
        ("catboost", "model.cb"),
        ("onnx", "model.onnx"),
    ],
)
def test_a_folder_of_each_flavour_gives_what_its_model_gave(
    flavour: str, file: str, tmp_path: Path
) -> None:
    model = fitted(flavour)
    folder = folder_of(tmp_path / "mlflow", flavour, file)
    write(model, folder / file)
    offer = offered(folder, TRAINED[["home", "income", "age"]])
    rows = NEW[PAIR].to_numpy() if flavour == "catboost" else NEW[PAIR]
    assert offer.apart(NEW[PAIR], model.predict_proba(rows)[:, 1]) <= 1e-5
    # What the signature calls optional may be missing, though the sample always has it.
    assert {field.name: field.nullable for field in offer.manifest.inputs} == {
        "age": False,
        "income": flavour in BOOSTERS,
    }


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("flavors:\n  spark:\n    model_data: x\n", "has the flavors spark; known are sklearn"),
        ("flavors:\n  onnx:\n    data: gone.onnx\n", "has no gone.onnx"),
        ("flavors:\n  onnx:\n    data: ../other.onnx\n", "a file outside of its folder"),
        ("nothing: here\n", "names no flavors"),
        ("flavors: [", "is not YAML"),
    ],
)
def test_a_folder_that_cannot_be_read_says_why(
    document: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow/MLmodel").write_text(document)
    with pytest.raises(NotPublishable, match=sentence):
        offered(tmp_path / "mlflow", TRAINED)


def test_a_signature_of_other_fields_is_refused(tmp_path: Path) -> None:
    inputs = [{"type": "double", "name": "height", "required": True}]
    folder = folder_of(tmp_path / "mlflow", "sklearn", "model.pkl", inputs)
    write(fitted("sklearn"), folder / "model.pkl")
    with pytest.raises(NotPublishable, match=r"names \['height'\], the model \['age', 'income'\]"):
        offered(folder, TRAINED)
