"""A free look at what a model says."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Sample(Struct, frozen=True):
    """A model's own example row, and what the version makes of it."""

    model: str
    version: int
    input: Mapping[str, Any]
    output: Mapping[str, Any]
