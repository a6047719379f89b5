"""The reasons of the three models that ship."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augury.inference.explainers.protocol import log_odds, probability
from augury.inference.manifest import InputField, read_manifest
from augury.inference.model import Model, Question

MODELS = Path(__file__).parents[2] / "models"
NAMES = ("credit-logistic-regression", "credit-random-forest", "credit-catboost")


def _loaded(name: str) -> Model:
    manifest = read_manifest((MODELS / name / "manifest.json").read_bytes())
    return Model(manifest, MODELS / name / manifest.artifact.file, 1)


@pytest.fixture(scope="module")
def loaded() -> dict[str, Model]:
    """The three models, loaded once."""
    return {name: _loaded(name) for name in NAMES}


def _values(field: InputField) -> st.SearchStrategy[Any]:
    if field.categories:
        known: st.SearchStrategy[Any] = st.sampled_from(field.categories)
    elif field.type == "integer":
        known = st.integers(int(field.minimum or 0), int(field.maximum or 0))
    else:
        known = st.floats(float(field.minimum or 0), float(field.maximum or 0), width=32)
    # Often what the example has: reference rows and real applicants are like it.
    usual = st.one_of(known, st.just(field.example))
    return st.one_of(usual, st.none()) if field.nullable else usual


_FIELDS = read_manifest((MODELS / NAMES[0] / "manifest.json").read_bytes()).inputs
_applicants = st.fixed_dictionaries({field.name: _values(field) for field in _FIELDS})


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(row=_applicants)
def test_reasons_add_up_for_any_applicant(
    loaded: dict[str, Model], name: str, row: dict[str, Any]
) -> None:
    """Whatever is sent or missing: base and all eleven contributions are the model's log-odds."""
    model = loaded[name]
    matrix = model.signature.decode(msgspec.json.encode([row]))
    ((output,),) = model.explain_many([Question(matrix, [row], "en")])  # type: ignore[misc]
    explanation = output["explanation"]
    assert list(explanation["contributions"]) == [field.name for field in model.manifest.inputs]
    total = explanation["base"] + sum(explanation["contributions"].values())
    (expected,) = log_odds(model.predict(matrix))
    for told in (total, explanation["log_odds"]):
        # Through a probability and back, so that certainty is cut off on both sides.
        (given,) = log_odds(probability(np.array([told])))
        assert given == pytest.approx(expected, abs=1e-4)
    assert explanation["error"] == 0, "shipped models are explained exactly"
    reasons = output["reasons"]
    sizes = [abs(reason["contribution"]) for reason in reasons]
    assert len(reasons) <= 4
    assert sizes == sorted(sizes, reverse=True)
    for reason in reasons:
        assert reason["contribution"] == explanation["contributions"][reason["feature"]]
        assert reason["value"] == row[reason["feature"]]
    if output["decision"] != "approve" and max(explanation["contributions"].values()) >= 0.01:
        assert all(reason["contribution"] > 0 for reason in reasons)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_reasons_read_as_people_speak(loaded: dict[str, Model], name: str, language: str) -> None:
    """A heavy loan of a risky grade is told as such, and nothing of a template is left over."""
    model = loaded[name]
    risky = {
        **{field.name: field.example for field in model.manifest.inputs},
        "loan_percent_income": 0.45,
        "loan_amnt": 22500,
        "loan_grade": "E",
        "loan_int_rate": 18.25,
        "person_emp_length": None,
    }
    matrix = model.signature.decode(msgspec.json.encode([risky]))
    ((output,),) = model.explain_many([Question(matrix, [risky], language)])  # type: ignore[misc]
    told = {reason["feature"]: reason["text"] for reason in output["reasons"]}
    expected = {
        "en": "Loan takes 45% of yearly income (loan_percent_income = 0.45): raises the risk",
        "ru": (
            "Кредит составляет 45\u00a0% годового дохода (loan_percent_income = 0.45):"
            " повышает риск"
        ),
    }
    assert told["loan_percent_income"] == expected[language]
    assert len(told) == 4
    assert not any("{" in text or "None" in text for text in told.values())


def test_what_serves_imports_no_training() -> None:
    """Loading and explaining all three models needs neither scikit-learn, shap nor onnx."""
    script = f"""
import sys
from pathlib import Path
from augury.inference.manifest import read_manifest
from augury.inference.model import Model
for name in {NAMES!r}:
    folder = Path({str(MODELS)!r}) / name
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    model = Model(manifest, folder / manifest.artifact.file, 1)
    model.contributions(model.signature.decode(__import__("json").dumps(
        manifest.self_test.inputs[:2]).encode()))
print(sorted({{"sklearn", "shap", "onnx", "numba"}} & sys.modules.keys()))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_the_direction_is_a_bankers(loaded: dict[str, Model], name: str) -> None:
    """A worse grade, a heavier loan and a higher rate raise the risk of a plain applicant."""
    model = loaded[name]
    example = {field.name: field.example for field in model.manifest.inputs}
    worse = {"loan_grade": "F", "loan_percent_income": 0.6, "loan_int_rate": 19.0}
    rows = [example | {field: value} for field, value in worse.items()]
    found = model.contributions(model.signature.decode(msgspec.json.encode([example, *rows])))
    places = [[f.name for f in model.manifest.inputs].index(field) for field in worse]
    for row, place in enumerate(places, 1):
        assert found.fields[row, place] > 0
        assert found.fields[row, place] > found.fields[0, place]
    assert np.isfinite(found.fields).all()
