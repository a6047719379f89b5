"""What is learnt from a sample: fields, spreads, rows that are nobody's, and what may be said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from augury.inference.manifest import InputField, Localised
from augury.publishing.schema import _outwards
from augury.publishing.trees import AT_MOST, BELOW, Trees
from augury.training.spreads import reference
from publishing.counter import typed
from publishing.offers import NUMBERS, applicants, dumped, offered, outcomes, sampled

TRAINED = applicants()
REAL = st.floats(allow_nan=False, allow_infinity=False, width=32)


def told(fields: list[InputField]) -> dict[str, Any]:
    return {
        field.name: (field.type, field.minimum, field.maximum, field.nullable, field.categories)
        for field in fields
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model = XGBClassifier(n_estimators=3).fit(TRAINED[NUMBERS], outcomes(TRAINED))
    return dumped(model, tmp_path)


def test_fields_have_the_type_and_the_limits_of_their_column(path: Path) -> None:
    frame = pd.DataFrame(
        {
            "age": [18, 23, 47, 102] * 5,
            "income": [-1234.5, 0.0, 10.0, 99_999.0] * 5,
            # Read as decimals, because some are missing, and whole all the same.
            "rate": [1.0, np.nan, 3.0, 7.0] * 5,
        }
    )
    offer = offered(path, frame)
    assert told(offer.manifest.inputs) == {
        "age": ("integer", 18, 110, False, None),
        "income": ("number", -1300.0, 100_000.0, False, None),
        "rate": ("integer", 1, 7, True, None),
    }
    assert [field.example for field in offer.manifest.inputs] == [23, 0.0, 3]
    assert offer.manifest.inputs[0].title == Localised("age", "age")


@given(st.floats(min_value=1e-30, max_value=1e30), st.booleans())
def test_limits_are_near_and_never_cut_a_value_off(limit: float, negative: bool) -> None:
    value = -limit if negative else limit
    low, high = _outwards(value, down=True), _outwards(value, down=False)
    assert low <= value <= high
    assert high - low <= 0.11 * limit


def test_what_the_publisher_says_of_a_field_wins(path: Path) -> None:
    parts = {
        "inputs": [
            {
                "name": "income",
                "title": {"en": "Income", "ru": "Доход"},
                "maximum": 10**6,
                "nullable": True,
            }
        ],
        "title": {"ru": "Оценка"},
        "explain": {"price": 4},
    }
    offer = offered(path, TRAINED, manifest=parts, options={"name": "other"})
    _, income, _ = offer.manifest.inputs
    assert (income.title.ru, income.maximum, income.nullable) == ("Доход", 10**6, True)
    assert income.minimum == 5000
    assert offer.manifest.title == Localised("other", "Оценка")
    assert offer.manifest.explain is not None
    assert offer.manifest.explain.price == 4


def test_a_code_that_is_said_to_be_a_category_becomes_one(tmp_path: Path) -> None:
    frame = TRAINED.assign(region=pd.Categorical(np.arange(len(TRAINED)) % 3 + 1))[
        ["region", "income"]
    ]
    model = XGBClassifier(n_estimators=3, enable_categorical=True).fit(frame, outcomes(TRAINED))
    parts = {"inputs": [{"name": "region", "type": "category"}]}
    offer = offered(dumped(model, tmp_path), frame, manifest=parts)
    assert offer.manifest.inputs[0].categories == ["1", "2", "3"]
    rows = frame.assign(region=frame["region"].astype(str))
    assert offer.apart(rows.astype({"income": np.float32}), model.predict_proba(frame)[:, 1]) < 1e-5


def test_metrics_say_whether_the_model_may_have_seen_the_rows(path: Path) -> None:
    seen = offered(path, TRAINED, outcomes(TRAINED)).manifest.metrics
    unseen = offered(path, TRAINED, outcomes(TRAINED), unseen=True).manifest.metrics
    assert seen is not None
    assert unseen is not None
    assert seen.method.startswith("in-sample: rows of sample.csv, which the model may have been")
    assert unseen.method.startswith("held-out rows of sample.csv, which the publisher says")
    assert seen.roc_auc == unseen.roc_auc > 0.6
    assert offered(path, TRAINED).manifest.metrics is None


def test_spreads_are_shares_of_the_known_values() -> None:
    text = Localised("x", "x")
    fields = [
        InputField("n", "number", text, text, 1.0, nullable=True),
        InputField("c", "category", text, text, "a", categories=["a", "b", "never"]),
    ]
    numbers = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, np.nan, np.nan], np.float32)
    codes = np.array([0, 0, 0, 1] * 3, np.float32)
    found = reference(fields, np.stack([numbers, codes], axis=1), np.full(12, 0.5))
    assert found.rows == 12
    assert found.fields["n"].edges == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert found.fields["n"].shares == pytest.approx([0.1] * 10)
    assert found.fields["n"].missing == pytest.approx(2 / 12)
    assert found.fields["c"].shares == [0.75, 0.25, 0]
    # One value for all is one edge, with everything on it.
    assert (found.score.edges, found.score.shares) == ([0.5], [0, 1])


def test_no_row_of_the_sample_is_published(path: Path) -> None:
    offer = offered(path, TRAINED)
    assert offer.manifest.explain is not None
    rows = offer.manifest.self_test.inputs + offer.manifest.explain.references
    assert len(offer.manifest.explain.references) == 8
    real = {tuple(row) for row in TRAINED[NUMBERS].astype(np.float32).to_numpy().tolist()}
    assert not real & {tuple(np.array([*row.values()], np.float32).tolist()) for row in rows}


def test_cards_tell_what_is_known_in_both_languages(path: Path) -> None:
    offer = offered(path, TRAINED, outcomes(TRAINED), manifest={"title": {"ru": "Оценка"}})
    english = (offer.folder / "card.md").read_text()
    russian = (offer.folder / "card.ru.md").read_text()
    assert "XGBClassifier, made with XGBoost" in english
    assert "may have been trained on these very rows" in english
    assert russian.startswith("# Оценка\n")
    assert "Модель могла обучаться на этих же строках" in russian
    assert "$" not in english + russian


def test_a_decision_and_cards_of_one_s_own(path: Path, tmp_path: Path) -> None:
    (tmp_path / "own.md").write_text("# My own words\n")
    options = ["--sample", sampled(tmp_path, TRAINED), "--price", 3, "--out", tmp_path / "out"]
    options += ["--approve-below", 0.2, "--decline-from", 0.6, "--card", tmp_path / "own.md"]
    assert typed(path, *options, "--no-explain").exit_code == 0
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["decision"] == {"approve_below": 0.2, "decline_from": 0.6}
    assert manifest["outputs"]["decision"] == "decision"
    assert manifest["explain"] is None
    assert (tmp_path / "out/card.md").read_text() == "# My own words\n"
    assert "## Поля" in (tmp_path / "out/card.ru.md").read_text()


def test_the_same_model_and_sample_give_the_same_files(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    path = dumped(model.fit(TRAINED[["age", "income"]], outcomes(TRAINED)), tmp_path)
    first = {file.name: file.read_bytes() for file in offered(path, TRAINED).folder.iterdir()}
    again = {file.name: file.read_bytes() for file in offered(path, TRAINED).folder.iterdir()}
    assert first == again


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30),
    st.lists(REAL, max_size=5),
)
def test_a_threshold_of_64_bits_parts_values_of_32_bits_the_same_way_in_32(
    threshold: float, values: list[float]
) -> None:
    trees = Trees()
    for mode in (AT_MOST, BELOW):
        trees.split(0, mode, threshold, missing_passes=False)
    at_most, below = trees._splits(np.float32)
    near = np.float32(threshold)
    around = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    for value in map(np.float32, [*values, *around]):
        assert (value <= at_most) == (float(value) <= threshold)
        assert (value < below) == (float(value) < threshold)
