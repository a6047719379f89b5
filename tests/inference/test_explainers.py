"""The ways of explaining, each held against Shapley values by definition."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from augury.inference.explainers import coalitions
from augury.inference.explainers.protocol import Contributions, log_odds, probability
from augury.inference.manifest import BadModel
from augury.inference.model import Model, Question
from augury.inference.signature import Matrix
from support.shapley import by_definition, compared
from support.tiny_models import FIELDS, MATRIX, ROWS, Tiny

Floats = npt.NDArray[np.float64]
NAMES = [field["name"] for field in FIELDS]
CATEGORICAL = [1, 3]
REFERENCES = [ROWS[0], ROWS[2], {**ROWS[1], "amount": 77.0}]


def explained(tiny: Tiny, **how: Any) -> Model:
    """Return a tiny model that has reasons on sale."""
    return Model(tiny.but(explain={"price": 2, **how}), tiny.path, 1)


# How each of the tiny models can be asked for reasons.
HOW: dict[str, dict[str, Any]] = {
    "references": {"references": REFERENCES},
    "one reference": {"references": REFERENCES[:1]},
}


@pytest.mark.parametrize("how", HOW)
def test_reasons_of_any_model_add_up(tiny: Tiny, how: str) -> None:
    """Base and contributions are the log-odds of what the model predicts, in each format."""
    model = explained(tiny, **HOW[how])
    found = model.contributions(MATRIX)
    np.testing.assert_allclose(found.log_odds(), log_odds(model.predict(MATRIX)), atol=1e-9)
    assert (found.error == 0).all()
    assert np.abs(found.fields).max() > 0.1


def test_comparing_gives_shapley_values_by_definition(tiny: Tiny) -> None:
    """Contributions against references are those of all 120 orders of five fields."""
    model = explained(tiny, references=REFERENCES)
    references = model.signature.decode(_json(REFERENCES))
    found = model.contributions(MATRIX)
    for row, contributions, base in zip(MATRIX, found.fields, found.base, strict=True):
        value = compared(model.predict, row, references)
        np.testing.assert_allclose(contributions, by_definition(value, 5), atol=1e-9)
        assert base == pytest.approx(value(frozenset()), abs=1e-9)


def test_a_calibration_scales_the_reasons(tiny: Tiny) -> None:
    """The contributions are those to the corrected log-odds that the customer sees."""
    plain = explained(tiny, references=REFERENCES)
    calibration = {"slope": 0.5, "intercept": -0.25}
    corrected = 1 / (1 + np.exp(-(0.5 * log_odds(plain.predict(MATRIX)) - 0.25)))
    test = {"tolerance": 1e-6, "inputs": ROWS, "probabilities": corrected.tolist()}
    changes = {"calibration": calibration, "self_test": test}
    explain = {"price": 2, "references": REFERENCES}
    model = Model(tiny.but(**changes, explain=explain), tiny.path, 1)
    found = model.contributions(MATRIX)
    np.testing.assert_allclose(found.fields, 0.5 * plain.contributions(MATRIX).fields, atol=1e-9)
    np.testing.assert_allclose(found.log_odds(), log_odds(model.predict(MATRIX)), atol=1e-9)


def test_a_row_like_its_reference_has_no_reasons(scorecard: Tiny) -> None:
    """Fields that agree with every reference, missing ones among them, contribute exactly 0."""
    model = explained(scorecard, references=[ROWS[2]])
    (contributions,) = model.contributions(MATRIX[2:3]).fields
    assert contributions.tolist() == [0] * 5


def test_a_certain_model_is_explained_too(scorecard: Tiny) -> None:
    """Log-odds of 0 and 1 are cut off, so that every contribution is a number."""
    references = np.zeros((1, 3), np.float32)

    def predict(matrix: Matrix) -> Floats:
        return np.where(matrix.sum(axis=1) > 1, 1.0, 0.0)

    found = coalitions.against(references, predict)(np.array([[1, 1, 0], [5, 0, 0]], np.float32))
    assert np.isfinite(found.fields).all()
    np.testing.assert_allclose(found.fields[0], [16.118, 16.118, 0], atol=1e-3)
    np.testing.assert_allclose(found.fields[1], [32.236, 0, 0], atol=1e-3)


def _crossed(matrix: Matrix) -> Floats:
    """Return probabilities of fourteen fields that act together, three and more at a time."""
    known = np.nan_to_num(matrix, nan=-1).astype(np.float64)
    score = known @ np.linspace(-1, 1, 14) + known[:, 0] * known[:, 13] * known[:, 5]
    return probability(2 * np.tanh(score) - known[:, 3] * known[:, 7] * known[:, 9])


def _wide(rows: int) -> tuple[Matrix, Matrix]:
    random = np.random.default_rng(4)
    matrix = random.normal(size=(rows, 14)).astype(np.float32)
    matrix[0, 5] = np.nan
    return matrix, random.normal(size=(2, 14)).astype(np.float32)


def test_many_fields_are_sampled_and_say_how_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond eleven fields the reasons still add up, and are as near the exact ones as told."""
    matrix, references = _wide(8)
    sampled = coalitions.against(references, _crossed)(matrix)
    np.testing.assert_allclose(sampled.log_odds(), log_odds(_crossed(matrix)), atol=1e-9)
    assert (sampled.error > 0).all()
    monkeypatch.setattr(coalitions, "MOST_EXACT", 14)
    exact = coalitions.against(references, _crossed)(matrix)
    assert (exact.error == 0).all()
    off = np.abs(sampled.fields - exact.fields).max(axis=1)
    assert (off <= sampled.error).all()
    assert off.max() > 1e-6, "there was nothing to sample"
    assert (sampled.error < 0.2).all()


def test_sampled_reasons_are_the_same_each_time() -> None:
    """The rows seed the sampling: alone, in company or again, a row has the same reasons."""
    matrix, references = _wide(3)
    explain = coalitions.against(references, _crossed)
    together = explain(matrix)
    for place in range(3):
        np.testing.assert_allclose(
            explain(matrix[place : place + 1]).fields[0], together.fields[place], atol=1e-12
        )


def test_a_model_without_reasons_gives_none(tiny: Tiny) -> None:
    """Without `explain` in its manifest a model predicts, and refuses to explain."""
    model = Model(tiny.manifest, tiny.path, 1)
    with pytest.raises(BadModel, match="gives no reasons"):
        model.contributions(MATRIX)


def test_reasons_that_nothing_can_find_are_refused_at_load(scorecard: Tiny) -> None:
    """ONNX has no way of its own: neither points nor references is a `BadModel`."""
    with pytest.raises(BadModel, match="neither points nor references"):
        explained(scorecard)


def test_references_are_held_to_the_signature(scorecard: Tiny) -> None:
    """A reference row that could not be sold is refused with its fault."""
    with pytest.raises(BadModel, match=r"reference rows of tiny: /inputs/0/home: Must be one of"):
        explained(scorecard, references=[{**ROWS[0], "home": "TENT"}])


@pytest.mark.parametrize("off", [0.0, 0.01])
def test_reasons_that_do_not_add_up_are_refused_at_load(
    scorecard: Tiny, off: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The self-test adds up the reasons of its rows."""
    honest = coalitions.against

    def dishonest(*args: Any) -> Any:
        explain = honest(*args)

        def shifted(matrix: Matrix) -> Contributions:
            found = explain(matrix)
            return Contributions(found.base + off, found.fields, found.error)

        return shifted

    monkeypatch.setattr(coalitions, "against", dishonest)
    if off == 0:
        explained(scorecard, references=REFERENCES)
        return
    with pytest.raises(BadModel, match=r"are off by 0\.0"):
        explained(scorecard, references=REFERENCES)


def test_a_runtime_that_throws_is_a_bad_model(
    scorecard: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong while the first reasons are found, the model is refused with its name."""

    def broken(*_: Any) -> Any:
        def explain(_matrix: Matrix) -> Contributions:
            raise RuntimeError("out of its mind")

        return explain

    monkeypatch.setattr(coalitions, "against", broken)
    with pytest.raises(BadModel, match="reasons of tiny cannot be found: out of its mind"):
        explained(scorecard, references=REFERENCES)


def test_callers_joined_get_their_own_reasons(tiny: Tiny) -> None:
    """Questions that go together are answered as if each were alone, in its own language."""
    model = explained(tiny, references=REFERENCES)
    questions = [
        Question(MATRIX[:1], ROWS[:1], "en"),
        Question(MATRIX[1:], ROWS[1:], "ru"),
        Question(MATRIX[:1], ROWS[:1], "ru"),
    ]
    together = model.explain_many(questions)
    alone = [model.explain_many([question])[0] for question in questions]
    assert together == alone
    assert [len(outputs) for outputs in together if isinstance(outputs, list)] == [1, 3, 1]
    plain = model.outputs(model.predict(MATRIX[:1]))[0]
    english, russian = together[0][0], together[2][0]  # type: ignore[index]
    assert plain.items() <= english.items()
    assert english.keys() - plain.keys() == {"reasons", "explanation"}
    assert english["explanation"] == russian["explanation"]
    assert [one["text"] for one in english["reasons"]] != [
        one["text"] for one in russian["reasons"]
    ]


def _json(rows: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode(rows)
