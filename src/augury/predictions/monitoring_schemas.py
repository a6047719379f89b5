"""What travels over the wire about challengers and drift."""

from typing import Literal

from pydantic import BaseModel, Field

from augury.inference.drift import Level, Shift
from augury.inference.judging import Estimate, Judgement
from augury.inference.manifest import Spread
from augury.kit.clock import rfc3339
from augury.predictions.drift import SCORE, Drift

_Z95 = 1.959964
_DIGITS = 6


class EstimateOut(BaseModel):
    """A value with its 95 % interval, which too few rows do not have."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: Estimate | None, lowest: float = 0.0) -> "EstimateOut | None":
        """Return an estimate of something between `lowest` and 1."""
        if found is None:
            return None
        ends: tuple[float | None, float | None] = (None, None)
        if found.error is not None:
            width = _Z95 * found.error
            ends = max(lowest, found.value - width), min(1.0, found.value + width)
        return cls(value=rounded(found.value), low=_maybe(ends[0]), high=_maybe(ends[1]))


class CalibrationBinOut(BaseModel):
    """Rows of about the same probability: its mean against the share of events."""

    predicted: float
    observed: float
    rows: int


class JudgementOut(BaseModel):
    """Probabilities against outcomes that were reported."""

    rows: int
    events: int
    auc: EstimateOut | None = Field(description="Null without events, or without others.")
    brier: float
    log_loss: float
    calibration_error: float
    calibration: list[CalibrationBinOut]

    @classmethod
    def of(cls, found: Judgement | None) -> "JudgementOut | None":
        """Return a judgement for the wire."""
        if found is None:
            return None
        return cls(
            rows=found.rows,
            events=found.events,
            auc=EstimateOut.of(found.auc),
            brier=rounded(found.brier),
            log_loss=rounded(found.log_loss),
            calibration_error=rounded(found.calibration_error),
            calibration=[
                CalibrationBinOut(
                    predicted=rounded(part.predicted),
                    observed=rounded(part.observed),
                    rows=part.rows,
                )
                for part in found.calibration
            ],
        )


class LatencyOut(BaseModel):
    """In a trial `shadow` of one call of the model, in a trial `canary` of the whole sale."""

    p50_ms: float
    p95_ms: float


class ArmOut(BaseModel):
    """One of the two versions in a trial."""

    version: int
    predictions: int
    rows: int
    customers: int | None = Field(description="Only in a trial `canary`.")
    failures: int | None = Field(
        description="Predictions that it could not score; only in a trial `shadow`."
    )
    histogram: list[int] = Field(description="Rows by score, in 20 bins of 0.05.")
    quantiles: dict[str, float] = Field(description="Of the score, such as `0.95`.")
    latency: LatencyOut | None
    judgement: JudgementOut | None = Field(description="Null while no outcomes are reported.")


class AgreementOut(BaseModel):
    """How far two versions agree about the same rows; differences are challenger less champion."""

    rows: int
    same_decisions: float | None = Field(
        description="The share of rows; null where there are no thresholds."
    )
    mean_difference: float
    mean_absolute_difference: float
    largest_difference: float
    correlation: float | None = Field(description="Null where one of both never varies.")


class ComparisonOut(BaseModel):
    """A challenger and the champion side by side."""

    model: str
    mode: Literal["shadow", "canary"]
    since: str
    champion: ArmOut
    challenger: ArmOut
    agreement: AgreementOut | None = Field(description="Only in a trial `shadow`.")
    auc_difference: EstimateOut | None = Field(
        description="Challenger less champion; an interval that has 0 in it proves nothing."
    )


class ColumnDriftOut(BaseModel):
    """How far one column has moved; the bins are between `edges`, or one for each category."""

    level: Level | None = Field(description="Null: not enough rows to tell.")
    stability_index: float | None = Field(description="Null: not enough known values to tell.")
    rows: int
    missing: float
    missing_then: float
    edges: list[float] | None
    categories: list[str] | None
    shares: list[float]
    shares_then: list[float]

    @classmethod
    def of(
        cls, shift: Shift, spread: Spread, categories: list[str] | None = None
    ) -> "ColumnDriftOut":
        """Return the shift of a column for the wire."""
        return cls(
            level=shift.level,
            stability_index=_maybe(shift.stability_index),
            rows=shift.rows,
            missing=rounded(shift.missing),
            missing_then=rounded(shift.missing_then),
            edges=spread.edges,
            categories=categories,
            shares=[rounded(share) for share in shift.shares],
            shares_then=[rounded(share) for share in shift.shares_then],
        )


class DriftOut(BaseModel):
    """How far the newest sales of a version are from its training rows."""

    model: str
    version: int
    since: str
    predictions: int
    rows: int
    training_rows: int
    score: ColumnDriftOut
    fields: dict[str, ColumnDriftOut]

    @classmethod
    def of(cls, found: Drift) -> "DriftOut":
        """Return what was found for the wire."""
        categories = {field.name: field.categories for field in found.manifest.inputs}
        return cls(
            model=found.model,
            version=found.version,
            since=rfc3339(found.since),
            predictions=found.predictions,
            rows=found.rows,
            training_rows=found.reference.rows,
            score=ColumnDriftOut.of(found.shifts[SCORE], found.reference.score),
            fields={
                name: ColumnDriftOut.of(found.shifts[name], spread, categories[name])
                for name, spread in found.reference.fields.items()
            },
        )


def rounded(value: float) -> float:
    """Return a value with as many digits as anybody can use."""
    return round(value, _DIGITS)


def _maybe(value: float | None) -> float | None:
    return None if value is None else rounded(value)
