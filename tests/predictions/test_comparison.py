"""A challenger beside the champion: figures worked out by hand, in both kinds of trial."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sqlalchemy import insert

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.predictions import comparison, newest, outcomes
from augury.predictions.comparison import Mode, compare
from augury.predictions.monitoring_schemas import ComparisonOut
from augury.predictions.outcome_schemas import OutcomeIn
from augury.predictions.tables import shadow_scores
from augury.registry.refusals import VersionNotFound
from support.cases import DAY, HOUR, administrator, publish, sale, sold

THRESHOLDS = {"approve_below": 0.2, "decline_from": 0.6}


@pytest.fixture(autouse=True)
def _published(db: Database) -> None:
    publish(db, decision=THRESHOLDS)
    publish(db, version=2, decision={"approve_below": 0.3, "decline_from": 0.6})


def compared(db: Database, mode: Mode = "shadow", days: int = 30) -> ComparisonOut:
    with db.read() as tx:
        return compare(tx, "tiny", 1, 2, mode, now() - days * DAY)


def shadowed(
    db: Database,
    champion: Sequence[float],
    challenger: Sequence[float] | None,
    *,
    seconds: float = 0.002,
    beside: int = 1,
    **columns: Any,
) -> str:
    """Return the id of a sale whose rows the challenger scored as well, or failed at."""
    (id_,) = sold(db, [sale(champion)])
    row = {
        "prediction_id": id_,
        "model": "tiny",
        "version": 2,
        "champion": beside,
        "scores": None if challenger is None else json.dumps(list(challenger)),
        "champion_scores": json.dumps(list(champion)),
        "seconds": seconds,
        "champion_seconds": 0.001,
        "created_at": now(),
    }
    with db.write() as tx:
        tx.execute(insert(shadow_scores), row | columns)
    return id_


def reported(db: Database, id_: str, *what: int | None) -> None:
    outcomes.report(db, administrator(), id_, OutcomeIn(outcomes=list(what)))


def test_a_shadow_is_compared_row_by_row(db: Database) -> None:
    """0.25 is `review` for the champion and `approve` for the challenger; the others agree."""
    shadowed(db, [0.1, 0.25], [0.15, 0.25], seconds=0.002)
    shadowed(db, [0.5, 0.9], [0.4, 1.0], seconds=0.004)
    found = compared(db)
    assert found.agreement is not None
    assert found.agreement.rows == 4
    assert found.agreement.same_decisions == 0.75
    assert found.agreement.mean_difference == pytest.approx((0.05 + 0 - 0.1 + 0.1) / 4)
    assert found.agreement.mean_absolute_difference == pytest.approx(0.25 / 4)
    assert found.agreement.largest_difference == pytest.approx(0.1)
    expected = np.corrcoef([0.1, 0.25, 0.5, 0.9], [0.15, 0.25, 0.4, 1.0])[0, 1]
    assert found.agreement.correlation == pytest.approx(expected, abs=1e-6)
    assert found.champion.histogram == [0, 0, 1, 0, 0, 1, *[0] * 4, 1, *[0] * 7, 1, 0]
    assert found.challenger.histogram[-1] == 1, "a certainty is in the last bin"
    assert found.champion.quantiles["0.5"] == pytest.approx(0.375)
    assert (found.champion.predictions, found.champion.rows) == (2, 4)
    assert found.champion.latency is not None
    assert found.challenger.latency is not None
    assert found.champion.latency.p50_ms == 1
    assert found.challenger.latency.p50_ms == 3
    assert found.challenger.latency.p95_ms == pytest.approx(3.9)
    assert (found.challenger.failures, found.champion.failures) == (0, None)
    assert (found.challenger.judgement, found.auc_difference) == (None, None)


def test_what_the_challenger_failed_at_is_counted_and_not_compared(db: Database) -> None:
    shadowed(db, [0.1], [0.1])
    shadowed(db, [0.9, 0.9], None, seconds=9)
    found = compared(db)
    assert (found.challenger.failures, found.challenger.predictions) == (1, 2)
    assert (found.champion.rows, found.challenger.rows) == (1, 1)
    assert found.challenger.latency is not None
    assert found.challenger.latency.p95_ms == 2
    assert found.agreement is not None
    assert found.agreement.correlation is None, "what never varies has none"


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_a_trial_that_has_just_begun_has_nothing_to_show(db: Database, mode: Mode) -> None:
    found = compared(db, mode)
    for arm in (found.champion, found.challenger):
        assert (arm.predictions, arm.rows, arm.quantiles) == (0, 0, {})
        assert arm.histogram == [0] * 20
        assert (arm.latency, arm.judgement) == (None, None)
    assert (found.agreement, found.auc_difference) == (None, None)


def test_without_thresholds_there_are_no_decisions_to_agree_on(db: Database) -> None:
    publish(db, version=3, decision=None)
    shadowed(db, [0.1], [0.9], version=3)
    with db.read() as tx:
        found = compare(tx, "tiny", 1, 3, "shadow", 0)
    assert found.agreement is not None
    assert found.agreement.same_decisions is None


def test_other_trials_and_earlier_days_do_not_count(db: Database) -> None:
    publish(db, version=3)
    shadowed(db, [0.1], [0.1])
    shadowed(db, [0.2], [0.2], version=3)
    shadowed(db, [0.3], [0.3], beside=3)
    shadowed(db, [0.4], [0.4], created_at=now() - 2 * DAY)
    assert compared(db, days=1).champion.quantiles["0.5"] == 0.1
    assert compared(db, days=3).champion.rows == 2


def test_a_shadow_is_judged_on_its_scores_by_what_happened_in_the_same_rows(db: Database) -> None:
    """Rows of which nothing is known, and those the challenger failed at, judge neither."""
    random = np.random.default_rng(4)
    happened = random.integers(0, 2, 60)
    theirs = np.round(np.clip(0.3 * happened + random.random(60) * 0.6, 0, 1), 6)
    its = np.round(np.clip(0.4 * happened + random.random(60) * 0.6, 0, 1), 6)
    for start in range(0, 60, 3):
        part = slice(start, start + 3)
        id_ = shadowed(db, theirs[part].tolist(), its[part].tolist())
        reported(db, id_, *happened[part].tolist())
    reported(db, shadowed(db, [0.9, 0.9], [0.1, 0.1]), None, None)
    reported(db, shadowed(db, [0.9], None), 0)
    found = compared(db)
    for arm, scores in ((found.champion, theirs), (found.challenger, its)):
        judged = arm.judgement
        assert judged is not None
        assert judged.auc is not None
        assert (judged.rows, judged.events) == (60, happened.sum())
        assert judged.auc.value == pytest.approx(roc_auc_score(happened, scores), abs=1e-6)
        assert judged.brier == pytest.approx(brier_score_loss(happened, scores), abs=1e-6)
        assert judged.auc.low is not None
        assert judged.auc.high is not None
        assert judged.auc.low < judged.auc.value < judged.auc.high <= 1
        assert sum(part.rows for part in judged.calibration) == 60
    gap = found.auc_difference
    assert gap is not None
    expected = roc_auc_score(happened, its) - roc_auc_score(happened, theirs)
    assert gap.value == pytest.approx(expected, abs=1e-6)
    assert gap.low is not None
    assert gap.low < gap.value


def test_a_canary_is_compared_with_the_customers_of_the_champion(db: Database) -> None:
    """Each arm has its own customers, scores, times of a sale, and outcomes."""
    anna, boris, vera = (new_id() for _ in range(3))
    ids = sold(
        db,
        [
            sale([0.1, 0.3], user_id=anna, seconds=0.010),
            sale([0.5], user_id=anna, seconds=0.020),
            sale([0.7], user_id=boris, seconds=0.030),
            sale([0.9, 0.8], user_id=vera, version=2, seconds=0.050),
            sale([0.2], user_id=vera, version=2, at=now() - 31 * DAY),
        ],
    )
    reported(db, ids[0], 0, 1)
    reported(db, ids[3], 1, 0)
    reported(db, ids[4], 1)
    found = compared(db, "canary")
    champion, challenger = found.champion, found.challenger
    assert (champion.customers, champion.predictions, champion.rows) == (2, 3, 4)
    assert (challenger.customers, challenger.predictions, challenger.rows) == (1, 1, 2)
    assert champion.latency is not None
    assert champion.latency.p50_ms == pytest.approx(20)
    assert challenger.latency is not None
    assert challenger.latency.p95_ms == pytest.approx(50)
    assert champion.quantiles["0.5"] == pytest.approx(0.4)
    assert champion.judgement is not None
    assert champion.judgement.rows == 2
    assert challenger.judgement is not None
    assert challenger.judgement.rows == 2
    assert champion.failures is None
    assert found.agreement is None
    gap = found.auc_difference
    assert gap is not None
    assert (gap.value, gap.low) == (0.0, None), (
        "each ranks its only pair right; two rows prove nothing"
    )


def test_rows_without_a_probability_are_left_out(db: Database) -> None:
    made = sale([0.5, 0.5]) | {
        "outputs": '[{"default_probability":0.4},{"default_probability":null}]'
    }
    sold(db, [made])
    found = compared(db, "canary")
    assert (found.champion.predictions, found.champion.rows) == (1, 1)


def test_no_more_than_the_newest_is_looked_at(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_PREDICTIONS", 4)
    monkeypatch.setattr(newest, "MOST_PREDICTIONS", 4)
    for hours in range(6):
        id_ = shadowed(db, [0.1 * hours], [0.5], created_at=now() - hours * HOUR)
        reported(db, id_, 1)
    assert compared(db).champion.quantiles["0.95"] == pytest.approx(0.285)
    assert compared(db, "canary").champion.predictions == 4
    monkeypatch.setattr(comparison, "MOST_ROWS", 2)
    assert compared(db).champion.rows == 2
    monkeypatch.setattr(comparison, "_MOST_JUDGED", 3)
    judged = compared(db).champion.judgement
    assert judged is not None
    assert judged.rows == 3


def test_a_version_that_is_not_there_is_refused(db: Database) -> None:
    for versions in ((1, 3), (3, 1)):
        with db.read() as tx, pytest.raises(VersionNotFound):
            compare(tx, "tiny", *versions, "shadow", 0)
