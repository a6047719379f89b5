"""What the API tells administrators about models: versions, trials side by side, and drift."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from augury.client.answers import PriceChange


class PublishedVersion(Struct, frozen=True):
    """A version that was published; `verdict` is what the server measured when it tried it."""

    name: str
    version: int
    status: str
    price: int
    digest: str = ""
    verdict: Mapping[str, Any] | None = None


class ModelAlias(Struct, frozen=True):
    """A name for a version of a model: customers get `champion` unless they ask for another.

    From `begins_at` on it points to `next_version`, if a move is announced.
    """

    alias: str
    version: int
    next_version: int | None = None
    begins_at: datetime | None = None


class ModelVersion(Struct, frozen=True):
    """A version as an administrator sees it."""

    version: int
    status: str
    price: int
    runtime: str
    digest: str = ""
    verdict: Mapping[str, Any] | None = None
    price_change: PriceChange | None = None
    metrics: Mapping[str, Any] | None = None
    artifact_bytes: int = 0
    published_at: datetime | None = None
    loaded: bool | None = None


class ModelTrial(Struct, frozen=True):
    """A version that is tried beside the champion, `shadow` or `canary`."""

    version: int
    mode: str
    share_percent: int
    started_at: datetime


class ModelOnShelf(Struct, frozen=True):
    """A model as an administrator sees it; `status` is `draft`, `active` or `retired`."""

    name: str
    status: str
    aliases: tuple[ModelAlias, ...] = ()
    versions: tuple[ModelVersion, ...] = ()
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    challenger: ModelTrial | None = None

    @property
    def champion(self) -> int:
        """The number of the version that customers get unless they ask for another."""
        return next(one.version for one in self.aliases if one.alias == "champion")

    def version(self, number: int) -> ModelVersion:
        """Return the version of a number that there is."""
        return next(one for one in self.versions if one.version == number)


class Estimate(Struct, frozen=True):
    """A value with its 95 % interval, which too few rows do not have."""

    value: float
    low: float | None
    high: float | None


class Judgement(Struct, frozen=True):
    """Probabilities against outcomes that were reported."""

    rows: int
    events: int
    auc: Estimate | None
    brier: float
    log_loss: float
    calibration_error: float


class TrialLatency(Struct, frozen=True):
    """How long a version took, in milliseconds."""

    p50_ms: float
    p95_ms: float


class TrialArm(Struct, frozen=True):
    """One of the two versions in a trial; `histogram` has its rows by score, in equal bins."""

    version: int
    predictions: int
    rows: int
    customers: int | None
    failures: int | None
    histogram: tuple[int, ...]
    quantiles: Mapping[str, float]
    latency: TrialLatency | None
    judgement: Judgement | None


class Agreement(Struct, frozen=True):
    """How far two versions agree about the same rows; differences are challenger less champion."""

    rows: int
    same_decisions: float | None
    mean_difference: float
    mean_absolute_difference: float
    largest_difference: float
    correlation: float | None


class Comparison(Struct, frozen=True):
    """A challenger and the champion side by side; only a `shadow` has an agreement."""

    model: str
    mode: str
    since: datetime
    champion: TrialArm
    challenger: TrialArm
    agreement: Agreement | None
    auc_difference: Estimate | None


class ColumnDrift(Struct, frozen=True):
    """How far one column has moved; without enough rows there is no `level`, or no index.

    Shares are of the bins between `edges`, or of `categories`.
    """

    level: str | None
    stability_index: float | None
    rows: int
    missing: float
    missing_then: float
    edges: tuple[float, ...] | None
    categories: tuple[str, ...] | None
    shares: tuple[float, ...]
    shares_then: tuple[float, ...]


class Drift(Struct, frozen=True):
    """How far the newest sales of a version are from its training rows, by field and score."""

    model: str
    version: int
    since: datetime
    predictions: int
    rows: int
    training_rows: int
    score: ColumnDrift
    fields: Mapping[str, ColumnDrift]
