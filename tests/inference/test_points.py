"""A scorecard's reasons: points and a curve against the definition."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from msgspec import structs

from augury.inference.explainers import points
from augury.inference.explainers.protocol import log_odds, probability
from augury.inference.manifest import BadModel, Points, Ramp
from augury.inference.signature import Matrix
from support.shapley import by_definition
from support.tiny_models import FIELDS, applicants, manifest_of

Floats = npt.NDArray[np.float64]
NAMES = [field["name"] for field in FIELDS]


def _scorecard(curve: list[tuple[float, float]]) -> tuple[Points, Callable[[Matrix], Floats]]:
    """Return a scorecard of five fields, and what predicts the same in its own way."""
    ramps = [
        Ramp("age", -1.0, 1.0, -0.4),
        Ramp("age", 18.0, 1 / 40, -1.5),
        Ramp("home", 0.0, 1.0, 0.7),
        Ramp("home", 1.0, 1.0, -0.3),
        Ramp("amount", 1.0, 1 / 500, 2.0),
        Ramp("default", 0.0, 1.0, 1.1),
        Ramp("rate", -1.0, 1.0, -0.2),
        Ramp("rate", 5.0, 0.1, 1.9),
    ]
    average = {"age": -0.9, "home": 0.4, "amount": 0.8, "default": 0.2, "rate": 0.3}
    told = Points(ramps=ramps, missing=-1.0, intercept=-1.2, curve=curve, average=average)
    scores, odds = zip(*curve, strict=True)

    def predict(matrix: Matrix) -> Floats:
        return probability(np.interp(-1.2 + _points(told, matrix).sum(axis=1), scores, odds))

    return told, predict


def _points(told: Points, matrix: Matrix) -> Floats:
    """Return the points of each field, one ramp after the other."""
    found = np.zeros((len(matrix), 5))
    for row, values in enumerate(matrix.astype(np.float64)):
        for ramp in told.ramps:
            value = values[NAMES.index(ramp.field)]
            value = told.missing if np.isnan(value) else value
            share = min(1.0, max(0.0, (value - ramp.start) * ramp.slope))
            found[row, NAMES.index(ramp.field)] += ramp.weight * share
    return found


CURVE = [(-4.0, -5.0), (-1.0, -1.5), (0.5, 0.2), (2.0, 3.0)]


def test_points_give_shapley_values_by_definition() -> None:
    """A coalition is scored with average points for who is not in it; the curve comes after."""
    told, predict = _scorecard(CURVE)
    matrix = applicants(40)
    found = points.explainer(told, manifest_of().inputs, predict)(matrix)
    np.testing.assert_allclose(found.log_odds(), log_odds(predict(matrix)), atol=1e-9)
    average = np.array([told.average[name] for name in NAMES])
    scores, odds = zip(*CURVE, strict=True)
    for row in range(0, 40, 8):
        own = _points(told, matrix)[row]

        def value(coalition: frozenset[int], own: Floats = own) -> float:
            mixed = np.where([place in coalition for place in range(5)], own, average)
            return float(np.interp(told.intercept + mixed.sum(), scores, odds))

        np.testing.assert_allclose(found.fields[row], by_definition(value, 5), atol=1e-9)
        assert found.base[row] == pytest.approx(value(frozenset()))


def test_without_a_bend_points_are_their_own_reasons() -> None:
    """Along a straight curve a field contributes its points less the average ones."""
    told, predict = _scorecard([(-20.0, -20.0), (20.0, 20.0)])
    matrix = applicants(20)
    found = points.explainer(told, manifest_of().inputs, predict)(matrix)
    average = np.array([told.average[name] for name in NAMES])
    np.testing.assert_allclose(found.fields, _points(told, matrix) - average, atol=1e-9)


def test_points_of_another_model_are_refused() -> None:
    """Points that do not give what the artefact gives are no reasons for it."""
    told, predict = _scorecard(CURVE)
    other = structs.replace(told, intercept=-1.19)
    with pytest.raises(BadModel, match="not those of the artefact"):
        points.explainer(other, manifest_of().inputs, predict)(applicants(3))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ramps": [Ramp("height", 0, 1, 1)]}, id="a ramp of another field"),
        pytest.param({"average": {"height": 1.0}}, id="an average of another field"),
        pytest.param({"curve": [(0.0, 0.0), (0.0, 1.0)]}, id="a curve that stands still"),
    ],
)
def test_points_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    """A scorecard names the fields of its manifest, and its curve goes forward."""
    told, predict = _scorecard(CURVE)
    with pytest.raises(BadModel, match="points need"):
        points.explainer(structs.replace(told, **changes), manifest_of().inputs, predict)
