"""The manifest of a model version: what it takes, what it gives, and how it proves itself."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from augury.kit.decoding import decode
from augury.kit.errors import Fault
from augury.kit.texts import LANGUAGES, texts

# Credits per row; a thousand rows at this price still fit into a balance.
MOST_PRICE = 10**12
_FAULTS_TOLD = 5


DECISIONS = ("approve", "review", "decline")
_APPROVE, _REVIEW, _DECLINE = range(len(DECISIONS))


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
    """Names of the members of one output; a member without a name is not given."""

    probability: str
    complement: str | None = None
    decision: str | None = None


class Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a graph or a server leaves its answer.

    The tensor of this name; of a tensor [rows, columns] this column; as a probability, or as
    log-odds that a sigmoid turns into one.
    """

    tensor: str = "default_probability"
    column: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    scale: Literal["probability", "log_odds"] = "probability"


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`approve` below the first threshold, `decline` from the second, `review` in between."""

    approve_below: float
    decline_from: float

    def of(self, probability: float) -> str:
        """Return the decision about a probability."""
        if probability < self.approve_below:
            return "approve"
        return "decline" if probability >= self.decline_from else "review"

    def of_many(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
        """Return the decision about each probability, as its place in `DECISIONS`."""
        declined = np.where(probabilities >= self.decline_from, _DECLINE, _REVIEW)
        return np.where(probabilities < self.approve_below, _APPROVE, declined).astype(np.int8)


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
    inputs: list[dict[str, Any]]
    probabilities: list[float]


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


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the values of one column were spread over the training rows.

    A number has rising `edges`, and one share more than edges: of the values below the first edge,
    from there to below the second, and so on. A category has no edges and one share for each of
    its categories, in their order. The shares of the known values add up to 1; `missing` is the
    share of all rows that had none.
    """

    shares: Annotated[list[float], msgspec.Meta(min_length=1)]
    edges: list[float] | None = None
    missing: float = 0.0


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the training rows looked like, so that drift can be told from it."""

    rows: int
    fields: dict[str, Spread]
    score: Spread  # of the probabilities that the model gave them


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
    self_test: SelfTest
    decision: Decision | None = None
    raw: Raw = Raw()
    metrics: Metrics | None = None
    training: Training | None = None
    reference: Reference | None = None
    checks: list[RatioCheck] = []
    calibration: Calibration | None = None
    explain: Explain | None = None


class BadModel(Exception):
    """A model cannot be used. Why, for the person who publishes it, stands in `models.po`."""

    def __init__(self, key: str, **values: object) -> None:
        """Say which sentence tells why, and what it needs."""
        self.key, self.values = key, values
        super().__init__(self.told(LANGUAGES[0]))

    def told(self, language: str) -> str:
        """Return the reason as a sentence of a language."""
        values = {name: _told(value, language) for name, value in self.values.items()}
        return texts("models", language).text(self.key, **values)


def _told(value: object, language: str) -> object:
    """Return faults of rows as sentences of a language, a few of them; anything else as it is."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, Fault) for one in value):
        return value
    sentences = texts("api", language)
    told = [f"{one.pointer}: {sentences.text(one.key, **one.values)}" for one in value]
    return "; ".join(told[:_FAULTS_TOLD])


def read_manifest(text: bytes | str) -> Manifest:
    """Return the manifest written as JSON; raises `BadModel` naming the first thing wrong."""
    try:
        return decode(text, Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadModel("manifest", error=error) from error


def verify_artifact(artifact: Artifact, path: Path) -> None:
    """Raise `BadModel` unless the file has exactly the size and the content that are promised."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if len(content) != artifact.bytes or found != artifact.sha256:
        raise BadModel("artifact_differs", file=path.name, found=found, promised=artifact.sha256)
