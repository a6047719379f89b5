"""The models in `models/`, as they ship."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from augury.inference.manifest import Manifest, read_manifest
from augury.training.credit.dataset import Matrix
from augury.training.credit.fields import CATEGORIES, FIELDS, place
from augury.training.credit.recipes import Recipe, recipes

MODELS = Path(__file__).parents[2] / "models"
EXAMPLE: dict[str, object] = {
    "person_age": 30,
    "person_income": 50000,
    "person_home_ownership": "RENT",
    "person_emp_length": 5,
    "loan_intent": "VENTURE",
    "loan_grade": "A",
    "loan_amnt": 10000,
    "loan_int_rate": 5.0,
    "loan_percent_income": 0.2,
    "cb_person_default_on_file": "N",
    "cb_person_cred_hist_length": 3,
}
each_model = pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)


def _manifest(recipe: Recipe) -> Manifest:
    return read_manifest((MODELS / recipe.name / "manifest.json").read_bytes())


def _matrix(rows: Sequence[Mapping[str, object]]) -> Matrix:
    return np.array(
        [
            [
                CATEGORIES[f.name].index(str(row[f.name])) if f.categories else row[f.name]
                for f in FIELDS
            ]
            for row in rows
        ],
        dtype=np.float32,
    )


@each_model
def test_the_artefact_is_the_one_promised(recipe: Recipe) -> None:
    """Size and SHA-256 in the manifest are those of the file beside it."""
    artifact = _manifest(recipe).artifact
    content = (MODELS / recipe.name / artifact.file).read_bytes()
    assert (artifact.bytes, artifact.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@each_model
def test_the_self_test_passes(recipe: Recipe) -> None:
    """The shipped artefact gives the promised probabilities, alone and all at once."""
    manifest = _manifest(recipe)
    predict = recipe.serve(MODELS / recipe.name / manifest.artifact.file)
    matrix = _matrix(manifest.self_test.inputs)
    promised = np.array(manifest.self_test.probabilities)
    assert np.isnan(matrix).any()
    np.testing.assert_allclose(predict(matrix), promised, rtol=0, atol=manifest.self_test.tolerance)
    alone = np.concatenate([predict(matrix[n : n + 1]) for n in range(len(matrix))])
    np.testing.assert_allclose(alone, promised, rtol=0, atol=manifest.self_test.tolerance)


@each_model
def test_the_metrics_reach_what_is_promised(recipe: Recipe) -> None:
    """ROC AUC and calibration error, measured out-of-fold, are on the right side of their bars."""
    metrics = _manifest(recipe).metrics
    assert metrics is not None
    least = {"credit-logistic-regression": 0.877, "credit-random-forest": 0.937}
    assert metrics.roc_auc >= least.get(recipe.name, 0.948)
    assert metrics.expected_calibration_error <= 0.010
    assert len(metrics.calibration_curve) == 10
    assert sum(part.rows for part in metrics.calibration_curve) == metrics.rows


@each_model
def test_more_risk_means_a_higher_probability(recipe: Recipe) -> None:
    """The probability is that of default: a poor, expensive, big loan has more than a safe one."""
    manifest = _manifest(recipe)
    risky = EXAMPLE | {
        "person_income": 20000,
        "loan_grade": "E",
        "loan_int_rate": 17.0,
        "loan_percent_income": 0.5,
    }
    predict = recipe.serve(MODELS / recipe.name / manifest.artifact.file)
    safe_chance, risky_chance = predict(_matrix([EXAMPLE, risky]))
    assert manifest.decision is not None
    assert safe_chance < manifest.decision.approve_below
    assert risky_chance >= manifest.decision.decline_from


def test_the_scorecard_is_monotone() -> None:
    """No step of rate, share, grade, amount or income goes against a banker's sense, on any row."""
    recipe = recipes()[0]
    manifest = _manifest(recipe)
    predict = recipe.serve(MODELS / recipe.name / manifest.artifact.file)
    steps = {
        "loan_int_rate": (np.linspace(5, 24, 80), 1),
        "loan_percent_income": (np.linspace(0, 0.9, 80), 1),
        "loan_amnt": (np.linspace(500, 40000, 80), 1),
        "loan_grade": (np.arange(7), 1),
        "person_income": (np.linspace(4000, 300000, 80), -1),
    }
    for row in _matrix(manifest.self_test.inputs):
        for name, (values, sign) in steps.items():
            crowd = np.tile(row, (len(values), 1))
            crowd[:, place(name)] = values
            assert np.all(sign * np.diff(predict(crowd)) >= -1e-6), name


@each_model
def test_both_cards_show_the_measured_figures(recipe: Recipe) -> None:
    """Each card carries the ROC AUC of the manifest, written the way of its language."""
    metrics = _manifest(recipe).metrics
    assert metrics is not None
    written = f"{metrics.roc_auc:.4f}"
    assert written in (MODELS / recipe.name / "card.md").read_text()
    assert written.replace(".", ",") in (MODELS / recipe.name / "card.ru.md").read_text()


def test_all_models_share_inputs_and_stay_small() -> None:
    """The three take the same fields, answer the public example, and weigh 10 MB at most."""
    manifests = [_manifest(recipe) for recipe in recipes()]
    assert all(m.inputs == FIELDS for m in manifests)
    assert {f.name: f.example for f in FIELDS} == EXAMPLE
    assert [m.price for m in manifests] == [10, 50, 100]
    assert sum(m.artifact.bytes for m in manifests) <= 10_000_000
    pictures = [p.stat().st_size for m in manifests for p in (MODELS / m.name).glob("*.svg")]
    assert max(pictures) < 60_000
    assert all(json.loads((MODELS / m.name / "manifest.json").read_text()) for m in manifests)
