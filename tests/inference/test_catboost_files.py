"""What the `catboost` runtime opens: two formats with native categories, and only yes or no."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augury.inference.explainers import leaves
from augury.inference.lean import catboost
from augury.inference.manifest import BadModel
from augury.inference.runtimes import RUNTIMES
from support.tiny_models import FIELDS, applicants, manifest_of

CATEGORICAL = [1, 3]
NAMES = [field["name"] for field in FIELDS]
ROWS = applicants(200)


def _table() -> Any:
    table = ROWS.astype(object)
    for place in CATEGORICAL:
        table[:, place] = np.array(FIELDS[place]["categories"], object)[ROWS[:, place].astype(int)]
    return table


def _trained(label: Any, **options: Any) -> Any:
    """Return a model that needs a number and a category at once, and the rows that it saw."""
    pool = catboost.Pool(_table(), label, feature_names=NAMES, cat_features=CATEGORICAL)
    told = {"iterations": 5, "depth": 3, "random_seed": 1, "thread_count": 1, "verbose": False}
    model = catboost.CatBoost({**told, "allow_writing_files": False, **options})
    model.fit(pool)
    return model, pool


LABEL = ((ROWS[:, 1] == 1) & (ROWS[:, 2] > 300)).astype(int)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"one_hot_max_size": 9}, id="categories as they are"),
        pytest.param({"one_hot_max_size": 2}, id="statistics of categories"),
        pytest.param({"one_hot_max_size": 9, "grow_policy": "Lossguide"}, id="other trees"),
        pytest.param({"one_hot_max_size": 9, "loss_function": "CrossEntropy"}, id="cross-entropy"),
    ],
)
def test_both_formats_are_one_model(options: dict[str, Any], tmp_path: Path) -> None:
    """A model saved as `.cbm` and as JSON predicts alike, whatever the files are called."""
    model, pool = _trained(LABEL, **{"loss_function": "Logloss", **options})
    raw = model.predict(_table(), prediction_type="RawFormulaVal")
    for kind in ("cbm", "json"):
        path = tmp_path / f"model-of-{kind}"
        model.save_model(str(path), format=kind, pool=pool)
        given = RUNTIMES["catboost"](path, manifest_of(), 1)(ROWS)
        np.testing.assert_allclose(given, 1 / (1 + np.exp(-raw)), rtol=1e-12)


@pytest.mark.parametrize("kept", [[1, 3], [0, 2, 4], [3, 0, 1, 2, 4], [0, 1, 2, 3, 4]])
def test_many_rows_are_predicted_as_each_is_alone(kept: list[int], tmp_path: Path) -> None:
    """Many go to CatBoost as columns and few as cells, categories and gaps among them: the same
    numbers come back, for models of categories alone, of numbers alone and of both in any order."""
    fields = [FIELDS[place] for place in kept]
    rows = np.ascontiguousarray(np.tile(ROWS, (4, 1))[:, kept])
    gaps = [at for at, field in enumerate(fields) if field.get("nullable")]
    rows[::7, gaps] = np.nan
    table, categorical = rows.astype(object), []
    for at, field in enumerate(fields):
        if field["type"] == "category":
            categorical.append(at)
            table[:, at] = np.array(field["categories"], object)[rows[:, at].astype(int)]
    names = [field["name"] for field in fields]
    label = np.tile(LABEL, 4)
    pool = catboost.Pool(table, label, feature_names=names, cat_features=categorical)
    model = catboost.CatBoost(
        {"iterations": 9, "depth": 3, "verbose": False, "allow_writing_files": False}
        | {"loss_function": "Logloss", "thread_count": 1, "random_seed": 1}
    )
    model.fit(pool)
    model.save_model(str(tmp_path / "model.cbm"), pool=pool)
    predict = RUNTIMES["catboost"](tmp_path / "model.cbm", manifest_of(fields), 1)
    alone = np.concatenate([predict(rows[at : at + 1]) for at in range(len(rows))])
    assert len(set(alone.tolist())) > 2
    np.testing.assert_array_equal(predict(rows), alone)


def test_json_has_the_reasons_of_the_other_format(tmp_path: Path) -> None:
    """The table of leaves is made from JSON as well, and looks up the same contributions."""
    model, pool = _trained(LABEL, loss_function="Logloss", one_hot_max_size=9)
    found = []
    for kind in ("cbm", "json"):
        path = tmp_path / f"model.{kind}"
        model.save_model(str(path), format=kind, pool=pool)
        found.append(leaves.open_explainer(path, manifest_of(), 1)(ROWS))
    np.testing.assert_allclose(found[0].fields, found[1].fields, atol=1e-12)
    np.testing.assert_allclose(found[0].base, found[1].base, atol=1e-12)
    assert np.abs(found[1].fields).max() > 0.1


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        ("RMSE", ROWS[:, 2]),
        ("Quantile", ROWS[:, 2]),
        ("Poisson", LABEL),
        ("MultiClass", ROWS[:, 1].astype(int)),
        ("MultiClass", LABEL),
        ("MultiLogloss", np.stack([LABEL, 1 - LABEL], axis=1)),
    ],
)
@pytest.mark.parametrize("kind", ["cbm", "json"])
def test_a_model_of_another_loss_is_refused(
    loss: str, label: Any, kind: str, tmp_path: Path
) -> None:
    """What was not trained to say yes or no has no log-odds, and the refusal names its loss."""
    model, pool = _trained(label, loss_function=loss, one_hot_max_size=9)
    path = tmp_path / f"model.{kind}"
    model.save_model(str(path), format=kind, pool=pool)
    with pytest.raises(BadModel, match=f"yes or no: {loss}; known are Logloss"):
        RUNTIMES["catboost"](path, manifest_of(), 1)


def test_a_sum_of_models_is_taken(tmp_path: Path) -> None:
    """CatBoost forgets the loss of models that it adds up; their self-test must do."""
    (first, _), (second, _) = (
        _trained(LABEL, loss_function="Logloss", one_hot_max_size=9, random_seed=seed)
        for seed in (1, 2)
    )
    path = tmp_path / "sum.cbm"
    catboost.sum_models([first, second]).save_model(str(path))
    given = RUNTIMES["catboost"](path, manifest_of(), 1)(ROWS)
    odds = [model.predict(_table(), prediction_type="RawFormulaVal") for model in (first, second)]
    np.testing.assert_allclose(given, 1 / (1 + np.exp(-sum(odds))), rtol=1e-9)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"{not json",
        b'  {"trees": []}',
        b'{"features_info": {}}',
        b'{"features_info": {}, "oblivious_trees": [{"splits": "x"}]}',
        b'{"features_info": {"float_features": 1}, "oblivious_trees": []}',
    ],
)
def test_json_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    """CatBoost itself takes any JSON for a model without trees; we do not."""
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(BadModel):
        RUNTIMES["catboost"](path, manifest_of(), 1)
