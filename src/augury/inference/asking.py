"""What a sale asks of a model, whatever its rows are: a matrix, or documents."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import msgspec

from augury.inference.manifest import BadModel

# One object for each row.
Outputs = list[dict[str, Any]]

Rows = TypeVar("Rows", bound=Sized)


class Caution(msgspec.Struct, frozen=True):
    """Something odd in the input that did not keep it from being predicted."""

    pointer: str
    code: Literal["inconsistent"]
    message: str


@dataclass(frozen=True, slots=True)
class Asked(Generic[Rows]):
    """One caller's rows, as the model has read them and as they came, and how to answer."""

    rows: Rows
    inputs: bytes | msgspec.Raw
    explain: bool
    language: str


class NoAnswer(BadModel):
    """Nobody answers for the model at the moment, whatever the rows are."""
