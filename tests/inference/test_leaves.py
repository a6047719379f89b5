"""CatBoost's reasons: the table of leaves against CatBoost's own values and the definition."""

from itertools import permutations, product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from augury.inference.explainers import leaves
from augury.inference.explainers.protocol import Contributions, log_odds
from augury.inference.lean import catboost
from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.inference.runtimes import RUNTIMES
from augury.inference.signature import Matrix
from support.shapley import along_trees, by_definition
from support.tiny_models import FIELDS, ROWS, applicants, manifest_of, proven

NAMES = [field["name"] for field in FIELDS]
CATEGORICAL = [1, 3]


def _trees(path: Path, **changes: Any) -> catboost.CatBoostClassifier:
    """Train trees that use every field, some of them twice, on data with missing numbers."""
    random = np.random.default_rng(5)
    table = np.empty((400, 5), object)
    table[:, 0] = random.integers(18, 100, 400).astype(np.float32)
    table[:, 1] = random.choice(FIELDS[1]["categories"], 400)
    table[:, 2] = random.uniform(1, 1000, 400).astype(np.float32)
    table[:, 3] = random.choice(FIELDS[3]["categories"], 400)
    table[:, 4] = random.uniform(0, 30, 400).astype(np.float32)
    score = table[:, 0] / 20 + (table[:, 1] == "RENT") * table[:, 4] / 5 - table[:, 2] / 300
    label = (score.astype(float) + random.normal(size=400) > 3).astype(int)
    table[random.random(400) < 0.1, 0] = np.nan
    table[random.random(400) < 0.1, 4] = np.nan
    options = {"iterations": 12, "depth": 4, "learning_rate": 0.4, "one_hot_max_size": 9}
    model = catboost.CatBoostClassifier(
        **(options | changes),
        random_seed=3,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(catboost.Pool(table, label, cat_features=CATEGORICAL, feature_names=NAMES))
    model.save_model(str(path), format="cbm")
    return model


def _own(model: catboost.CatBoostClassifier, matrix: Matrix) -> Contributions:
    """Return CatBoost's own explanation."""
    pool = catboost.Pool(_cells(matrix), cat_features=CATEGORICAL, feature_names=NAMES)
    found = model.get_feature_importance(pool, type="ShapValues")
    return Contributions(found[:, -1], found[:, :-1], np.zeros(len(matrix)))


def _cells(matrix: Matrix) -> Any:
    table = matrix.astype(object)
    for place in CATEGORICAL:
        names = np.array(FIELDS[place]["categories"], object)
        table[:, place] = names[matrix[:, place].astype(int)]
    return table


# The last two have forms that no table covers: statistics of categories, and too many leaves.
FORMS: dict[str, tuple[dict[str, Any], bool]] = {
    "symmetric": ({}, True),
    "shallow": ({"depth": 1}, True),
    "deepest": ({"depth": 6}, True),
    "one tree": ({"iterations": 1}, True),
    "empty leaves": ({"depth": 6, "iterations": 40, "learning_rate": 1}, True),
    "statistics": ({"one_hot_max_size": 2}, False),
    "deep": ({"depth": 8, "iterations": 3}, False),
}


@pytest.mark.parametrize("form", FORMS)
def test_leaves_give_the_shapley_values_of_catboost(form: str, tmp_path: Path) -> None:
    """The table of leaves, and what stands in for it, agree with CatBoost to the last digits."""
    changes, in_tables = FORMS[form]
    model = _trees(tmp_path / "trees.cbm", **changes)
    manifest = manifest_of(runtime="catboost")

    def leaves_of(matrix: Matrix) -> leaves.Leaves:
        found: leaves.Leaves = model.calc_leaf_indexes(_cells(matrix))
        return found

    assert (leaves._trees(model, leaves_of, manifest) is not None) == in_tables
    explain = leaves.open_explainer(tmp_path / "trees.cbm", manifest, 1)
    matrix = applicants(150)
    found, own = explain(matrix), _own(model, matrix)
    np.testing.assert_allclose(found.fields, own.fields, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.base, own.base, rtol=0, atol=1e-12)
    predict = RUNTIMES["catboost"](tmp_path / "trees.cbm", manifest, 1)
    np.testing.assert_allclose(found.log_odds(), log_odds(predict(matrix)), atol=1e-9)


def test_lopsided_trees_need_references(tmp_path: Path) -> None:
    """CatBoost's own values do not add up for trees that are not symmetric; comparing works."""
    model = _trees(tmp_path / "trees.cbm", grow_policy="Lossguide")
    matrix = applicants(20)
    raw = model.predict(_cells(matrix), prediction_type="RawFormulaVal")
    assert np.abs(_own(model, matrix).log_odds() - raw).max() > 0.01
    tiny = proven(tmp_path / "trees.cbm", "catboost")
    with pytest.raises(BadModel, match="reasons of tiny are off"):
        Model(tiny.but(explain={"price": 2}), tiny.path, 1)
    model_ = Model(tiny.but(explain={"price": 2, "references": ROWS[:2]}), tiny.path, 1)
    found = model_.contributions(matrix)
    np.testing.assert_allclose(found.log_odds(), raw, atol=1e-9)


def test_leaves_give_shapley_values_by_definition(tmp_path: Path) -> None:
    """They are those of all 120 orders, where an unknown field splits by the training rows."""
    model = _trees(tmp_path / "trees.cbm")
    model.save_model(str(tmp_path / "trees.json"), format="json")
    forest = (tmp_path / "trees.json").read_bytes()
    explain = leaves.open_explainer(tmp_path / "trees.cbm", manifest_of(runtime="catboost"), 1)
    matrix = applicants(300)
    found = explain(matrix)
    codes = _codes_of(model, forest, matrix)
    for place in range(0, 300, 60):
        value = along_trees(forest, codes, _cells(matrix)[place])
        np.testing.assert_allclose(found.fields[place], by_definition(value, 5), atol=1e-9)
        assert found.base[place] == pytest.approx(value(frozenset()), abs=1e-9)


def _codes_of(
    model: catboost.CatBoostClassifier, forest: bytes, matrix: Matrix
) -> list[dict[str, int]]:
    """Return the number of each category: the file does not tell, the predictions do."""
    told = msgspec.json.decode(forest)["features_info"]["categorical_features"]
    # A category that no split asks for has no number at all.
    raw = model.predict(_cells(matrix), prediction_type="RawFormulaVal")
    choices = [
        [
            dict(zip(FIELDS[place]["categories"], order, strict=True))
            for order in permutations([*one["values"], 0, 0], len(FIELDS[place]["categories"]))
        ]
        for place, one in zip(CATEGORICAL, told, strict=True)
    ]
    for codes in product(*choices):
        rows = _cells(matrix)[:40]
        values = [along_trees(forest, codes, row)(frozenset(range(5))) for row in rows]
        if np.allclose(values, raw[:40], atol=1e-9):
            return list(codes)
    message = "no meaning of the categories fits the predictions"
    raise AssertionError(message)
