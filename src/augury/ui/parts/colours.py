"""What a badge looks like that says how something ended."""

from collections.abc import Mapping
from typing import Final, Literal

Colour = Literal["green", "orange", "red", "blue", "gray"]

OF_DECISIONS: Final[Mapping[str, Colour]] = {
    "approve": "green",
    "review": "orange",
    "decline": "red",
}
# Of predictions and batches; the rest is under way.
OF_WORK: Final[Mapping[str, Colour]] = {"succeeded": "green", "failed": "red", "cancelled": "gray"}
# Of top-ups and of what is sent to webhooks; the rest is over and was neither.
OF_AWAITED: Final[Mapping[str, Colour]] = {
    "pending": "orange",
    "succeeded": "green",
    "failed": "red",
}
