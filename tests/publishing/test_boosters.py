"""Trees of XGBoost, LightGBM and CatBoost, from every form that they are kept in."""

from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest
import xgboost
from lightgbm import LGBMClassifier
from xgboost import XGBClassifier

from publishing.offers import (
    NUMBERS,
    applicants,
    dumped,
    offered,
    outcomes,
    pool,
    single,
    without_some_homes,
)

TRAINED, NEW = single(applicants()), single(applicants(600, seed=8))
MOST = 30


def second(chances: Any) -> Any:
    """Return the probabilities of the second class, which CatBoost types as a list."""
    return np.asarray(chances)[:, 1]


def categorical(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(home=pd.Categorical(frame["home"], ["OTHER", "OWN", "RENT"]))


def boosted(**more: Any) -> XGBClassifier:
    return XGBClassifier(n_estimators=MOST, max_depth=4, **more)


def light(**more: Any) -> LGBMClassifier:
    return LGBMClassifier(n_estimators=MOST, verbose=-1, min_data_per_group=5, cat_smooth=1, **more)


def cat(**more: Any) -> catboost.CatBoostClassifier:
    return catboost.CatBoostClassifier(
        iterations=MOST, depth=4, verbose=0, allow_writing_files=False, thread_count=1, **more
    )


@pytest.mark.parametrize("name", ["model.json", "model.ubj", "model.joblib"])
def test_xgboost_with_missing_values(name: str, tmp_path: Path) -> None:
    model = boosted().fit(TRAINED[NUMBERS], outcomes(TRAINED))
    if name.endswith(".joblib"):
        path = dumped(model, tmp_path)
    else:
        path = tmp_path / name
        model.save_model(path)
    offer = offered(path, TRAINED[NUMBERS])
    assert offer.apart(NEW[NUMBERS], second(model.predict_proba(NEW[NUMBERS]))) <= 1e-5


@pytest.mark.parametrize("one_hot", [1, 9])
def test_xgboost_with_categories_of_its_own(one_hot: int, tmp_path: Path) -> None:
    trained, new = (categorical(without_some_homes(frame)) for frame in (TRAINED, NEW))
    model = boosted(enable_categorical=True, max_cat_to_onehot=one_hot)
    model.fit(trained, outcomes(TRAINED)).save_model(tmp_path / "model.ubj")
    offer = offered(tmp_path / "model.ubj", trained)
    assert offer.apart(new, second(model.predict_proba(new))) <= 1e-5


def test_xgboost_that_stopped_early_is_sold_up_to_its_best_tree(tmp_path: Path) -> None:
    model = boosted(early_stopping_rounds=3)
    model.fit(
        TRAINED[NUMBERS], outcomes(TRAINED), eval_set=[(NEW[NUMBERS], outcomes(NEW))], verbose=False
    )
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    for path in (dumped(model, tmp_path), tmp_path / "model.json"):
        if path.suffix == ".json":
            model.save_model(path)
        offer = offered(path, TRAINED[NUMBERS])
        assert offer.apart(NEW[NUMBERS], second(model.predict_proba(NEW[NUMBERS]))) <= 1e-5


def test_xgboost_without_its_wrapper(tmp_path: Path) -> None:
    data = xgboost.DMatrix(TRAINED[NUMBERS].to_numpy(), outcomes(TRAINED))
    model = xgboost.train({"objective": "binary:logistic", "base_score": 0.3}, data, MOST)
    model.save_model(tmp_path / "model.json")
    offer = offered(tmp_path / "model.json", TRAINED[NUMBERS])
    expected = model.predict(xgboost.DMatrix(NEW[NUMBERS].to_numpy()))
    assert offer.apart(NEW[NUMBERS], expected) <= 1e-5


@pytest.mark.parametrize("form", ["text", "wrapper"])
@pytest.mark.parametrize("homes", ["known", "partly-missing"])
def test_lightgbm_with_categories_of_its_own(form: str, homes: str, tmp_path: Path) -> None:
    trained, new = (
        categorical(frame if homes == "known" else without_some_homes(frame))
        for frame in (TRAINED, NEW)
    )
    model = light().fit(trained, outcomes(TRAINED))
    if form == "text":
        path = tmp_path / "model.txt"
        model.booster_.save_model(path)
    else:
        path = dumped(model, tmp_path)
    offer = offered(path, trained)
    assert offer.apart(new, second(model.predict_proba(new))) <= 1e-5


@pytest.mark.parametrize("trees", ["gbdt", "rf"])
def test_lightgbm_that_never_saw_a_missing_value(trees: str, tmp_path: Path) -> None:
    known = TRAINED[NUMBERS].fillna(3.0)
    model = light(boosting_type=trees, bagging_freq=1, bagging_fraction=0.5)
    model.fit(known, outcomes(TRAINED)).booster_.save_model(tmp_path / "model.txt")
    offer = offered(tmp_path / "model.txt", TRAINED[NUMBERS])
    assert offer.apart(NEW[NUMBERS], second(model.predict_proba(NEW[NUMBERS]))) <= 1e-5


def test_lightgbm_s_order_of_categories_wins_over_the_sample_s(tmp_path: Path) -> None:
    trained = TRAINED.assign(home=pd.Categorical(TRAINED["home"], ["RENT", "OTHER", "OWN"]))
    model = light().fit(trained, outcomes(TRAINED))
    model.booster_.save_model(tmp_path / "model.txt")
    offer = offered(tmp_path / "model.txt", TRAINED)
    (home,) = [field for field in offer.manifest.inputs if field.name == "home"]
    assert home.categories == ["RENT", "OTHER", "OWN"]
    assert offer.apart(NEW, second(model.predict_proba(categorical(NEW)))) <= 1e-5


@pytest.mark.parametrize("name", ["model.cbm", "model.json", "model.joblib"])
def test_catboost_ships_as_it_is_with_native_categories(name: str, tmp_path: Path) -> None:
    rows = pool(TRAINED, outcomes(TRAINED))
    model = cat().fit(rows)
    if name.endswith(".joblib"):
        path = dumped(model, tmp_path)
    else:
        path = tmp_path / name
        model.save_model(str(path), format=path.suffix[1:], pool=rows)
    offer = offered(path, TRAINED)
    assert offer.manifest.runtime == "catboost"
    assert offer.apart(NEW, second(model.predict_proba(NEW.to_numpy(object)))) <= 1e-5


def test_catboost_s_categories_may_be_whole_numbers_and_its_fields_nameless(
    tmp_path: Path,
) -> None:
    codes = TRAINED.assign(region=np.arange(len(TRAINED)) % 5)[["region", "income"]]
    model = cat(cat_features=[0])
    model.fit(codes.to_numpy(object), outcomes(TRAINED)).save_model(str(tmp_path / "model.cbm"))
    offer = offered(tmp_path / "model.cbm", codes)
    assert [field.type for field in offer.manifest.inputs] == ["category", "number"]
    rows = codes.assign(region=codes["region"].astype(str))
    expected = second(model.predict_proba(codes.to_numpy(object)))
    assert offer.apart(rows, expected) <= 1e-5
