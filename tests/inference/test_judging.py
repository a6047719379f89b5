"""Judging probabilities: the same figures as scikit-learn's, and an error that keeps its word."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from augury.inference import judging
from augury.inference.judging import Estimate, Floats, Outcomes, judge

# Few values, so that many are equal.
SCORED = st.lists(
    st.tuples(st.integers(0, 8).map(lambda eighths: eighths / 8), st.integers(0, 1)),
    min_size=2,
    max_size=60,
)


def made(rows: int, seed: int, sharpness: float = 1.0) -> tuple[Floats, Outcomes]:
    """Return probabilities and outcomes of rows that were made up, the same again for a seed."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=rows)
    outcomes = (random.random(rows) < 1 / (1 + np.exp(-2 * hidden))).astype(np.int64)
    score = sharpness * hidden + random.normal(size=rows)
    return 1 / (1 + np.exp(-score)), outcomes


@given(SCORED)
def test_measures_are_those_of_scikit_learn(scored: list[tuple[float, int]]) -> None:
    probabilities = np.array([probability for probability, _ in scored])
    outcomes = np.array([outcome for _, outcome in scored])
    found = judge(probabilities, outcomes)
    assert found is not None
    assert found.brier == pytest.approx(brier_score_loss(outcomes, probabilities))
    assert found.log_loss == pytest.approx(log_loss(outcomes, probabilities, labels=[0, 1]))
    if 0 < outcomes.sum() < len(outcomes):
        assert found.auc is not None
        assert found.auc.value == pytest.approx(roc_auc_score(outcomes, probabilities))
        assert judging.auc(probabilities, outcomes) == found.auc.value
    else:
        assert found.auc is None
        assert math.isnan(judging.auc(probabilities, outcomes))


@given(SCORED)
def test_every_row_stands_in_one_bin_and_bins_rise(scored: list[tuple[float, int]]) -> None:
    probabilities = np.array([probability for probability, _ in scored])
    outcomes = np.array([outcome for _, outcome in scored])
    curve = judging.calibration(probabilities, outcomes)
    assert sum(part.rows for part in curve) == len(scored)
    assert len(curve) == min(10, len(scored))
    assert [part.predicted for part in curve] == sorted(part.predicted for part in curve)
    told = sum(part.observed * part.rows for part in curve)
    assert told == pytest.approx(outcomes.sum())
    assert 0 <= judging.calibration_error(curve) <= 1


def test_calibration_error_by_hand() -> None:
    """Of two rows at 0.2 one has the event, of two at 0.6 both: 0.3 and 0.4 off, half each."""
    curve = [judging.Bin(0.2, 0.5, 2), judging.Bin(0.6, 1.0, 2)]
    assert judging.calibration_error(curve) == pytest.approx(0.35)


def test_the_error_of_an_auc_by_hand() -> None:
    """DeLong's formula over all pairs, written out, gives what the ranks give."""
    probabilities, outcomes = made(60, 3)
    events, others = probabilities[outcomes == 1], probabilities[outcomes == 0]
    wins = (events[:, None] > others).astype(float) + 0.5 * (events[:, None] == others)
    by_event, by_other = wins.mean(axis=1), wins.mean(axis=0)
    variance = by_event.var(ddof=1) / len(events) + by_other.var(ddof=1) / len(others)
    found = judge(probabilities, outcomes)
    assert found is not None
    assert found.auc is not None
    assert found.auc.value == pytest.approx(wins.mean())
    assert found.auc.error == pytest.approx(math.sqrt(variance))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 400 samples of 200 rows about 95 % have the AUC of the whole within 1.96 errors."""
    truth = judging.auc(*made(200_000, 1))
    held = 0
    for seed in range(2, 402):
        found = judge(*made(200, seed))
        assert found is not None
        assert found.auc is not None
        assert found.auc.error is not None
        held += abs(found.auc.value - truth) < 1.96 * found.auc.error
    assert 0.92 < held / 400 < 0.98


def test_a_difference_on_the_same_rows_is_surer_than_one_on_others() -> None:
    """Two scores of one origin differ by little, and that little is known well."""
    champion, outcomes = made(500, 7)
    random = np.random.default_rng(8)
    challenger = np.clip(champion + random.normal(scale=0.02, size=500), 0, 1)
    paired = judging.auc_difference(champion, challenger, outcomes)
    apart = judging.auc_gap(judge(champion, outcomes), judge(challenger, outcomes))
    assert paired is not None
    assert apart is not None
    assert paired.value == pytest.approx(apart.value)
    assert paired.error is not None
    assert apart.error is not None
    assert paired.error < apart.error / 5


def test_equal_scores_differ_by_nothing_with_an_unknown_error() -> None:
    probabilities, outcomes = made(100, 5)
    assert judging.auc_difference(probabilities, probabilities, outcomes) == Estimate(0.0, None)


def test_few_rows_have_no_error() -> None:
    """Nine events are too few to say how sure an AUC is; ten are enough."""
    random = np.random.default_rng(2)
    for events, known in ((9, False), (10, True)):
        outcomes = np.array([1] * events + [0] * 30)
        found = judge(random.random(events + 30), outcomes)
        assert found is not None
        assert found.auc is not None
        assert (found.auc.error is not None) is known


def test_a_perfect_order_has_no_error_of_nothing() -> None:
    """Where every event is above every other, the error is unknown, not 0."""
    outcomes = np.array([0] * 20 + [1] * 20)
    found = judge(np.linspace(0, 1, 40), outcomes)
    assert found is not None
    assert found.auc == Estimate(1.0, None)


def test_without_rows_there_is_nothing_to_judge() -> None:
    nothing = judge(np.array([]), np.array([], dtype=np.int64))
    assert nothing is None
    assert judging.auc_gap(nothing, judge(*made(50, 1))) is None
    ones = np.ones(3, dtype=np.int64)
    assert judging.auc_difference(np.zeros(3), np.zeros(3), ones) is None
    assert judging.auc_gap(judge(np.zeros(3), ones), judge(*made(50, 1))) is None
