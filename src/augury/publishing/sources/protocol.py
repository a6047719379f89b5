"""What every kind of source promises: the model as its own library sees it, and ways out of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from augury.inference.manifest import Raw
from augury.publishing.table import Columns, Floats, Matrix


@dataclass(frozen=True, slots=True)
class Converted:
    """An artefact that a runtime takes."""

    content: bytes
    suffix: str
    runtime: str
    raw: Raw


@dataclass(frozen=True, slots=True)
class Way:
    """One way of converting; `convert` raises `Unconvertible` where it does not work."""

    name: str
    convert: Callable[[], Converted]


@dataclass(frozen=True, slots=True)
class Question:
    """What a source is asked to be: over these fields, the probability of this class."""

    columns: Columns
    positive: int  # the place of the class, 0 or 1
    matrix: Matrix  # the sample
    # Where a graph leaves its answer, if the publisher says it.
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A model, opened by its own library."""

    library: str  # with its version
    kind: str  # what the library calls it
    # The probability of the class in question, from the library itself.
    predict: Callable[[Question, Matrix], Floats]
    # Ways to an artefact, the plainest first.
    ways: Callable[[Question], Sequence[Way]]
    # The fields it was trained on, in order; none if it does not know their names.
    names: list[str] | None = None
    width: int | None = None
    classes: list[Any] = field(default_factory=lambda: [0, 1])
    # The categories of its category fields, in their order, as the model knows them.
    known_categories: list[list[Any]] = field(default_factory=list)
    # The places of fields that are categories, whatever the sample makes of them.
    categorical: frozenset[int] = frozenset()
    # The names of fields that may be missing, whatever the sample has of them.
    nullable: frozenset[str] = frozenset()
