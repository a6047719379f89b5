"""Estimators of scikit-learn become graphs that give the same probabilities, also on new rows."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from publishing.offers import (
    NUMBERS,
    applicants,
    dumped,
    offered,
    outcomes,
    single,
    without_some_homes,
)

TRAINED, NEW = single(applicants()), single(applicants(600, seed=8))
FEW = 10


def scaled(model: Any) -> Pipeline:
    return make_pipeline(SimpleImputer(), StandardScaler(), model)


def mixed(model: Any, *categories: Any) -> Pipeline:
    """Return a model behind what most people put before one."""
    encoder = make_pipeline(*categories, OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler())
    columns = ColumnTransformer([("n", numbers, NUMBERS), ("c", encoder, ["home"])])
    return Pipeline([("columns", columns), ("model", model)])


NUMERIC: dict[str, Callable[[], Any]] = {
    "logistic-regression": lambda: scaled(LogisticRegression()),
    "sgd": lambda: scaled(SGDClassifier(loss="log_loss", random_state=0)),
    "bare-tree": lambda: DecisionTreeClassifier(max_depth=6, random_state=0),
    "bare-forest": lambda: RandomForestClassifier(FEW, random_state=0),
    "scaled-forest": lambda: scaled(RandomForestClassifier(FEW, random_state=0)),
    "extra-trees": lambda: scaled(ExtraTreesClassifier(FEW, random_state=0)),
    "boosting": lambda: scaled(GradientBoostingClassifier(n_estimators=FEW, random_state=0)),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=FEW),
    "scaled-histograms": lambda: make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=FEW)
    ),
    "calibrated-pipeline": lambda: CalibratedClassifierCV(scaled(LogisticRegression()), cv=3),
    "calibrated-forest": lambda: CalibratedClassifierCV(
        RandomForestClassifier(FEW, random_state=0), cv=3, method="isotonic"
    ),
    "calibrated-svc": lambda: scaled(CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False)),
    "voting": lambda: scaled(
        VotingClassifier(
            [("l", LogisticRegression()), ("f", RandomForestClassifier(FEW, random_state=0))],
            voting="soft",
            weights=[3, 1],
        )
    ),
    "network": lambda: scaled(MLPClassifier((4,), max_iter=600, tol=0.01, random_state=0)),
    "bayes": lambda: scaled(GaussianNB()),
    "xgboost-inside": lambda: scaled(XGBClassifier(n_estimators=FEW)),
    "lightgbm-inside": lambda: scaled(LGBMClassifier(n_estimators=FEW, verbose=-1)),
}
MIXED: dict[str, Callable[[], Any]] = {
    "logistic-regression": lambda: mixed(LogisticRegression()),
    "forest": lambda: mixed(RandomForestClassifier(FEW, random_state=0)),
    "xgboost": lambda: mixed(XGBClassifier(n_estimators=FEW)),
    "imputed-homes": lambda: mixed(LogisticRegression(), SimpleImputer(strategy="most_frequent")),
    "constant-homes": lambda: mixed(
        LogisticRegression(), SimpleImputer(strategy="constant", fill_value="NONE")
    ),
}


@pytest.mark.parametrize("kind", NUMERIC)
def test_a_model_of_numbers_gives_on_new_rows_what_it_gave_before(
    kind: str, tmp_path: Path
) -> None:
    model = NUMERIC[kind]().fit(TRAINED[NUMBERS], outcomes(TRAINED))
    offer = offered(dumped(model, tmp_path), TRAINED[NUMBERS])
    assert offer.apart(NEW[NUMBERS], model.predict_proba(NEW[NUMBERS])[:, 1]) <= 1e-5


@pytest.mark.parametrize("homes", ["known", "partly-missing"])
@pytest.mark.parametrize("kind", MIXED)
def test_a_model_of_numbers_and_categories_does_too(kind: str, homes: str, tmp_path: Path) -> None:
    trained, new = (TRAINED, NEW) if homes == "known" else map(without_some_homes, (TRAINED, NEW))
    model = MIXED[kind]().fit(trained, outcomes(trained))
    offer = offered(dumped(model, tmp_path), trained)
    assert offer.apart(new, model.predict_proba(new)[:, 1]) <= 1e-5
    (home,) = [field for field in offer.manifest.inputs if field.name == "home"]
    assert home.nullable == (homes == "partly-missing")


def test_categories_that_are_whole_numbers_stay_numbers(tmp_path: Path) -> None:
    codes = TRAINED.assign(region=np.arange(len(TRAINED)) % 5)[["region", "income"]]
    columns = ColumnTransformer([("c", OneHotEncoder(), ["region"])], remainder="passthrough")
    model = make_pipeline(columns, StandardScaler(), LogisticRegression())
    model.fit(codes, outcomes(TRAINED))
    offer = offered(dumped(model, tmp_path), codes)
    assert [field.type for field in offer.manifest.inputs] == ["integer", "number"]
    assert offer.apart(codes, model.predict_proba(codes)[:, 1]) <= 1e-5


def test_ordinal_codes_and_several_categories(tmp_path: Path) -> None:
    two = TRAINED.assign(grade=np.array(list("ABC"))[np.arange(len(TRAINED)) % 3])
    encoder = OrdinalEncoder(categories=[["OTHER", "RENT", "OWN"], ["C", "B", "A"]])
    columns = ColumnTransformer([("c", encoder, ["home", "grade"]), ("n", "passthrough", NUMBERS)])
    model = Pipeline([("columns", columns), ("model", RandomForestClassifier(FEW, random_state=0))])
    model.fit(two, outcomes(two))
    offer = offered(dumped(model, tmp_path), two)
    assert offer.apart(two, model.predict_proba(two)[:, 1]) <= 1e-5


@pytest.mark.parametrize("homes", ["known", "partly-missing"])
def test_histograms_with_categories_of_pandas(homes: str, tmp_path: Path) -> None:
    trained, new = (
        frame.assign(home=pd.Categorical(frame["home"], ["RENT", "OTHER", "OWN"]))
        for frame in (
            (TRAINED, NEW) if homes == "known" else map(without_some_homes, (TRAINED, NEW))
        )
    )
    model = HistGradientBoostingClassifier(max_iter=FEW).fit(trained, outcomes(TRAINED))
    offer = offered(dumped(model, tmp_path), trained)
    assert offer.apart(new, model.predict_proba(new)[:, 1]) <= 1e-5


def test_histograms_with_categories_of_numbers_behind_an_encoder(tmp_path: Path) -> None:
    encoder = OrdinalEncoder(categories=[["OTHER", "RENT", "OWN"]])
    columns = ColumnTransformer([("n", "passthrough", NUMBERS), ("c", encoder, ["home"])])
    boosting = HistGradientBoostingClassifier(max_iter=FEW, categorical_features=[3])
    model = Pipeline([("columns", columns), ("model", boosting)]).fit(TRAINED, outcomes(TRAINED))
    offer = offered(dumped(model, tmp_path), TRAINED)
    assert offer.apart(NEW, model.predict_proba(NEW)[:, 1]) <= 1e-5


def test_a_model_that_was_fitted_on_an_array_takes_the_sample_s_names(tmp_path: Path) -> None:
    model = scaled(LogisticRegression()).fit(TRAINED[NUMBERS].to_numpy(), outcomes(TRAINED))
    offer = offered(dumped(model, tmp_path), TRAINED[NUMBERS])
    assert [field.name for field in offer.manifest.inputs] == NUMBERS
    assert offer.apart(NEW[NUMBERS], model.predict_proba(NEW[NUMBERS].to_numpy())[:, 1]) <= 1e-5


def test_columns_beside_the_model_s_are_left_out_and_their_order_is_the_model_s(
    tmp_path: Path,
) -> None:
    model = scaled(LogisticRegression()).fit(TRAINED[NUMBERS], outcomes(TRAINED))
    shuffled = TRAINED[["home", "rate", "income", "age"]]
    offer = offered(dumped(model, tmp_path), shuffled)
    assert [field.name for field in offer.manifest.inputs] == NUMBERS


@pytest.mark.parametrize("suffix", [".pkl", ".skops"])
def test_a_pickle_and_skops_are_opened_too_and_the_publisher_is_warned(
    suffix: str, tmp_path: Path
) -> None:
    model = scaled(LogisticRegression()).fit(TRAINED[NUMBERS], outcomes(TRAINED))
    path = tmp_path / f"model{suffix}"
    if suffix == ".skops":
        skops.io.dump(model, path)
    else:
        path.write_bytes(pickle.dumps(model))
    offer = offered(path, TRAINED[NUMBERS])
    assert offer.apart(NEW[NUMBERS], model.predict_proba(NEW[NUMBERS])[:, 1]) <= 1e-5
    assert "opening it runs that code on this machine" in offer.said[0]


@pytest.mark.parametrize("positive", ["good", "bad"])
def test_the_probability_of_either_class_can_be_sold(positive: str, tmp_path: Path) -> None:
    named = np.where(outcomes(TRAINED) == 1, "bad", "good")
    model = scaled(LogisticRegression()).fit(TRAINED[NUMBERS], named)
    offer = offered(dumped(model, tmp_path), TRAINED[NUMBERS], named, positive=positive)
    place = ["bad", "good"].index(positive)
    assert offer.apart(NEW[NUMBERS], model.predict_proba(NEW[NUMBERS])[:, place]) <= 1e-5
    assert offer.manifest.metrics is not None
    assert offer.manifest.metrics.roc_auc > 0.6


def test_a_sample_may_be_parquet(tmp_path: Path) -> None:
    model = mixed(LogisticRegression()).fit(TRAINED, outcomes(TRAINED))
    path = dumped(model, tmp_path)
    frame = TRAINED.assign(home=pd.Categorical(TRAINED["home"]))
    frame.to_parquet(tmp_path / "sample.parquet")
    offer = offered(path, TRAINED)
    again = offered(path, TRAINED, sample=tmp_path / "sample.parquet")
    assert again.manifest.inputs == offer.manifest.inputs
    assert again.manifest.self_test == offer.manifest.self_test
