"""What cannot be published says so in a sentence, with a code, before anything is uploaded."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier, XGBRegressor

from augury.publishing import prove
from publishing.counter import typed
from publishing.offers import NUMBERS, applicants, dumped, outcomes, sampled

TRAINED = applicants()
KNOWN = TRAINED.assign(rate=TRAINED["rate"].fillna(3.0))


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A transformer that nobody has a converter for."""

    def fit(self, _rows: Any, _target: Any = None) -> "Doubler":
        """Learn nothing."""
        return self

    def transform(self, rows: Any) -> Any:
        """Return twice the rows."""
        return rows * 2

    def __sklearn_is_fitted__(self) -> bool:
        """Return that there is nothing to fit."""
        return True


def regression() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


def refused(path: Path, *options: Any, code: int = 1) -> str:
    """Return the sentence that a publisher reads."""
    result = typed(path, *options)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    sentence = result.stderr.strip().splitlines()
    assert len(sentence) == 1, sentence
    return str(sentence[0])


MODELS: dict[str, tuple[Any, str]] = {
    "regressor": (LinearRegression(), "LinearRegression is not a classifier"),
    "boosted-regressor": (XGBRegressor(n_estimators=2), "the objective reg:squarederror gives no"),
    "margins-only": (LinearSVC(), "LinearSVC gives no probabilities. Fit it inside a Calibrated"),
    "transformer-of-one-s-own": (make_pipeline(Doubler(), LogisticRegression()), "Doubler"),
    "function-of-one-s-own": (
        make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
        "cannot be converted",
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_cannot_be_sold(kind: str, tmp_path: Path) -> None:
    model, sentence = MODELS[kind]
    path = dumped(model.fit(KNOWN[NUMBERS].to_numpy(), outcomes(KNOWN)), tmp_path)
    assert sentence in refused(path, "--sample", sampled(tmp_path, KNOWN[NUMBERS]), "--price", 10)


@pytest.mark.parametrize("model", [RandomForestClassifier(3), XGBClassifier(n_estimators=2)])
def test_more_than_two_classes(model: Any, tmp_path: Path) -> None:
    path = dumped(model.fit(KNOWN[NUMBERS], np.arange(len(KNOWN)) % 3), tmp_path)
    sentence = refused(path, "--sample", sampled(tmp_path, KNOWN), "--price", 10)
    assert "3 classes" in sentence or "multi:softprob" in sentence


def test_catboost_for_more_than_two_classes(tmp_path: Path) -> None:
    model = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False)
    model.fit(KNOWN[NUMBERS].to_numpy(), np.arange(len(KNOWN)) % 3)
    model.save_model(str(tmp_path / "model.cbm"))
    sample = sampled(tmp_path, KNOWN)
    sentence = refused(tmp_path / "model.cbm", "--sample", sample, "--price", 10)
    assert "CatBoost with the loss MultiClass gives no probability" in sentence


def test_an_estimator_that_was_not_fitted(tmp_path: Path) -> None:
    path = dumped(regression(), tmp_path)
    assert "has not been fitted" in refused(
        path, "--sample", sampled(tmp_path, KNOWN), "--price", 1
    )


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    """A model that could be published."""
    return dumped(regression().fit(KNOWN[NUMBERS], outcomes(KNOWN)), tmp_path)


def test_no_sample(fitted: Path) -> None:
    assert "Name a sample of the training data with --sample" in refused(fitted, "--price", 10)


def test_no_price(fitted: Path, tmp_path: Path) -> None:
    sentence = refused(fitted, "--sample", sampled(tmp_path, KNOWN))
    assert sentence == "Say what a row costs with --price CREDITS: a whole number, 1 or more."


SAMPLES: dict[str, tuple[pd.DataFrame, list[str], str]] = {
    "missing-columns": (KNOWN[["age"]], [], "lacks columns that the model was trained on: income"),
    "few-rows": (KNOWN[:19], [], "has 19 rows; a sample needs 20"),
    "no-target": (KNOWN, ["--target", "bad"], "has no column 'bad'. It has age, income"),
    "three-outcomes": (
        KNOWN.assign(y=np.arange(len(KNOWN)) % 3),
        ["--target", "y"],
        "The target 'y' must have two values and none missing; it has 3: 0, 1, 2",
    ),
    "missing-outcome": (
        KNOWN.assign(y=np.where(np.arange(len(KNOWN)) % 3, 1.0, np.nan)),
        ["--target", "y"],
        "must have two values",
    ),
    "other-outcomes": (
        KNOWN.assign(y=np.where(np.arange(len(KNOWN)) % 2, "good", "bad")),
        ["--target", "y"],
        "The model's class 1 is no value of the target 'y': that has bad and good",
    ),
    "texts": (
        KNOWN.assign(age=[f"applicant {place}" for place in range(len(KNOWN))]),
        [],
        "age has 400 different texts",
    ),
    "missing-values": (
        KNOWN.assign(rate=TRAINED["rate"]),
        [],
        "cannot predict the sample: ValueError: Input X contains NaN",
    ),
    "infinity": (KNOWN.assign(rate=np.inf), [], "rate has no finite number"),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_that_does_not_fit(kind: str, fitted: Path, tmp_path: Path) -> None:
    frame, options, sentence = SAMPLES[kind]
    sample = sampled(tmp_path, frame)
    assert sentence in refused(fitted, "--sample", sample, "--price", 10, *options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--name", "Scoring 2"], "'Scoring 2' is no name of a model"),
        (["--positive", "2"], "--positive 2: the model knows the classes 0 and 1"),
        (["--approve-below", 0.5, "--decline-from", 0.1], "does not pass the check"),
        (["--title", ""], ""),
    ],
)
def test_a_wish_that_cannot_be_met(
    options: list[Any], sentence: str, fitted: Path, tmp_path: Path
) -> None:
    told = ["--sample", sampled(tmp_path, KNOWN), "--price", 10, *options]
    if sentence:
        assert sentence in refused(fitted, *told)
    else:  # nothing said is nothing wished
        assert typed(fitted, *told, "--out", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ("[1]", "parts.json is not a JSON object"),
        ('{"inputs": [{"name": "height"}]}', "fields that the model has not: height"),
        ('{"inputs": [{"name": "age", "maximum": 30}]}', "The fields do not fit the sample"),
        ('{"price": "ten"}', "Say what a row costs"),
        ('{"colour": "red"}', "Object contains unknown field `colour`"),
    ],
)
def test_parts_of_a_manifest_that_are_wrong(
    parts: str, sentence: str, fitted: Path, tmp_path: Path
) -> None:
    (tmp_path / "parts.json").write_text(parts)
    options = ["--sample", sampled(tmp_path, KNOWN), "--manifest", tmp_path / "parts.json"]
    price = [] if "price" in parts else ["--price", 10]
    assert sentence in refused(fitted, *options, *price)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("model.joblib", "cannot be opened"),
        ("model.skops", "cannot be opened"),
        ("model.json", "the JSON of neither XGBoost nor CatBoost"),
        ("model.ubj", "is not a model of XGBoost"),
        ("model.txt", "is not a model of LightGBM"),
        ("model.cbm", "is not a model of CatBoost"),
        ("model.onnx", "is not an ONNX file"),
        ("model.h5", "of this suffix no kind of model is known"),
        ("model.pt2", "needs the library torch, which is not installed here. Run: pip install"),
    ],
)
def test_a_file_that_is_no_model(name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"not a model")
    options = ["--sample", sampled(tmp_path, KNOWN), "--price", 10]
    assert sentence in refused(tmp_path / name, *options)


def test_a_folder_of_neither_kind(tmp_path: Path) -> None:
    options = ["--sample", sampled(tmp_path, KNOWN), "--price", 10]
    assert "has neither manifest.json nor MLmodel" in refused(tmp_path, *options)


def test_a_conversion_that_changes_the_model_names_the_worst_row(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = prove._given

    def crooked(*rest: Any) -> Any:
        given = true(*rest)
        given[6] += 0.01
        return given

    monkeypatch.setattr(prove, "_given", crooked)
    sentence = refused(fitted, "--sample", sampled(tmp_path, KNOWN), "--price", 10)
    assert "The converted model is not the same model: row 7 of the sample" in sentence
    assert f"'age': {KNOWN['age'][6]}" in sentence
    assert "1.0e-02 apart, 1e-05 is allowed" in sentence


def test_a_ready_folder_whose_artefact_is_another(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    typed(fitted, "--sample", sampled(tmp_path, KNOWN), "--price", 10, "--out", out)
    (out / "model.onnx").write_bytes(b"another")
    assert "the manifest promises" in refused(out)


@pytest.mark.parametrize(
    ("absent", "sentence"),
    [
        ("pandas", "Publishing needs pandas, which serving does not. Run: pip install 'augury[pu"),
        (
            "skl2onnx",
            "needs the library skl2onnx, which is not installed here. Run: pip install 'a",
        ),
        ("skops", "needs the library skops, which is not installed here. Run: pip install 'augury"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_the_way_to_get_it(
    absent: str, sentence: str, fitted: Path, tmp_path: Path
) -> None:
    program = f"import sys; sys.modules[{absent!r}] = None; from augury.cli import app; app()"
    options = ["--sample", str(sampled(tmp_path, KNOWN)), "--price", "1", "--out", "never-written"]
    ran = subprocess.run(
        [sys.executable, "-c", program, "publish", str(fitted), *options],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode in {1, 2}
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


def test_one_threshold_without_the_other_is_a_wrong_call(fitted: Path) -> None:
    result = typed(fitted, "--approve-below", 0.2)
    assert result.exit_code == 2
    assert "takes both --approve-below and --decline-from" in " ".join(result.stderr.split())
