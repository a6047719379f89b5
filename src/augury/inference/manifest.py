"""The manifest of a model version: what it takes, what it gives, and how it proves itself."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

# Credits per row; a thousand rows at this price still fit into a balance.
MOST_PRICE = 10**12


class Localised(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages."""

    en: str
    ru: str


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that the runtime opens, addressed by its content."""

    file: str
    sha256: str
    bytes: int


class InputField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of an input row. Its column in the matrix is its place in the manifest."""

    name: str
    type: Literal["integer", "number", "category"]
    title: Localised
    description: Localised
    example: int | float | str
    unit: Localised | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    categories: list[str] | None = None
    category_titles: dict[str, Localised] | None = None
    nullable: bool = False
    # How a reason speaks of a known value: `{value}`, `{percent}` and `{code}` are filled in.
    reason: Localised | None = None


class RatioCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A soft check: `field` should be `numerator / denominator`; else the answer has a warning."""

    kind: Literal["ratio"]
    field: str
    numerator: str
    denominator: str
    tolerance: float
    message: Localised


class OutputNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the members of one output."""

    probability: str
    complement: str
    decision: str


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`approve` below the first threshold, `decline` from the second, `review` in between."""

    approve_below: float
    decline_from: float


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A correction on the log-odds: `sigmoid(slope * logit(p) + intercept)`."""

    slope: float
    intercept: float


class CalibrationBin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bin of the calibration curve: mean prediction against observed rate."""

    predicted: float
    observed: float
    rows: int


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How good the model was on rows it had not seen, and how that was measured."""

    roc_auc: float
    average_precision: float
    brier: float
    log_loss: float
    expected_calibration_error: float
    rows: int
    method: str
    calibration_curve: list[CalibrationBin]


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the artefact came from, so that anyone can make it again."""

    recipe: str
    seed: int
    data_sha256: str
    rows_read: int
    rows_used: int
    libraries: dict[str, str]


class SelfTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows and the probabilities that the artefact must give for them, checked at every load."""

    tolerance: float
    inputs: list[dict[str, int | float | str | None]]
    default_probability: list[float]


class Ramp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points that a field adds: `weight * clip((value - start) * slope, 0, 1)`."""

    field: str
    start: float
    slope: float
    weight: float


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scorecard as a table: the ramps of every field, and what becomes of their sum.

    `curve` has pairs of score and log-odds, joined by straight lines and flat beyond its ends.
    """

    ramps: list[Ramp]
    missing: float  # what stands in for a missing value
    intercept: float
    curve: Annotated[list[tuple[float, float]], msgspec.Meta(min_length=1)]
    average: dict[str, float]  # points of each field, the mean over the training rows


class Explain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reasons are on sale: what they cost on top of a row, and how they are found.

    By points, or by comparing with typical applicants, or else the runtime's own way.
    """

    price: Annotated[int, msgspec.Meta(ge=0, le=MOST_PRICE)]
    points: Points | None = None
    references: Annotated[
        list[dict[str, int | float | str | None]], msgspec.Meta(max_length=16)
    ] = []


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a model version but its artefact and its price of today."""

    manifest_version: Literal[1]
    name: str
    title: Localised
    description: Localised
    task: str
    price: Annotated[int, msgspec.Meta(ge=1, le=MOST_PRICE)]
    runtime: str
    artifact: Artifact
    inputs: list[InputField]
    outputs: OutputNames
    decision: Decision
    metrics: Metrics
    training: Training
    self_test: SelfTest
    checks: list[RatioCheck] = []
    calibration: Calibration | None = None
    explain: Explain | None = None


class BadModel(Exception):
    """A model cannot be used; the message says why, for the person who publishes it."""


def read_manifest(text: bytes | str) -> Manifest:
    """Return the manifest written as JSON; raises `BadModel` naming the first thing wrong."""
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        message = f"manifest.json: {error}"
        raise BadModel(message) from error


def verify_artifact(artifact: Artifact, path: Path) -> None:
    """Raise `BadModel` unless the file has exactly the size and the content that are promised."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if len(content) != artifact.bytes or found != artifact.sha256:
        message = f"{path.name} has SHA-256 {found}, the manifest promises {artifact.sha256}"
        raise BadModel(message)
