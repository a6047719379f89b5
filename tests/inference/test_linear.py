"""The `linear` runtime: a sum of terms in a file that people can read, and its exact reasons."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from augury.inference.explainers.protocol import log_odds
from augury.inference.manifest import BadModel
from augury.inference.model import Model
from augury.inference.runtimes import RUNTIMES
from support.shapley import by_definition
from support.tiny_models import (
    FIELDS,
    LINEAR,
    MATRIX,
    ROWS,
    applicants,
    manifest_of,
    proven,
    save_linear,
)


def _by_hand(row: dict[str, Any]) -> dict[str, float]:
    """Return the terms of one row, worked out one by one."""
    found = {}
    for name, term in LINEAR["terms"].items():
        value = row[name]
        if "weights" in term:
            found[name] = term["weights"][value]
        else:
            value = term["missing"] if value is None else np.float32(value)
            shifted = (float(value) - term.get("mean", 0)) / term.get("scale", 1)
            found[name] = term["weight"] * shifted
    return found


def test_terms_add_up_to_the_log_odds(tmp_path: Path) -> None:
    """The probability is the sigmoid of the intercept and one term for each field."""
    predict = RUNTIMES["linear"](save_linear(tmp_path / "tiny.json"), manifest_of(), 1)
    for row, given in zip(ROWS, predict(MATRIX), strict=True):
        score = LINEAR["intercept"] + sum(_by_hand(row).values())
        assert given == pytest.approx(1 / (1 + math.exp(-score)), rel=1e-12)


def test_reasons_are_terms_less_their_averages(tmp_path: Path) -> None:
    """The contributions are Shapley values by definition, and add up without a rounding."""
    tiny = proven(save_linear(tmp_path / "tiny.json"), "linear")
    model = Model(tiny.but(explain={"price": 1}), tiny.path, 1)
    found = model.contributions(MATRIX)
    means = LINEAR["means"]
    for row, base, contributions in zip(ROWS, found.base, found.fields, strict=True):
        terms = _by_hand(row)

        def value(coalition: frozenset[int], terms: dict[str, float] = terms) -> float:
            places = enumerate(terms.items())
            return sum(
                term if place in coalition else means[name] for place, (name, term) in places
            )

        assert contributions == pytest.approx(by_definition(value, 5), abs=1e-12)
        assert base == pytest.approx(LINEAR["intercept"] + value(frozenset()), abs=1e-12)
    assert (found.error == 0).all()
    many = applicants(200)
    np.testing.assert_allclose(
        model.contributions(many).log_odds(), log_odds(model.predict(many)), atol=1e-9
    )


def test_reasons_need_means_or_references(tmp_path: Path) -> None:
    """Without averages a linear model is still explained against reference rows."""
    tiny = proven(save_linear(tmp_path / "tiny.json", LINEAR | {"means": None}), "linear")
    with pytest.raises(BadModel, match="no means"):
        Model(tiny.but(explain={"price": 1}), tiny.path, 1)
    model = Model(tiny.but(explain={"price": 1, "references": ROWS[:2]}), tiny.path, 1)
    found = model.contributions(MATRIX)
    np.testing.assert_allclose(found.log_odds(), log_odds(model.predict(MATRIX)), atol=1e-9)


def test_a_missing_category_has_a_weight_of_its_own(tmp_path: Path) -> None:
    """A category that is not given adds `missing`, and no category's weight."""
    fields = [FIELDS[0], {**FIELDS[1], "nullable": True}, *FIELDS[2:]]
    home = {**LINEAR["terms"]["home"], "missing": 5.0}
    told = LINEAR | {"terms": LINEAR["terms"] | {"home": home}}
    predict = RUNTIMES["linear"](save_linear(tmp_path / "tiny.json", told), manifest_of(fields), 1)
    rows = MATRIX.copy()
    rows[:, 1] = np.nan
    whole, without = MATRIX.copy(), log_odds(predict(rows))
    whole[:, 1] = 2
    np.testing.assert_allclose(without - log_odds(predict(whole)), 5.0 - 0.9, atol=1e-6)


def test_only_numbers_or_only_categories_will_do(tmp_path: Path) -> None:
    """A model may have fields of one kind only."""
    for kind in (("category",), ("number", "integer")):
        places = [place for place, field in enumerate(FIELDS) if field["type"] in kind]
        names = [FIELDS[place]["name"] for place in places]
        told = LINEAR | {
            "terms": {name: LINEAR["terms"][name] for name in names},
            "means": {name: LINEAR["means"][name] for name in names},
        }
        manifest = manifest_of([FIELDS[place] for place in places])
        predict = RUNTIMES["linear"](save_linear(tmp_path / "tiny.json", told), manifest, 1)
        given = log_odds(predict(MATRIX[:, places]))
        expected = [-0.5 + sum(_by_hand(row)[name] for name in names) for row in ROWS]
        np.testing.assert_allclose(given, expected, rtol=1e-9)


def _terms(**changes: Any) -> dict[str, Any]:
    return LINEAR | {"terms": LINEAR["terms"] | changes}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (LINEAR | {"format": "linear"}, "is not a model that"),
        (LINEAR | {"version": 2}, "is not a model that"),
        (LINEAR | {"more": 1}, "is not a model that.*unknown field `more`"),
        (LINEAR | {"intercept": None}, "is not a model that"),
        (_terms(more={"weight": 1}), "the manifest has age, home"),
        (LINEAR | {"terms": {}}, "the manifest has age, home"),
        (LINEAR | {"means": {"age": 1.0}}, "one mean where there are means"),
        (LINEAR | {"means": {}}, "one mean where there are means"),
        (_terms(home={"weight": 1}), "the term of home, which is of type category"),
        (_terms(age={"weights": {}}), "the term of age, which is of type integer"),
        (_terms(age={"weight": 1, "scale": 0}), "the term of age"),
        (_terms(age={"weight": 1, "scale": -1}), "the term of age"),
        (_terms(age={"weight": "1"}), "the term of age"),
        (_terms(age={"weight": 1, "slope": 1}), "the term of age.*unknown field"),
        (_terms(age={"weight": 1}), "age may be missing"),
        (_terms(home={"weights": {"OWN": 1, "RENT": 1}}), "weights for OWN, RENT, the manifest"),
        (
            _terms(home={"weights": {"OWN": 1, "RENT": 1, "OTHER": 1, "TENT": 1}}),
            "weights for OWN, RENT, OTHER, TENT",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(told: Any, why: str, tmp_path: Path) -> None:
    """Every field has exactly one term of its own kind, and the refusal names the one at fault."""
    with pytest.raises(BadModel, match=why):
        RUNTIMES["linear"](save_linear(tmp_path / "tiny.json", told), manifest_of(), 1)


@pytest.mark.parametrize("number", [b"NaN", b"1e999", b"-Infinity"])
def test_only_finite_numbers_are_taken(number: bytes, tmp_path: Path) -> None:
    """A weight that is no number, or too large for one, is refused."""
    path = tmp_path / "tiny.json"
    path.write_bytes(msgspec.json.encode(LINEAR).replace(b"-0.6", number))
    with pytest.raises(BadModel, match=r"is not a model that|out of range"):
        RUNTIMES["linear"](path, manifest_of(), 1)


def test_a_sum_beyond_all_numbers_is_no_probability(tmp_path: Path) -> None:
    """Weights so large that they cancel out as infinities are refused, without a complaint."""
    huge = _terms(
        amount={"weight": 1e308, "scale": 1e-9},
        rate={"weight": -1e308, "scale": 1e-9, "missing": 1},
    )
    given = RUNTIMES["linear"](save_linear(tmp_path / "tiny.json", huge), manifest_of(), 1)(MATRIX)
    assert np.isnan(given).any()
