"""A challenger and the champion side by side: what an administrator promotes by.

A `shadow` was asked the same rows as the champion, so that both are compared row by row. A
`canary` had customers of its own, so that both are compared as two groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Integer, Row, select

from augury.inference.judging import Floats, Judgement, Outcomes, auc_difference, auc_gap, judge
from augury.inference.manifest import Decision, Manifest
from augury.kit.clock import SECOND, rfc3339
from augury.kit.db import Given, Id, ReadTx
from augury.kit.errors import Refusal
from augury.predictions.monitoring_schemas import (
    AgreementOut,
    ArmOut,
    ComparisonOut,
    EstimateOut,
    JudgementOut,
    LatencyOut,
    rounded,
)
from augury.predictions.newest import MOST_PREDICTIONS, MOST_ROWS, column_reader, newest, outputs
from augury.predictions.tables import outcomes, shadow_scores
from augury.registry.refusals import VersionNotFound
from augury.registry.shelf import manifests

Mode = Literal["shadow", "canary"]

# Rows with outcomes: an AUC of 0.8 is known to a hundredth by then.
_MOST_JUDGED = 20_000
_AT_ONCE = 500
_BINS = 20
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_SCORES = Given(
    """
    SELECT scored.prediction_id, scored.scores
    FROM {given} JOIN shadow_scores scored ON scored.prediction_id = given.prediction_id
      AND scored.version = given.version
    WHERE scored.scores IS NOT NULL
    """,
    prediction_id=Id,
    version=Integer(),
)
_floats = msgspec.json.Decoder(list[float])


class NoChallenger(Refusal):
    """No version is tried beside the champion of this model."""

    code = "no_challenger"
    status = 404


@dataclass(frozen=True, slots=True)
class _Version:
    """One of the two."""

    model: str
    number: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a version: its scores [rows], and the seconds [predictions] it took."""

    predictions: int
    scores: Floats
    seconds: Floats
    customers: int | None = None
    failures: int | None = None


class _Judged(NamedTuple):
    """Scores of both against the outcomes of the same rows, all [rows]."""

    champion: Floats
    challenger: Floats
    outcomes: Outcomes


def compare(
    tx: ReadTx, model: str, champion_version: int, challenger_version: int, mode: Mode, since: int
) -> ComparisonOut:
    """Return both versions side by side, by their newest predictions from a moment on.

    At most 20,000 predictions or 50,000 rows of each, and 20,000 rows with outcomes. Raises
    `VersionNotFound`.
    """
    told = manifests(tx, {(model, champion_version), (model, challenger_version)})
    both = []
    for number in (champion_version, challenger_version):
        manifest = told.get((model, number))
        if manifest is None:
            raise VersionNotFound(model=model, version=number)
        both.append(_Version(model, number, manifest))
    side_by_side = _shadow if mode == "shadow" else _canary
    found = side_by_side(tx, both[0], both[1], since)
    return ComparisonOut(model=model, mode=mode, since=rfc3339(since), **found)


def _shadow(tx: ReadTx, champion: _Version, challenger: _Version, since: int) -> dict[str, Any]:
    theirs, its = _shadowed(tx, champion, challenger, since)
    judged = _judged_together(tx, champion, challenger, since)
    decisions = champion.manifest.decision, challenger.manifest.decision
    return {
        "champion": _arm(champion, theirs, judge(judged.champion, judged.outcomes)),
        "challenger": _arm(challenger, its, judge(judged.challenger, judged.outcomes)),
        "agreement": _agreement(theirs.scores, its.scores, *decisions),
        "auc_difference": EstimateOut.of(auc_difference(*judged), lowest=-1.0),
    }


def _canary(tx: ReadTx, champion: _Version, challenger: _Version, since: int) -> dict[str, Any]:
    theirs, its = (judge(*_judged_alone(tx, one, since)) for one in (champion, challenger))
    return {
        "champion": _arm(champion, _sold(tx, champion, since), theirs),
        "challenger": _arm(challenger, _sold(tx, challenger, since), its),
        "agreement": None,
        "auc_difference": EstimateOut.of(auc_gap(theirs, its), lowest=-1.0),
    }


def _arm(version: _Version, seen: _Seen, judged: Judgement | None) -> ArmOut:
    scores = seen.scores
    histogram, _ = np.histogram(scores, bins=_BINS, range=(0, 1))
    quantiles = np.quantile(scores, _QUANTILES).tolist() if len(scores) else []
    return ArmOut(
        version=version.number,
        predictions=seen.predictions,
        rows=len(scores),
        customers=seen.customers,
        failures=seen.failures,
        histogram=histogram.tolist(),
        # Both are as long where there are rows at all.
        quantiles={str(at): rounded(one) for at, one in zip(_QUANTILES, quantiles, strict=False)},
        latency=_latency(seen.seconds),
        judgement=JudgementOut.of(judged),
    )


def _latency(seconds: Floats) -> LatencyOut | None:
    if not len(seconds):
        return None
    p50, p95 = (np.quantile(seconds, (0.5, 0.95)) * 1000).tolist()
    return LatencyOut(p50_ms=rounded(p50), p95_ms=rounded(p95))


def _agreement(
    theirs: Floats, its: Floats, decision: Decision | None, its_decision: Decision | None
) -> AgreementOut | None:
    if not len(theirs):
        return None
    gaps = its - theirs
    varies = bool(np.ptp(theirs) and np.ptp(its))
    same = None
    if decision is not None and its_decision is not None:
        same = rounded(float(np.mean(_decided(decision, theirs) == _decided(its_decision, its))))
    return AgreementOut(
        rows=len(gaps),
        same_decisions=same,
        mean_difference=rounded(float(gaps.mean())),
        mean_absolute_difference=rounded(float(np.abs(gaps).mean())),
        largest_difference=rounded(float(np.abs(gaps).max())),
        correlation=rounded(float(np.corrcoef(theirs, its)[0, 1])) if varies else None,
    )


def _decided(decision: Decision, scores: Floats) -> npt.NDArray[np.intp]:
    """Return 0 for approve, 1 for review and 2 for decline, for each row."""
    thresholds = (decision.approve_below, decision.decline_from)
    return np.searchsorted(thresholds, scores, side="right")


def _shadowed(
    tx: ReadTx, champion: _Version, challenger: _Version, since: int
) -> tuple[_Seen, _Seen]:
    """Return what both said of the rows that the challenger could score."""
    found = tx.execute(
        select(shadow_scores)
        .where(
            shadow_scores.c.model == challenger.model,
            shadow_scores.c.version == challenger.number,
            shadow_scores.c.champion == champion.number,
            shadow_scores.c.created_at >= since,
        )
        .order_by(shadow_scores.c.created_at.desc())
        .limit(MOST_PREDICTIONS)
        .execution_options(yield_per=_AT_ONCE)
    )
    theirs: list[float] = []
    its: list[float] = []
    seconds: list[tuple[float, float]] = []
    failures = 0
    for row in found:
        if row.scores is None:
            failures += 1
            continue
        theirs += _floats.decode(row.champion_scores)
        its += _floats.decode(row.scores)
        seconds.append((row.champion_seconds, row.seconds))
        if len(its) >= MOST_ROWS:
            break
    found.close()
    taken = np.array(seconds, dtype=np.float64).reshape(-1, 2)
    predictions = len(seconds) + failures
    return (
        _Seen(predictions, np.array(theirs), taken[:, 0]),
        _Seen(predictions, np.array(its), taken[:, 1], failures=failures),
    )


def _sold(tx: ReadTx, version: _Version, since: int) -> _Seen:
    """Return what a version was bought for."""
    sales = newest(tx, version.model, version.number, since)
    reader = column_reader(version.manifest.outputs.probability)
    scores = [
        row.value
        for text in outputs(tx, sales)
        for row in reader.decode(text)
        if isinstance(row.value, float)
    ]
    return _Seen(
        len(sales),
        np.array(scores, dtype=np.float64),
        np.array([sale.completed_at - sale.created_at for sale in sales]) / SECOND,
        customers=len({sale.user_id for sale in sales}),
    )


def _reported(tx: ReadTx, version: _Version, since: int) -> Sequence[Row[Any]]:
    """Return the outcomes of a version's newest rows of which something is known."""
    return tx.execute(
        select(outcomes)
        .where(
            outcomes.c.model == version.model,
            outcomes.c.version == version.number,
            outcomes.c.sold_at >= since,
        )
        .order_by(outcomes.c.sold_at.desc())
        .limit(_MOST_JUDGED)
    ).all()


def _judged_alone(tx: ReadTx, version: _Version, since: int) -> tuple[Floats, Outcomes]:
    rows = _reported(tx, version, since)
    return (
        np.array([row.probability for row in rows], dtype=np.float64),
        np.array([row.outcome for row in rows], dtype=np.int64),
    )


def _judged_together(tx: ReadTx, champion: _Version, challenger: _Version, since: int) -> _Judged:
    """Return what both said of the champion's rows of which something is known."""
    rows = _reported(tx, champion, since)
    ids = sorted({row.prediction_id for row in rows})
    scored: dict[str, list[float]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        lot = [(id_, challenger.number) for id_ in ids[start : start + _AT_ONCE]]
        scored |= {id_: _floats.decode(scores) for id_, scores in _SCORES.run(tx, lot)}
    both = [
        (row.probability, scored[row.prediction_id][row.row_index], row.outcome)
        for row in rows
        if row.prediction_id in scored
    ]
    columns = np.array(both, dtype=np.float64).reshape(-1, 3)
    return _Judged(columns[:, 0], columns[:, 1], columns[:, 2].astype(np.int64))
