"""Free samples: what a model says about its own example, for people who have not bought yet.

Nothing is sold and nothing is stored. A version is asked once and its answer kept, so that free of
charge is free of work, too.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from augury.inference.asking import Asked
from augury.inference.lanes import Lane
from augury.kit.errors import InvalidInput, Refusal
from augury.kit.texts import LANGUAGES
from augury.predictions.buy import outputs_of, unavailable
from augury.registry.catalogue import Catalogue
from augury.registry.examples import example_row
from augury.registry.window import Offer

_MOST_KEPT: Final = 256
# A model that could not answer may do so later; it is not asked by every visitor meanwhile.
_TRY_AGAIN_SECONDS: Final = 30.0


class NoSample(Refusal):
    """The model gives no free sample."""

    code = "no_sample"
    status = 404


class Sample(Struct, frozen=True):
    """The example row of a version, and what that version makes of it."""

    model: str
    version: int
    input: dict[str, Any]
    output: dict[str, Any]


class _Attempt(Struct, frozen=True):
    """A sample that is being made, is ready, or has failed."""

    work: asyncio.Task[Sample]
    began_at: float

    def is_worth_keeping(self, moment: float) -> bool:
        """Tell whether to answer with it at a moment, and not to try again."""
        has_failed = self.work.done() and (self.work.cancelled() or self.work.exception())
        return not has_failed or moment - self.began_at < _TRY_AGAIN_SECONDS


class Samples:
    """Keeps a sample of each version that somebody wanted to see; runs on the event loop."""

    def __init__(
        self, catalogue: Catalogue, now_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with none."""
        self._catalogue = catalogue
        self._now_seconds = now_seconds
        self._attempts: OrderedDict[tuple[str, int], _Attempt] = OrderedDict()

    async def sample(self, reference: str) -> Sample:
        """Return the sample of the version that a reference means; it is computed at most once.

        Raises `ModelNotFound`, `ModelUnavailable`, and `NoSample` for models that answer
        documents: what they say follows the market, so that it cannot be kept.
        """
        offer = self._catalogue.resolve(reference)
        name, lane = offer.version.model, offer.lane
        if lane is None:
            raise unavailable(name)
        if not isinstance(lane, Lane):
            raise NoSample(model=name)
        key = (name, offer.version.version)
        attempt, moment = self._attempts.get(key), self._now_seconds()
        if attempt is None or not attempt.is_worth_keeping(moment):
            attempt = _Attempt(asyncio.create_task(_make(offer, lane)), moment)
            self._attempts[key] = attempt
            if len(self._attempts) > _MOST_KEPT:
                self._attempts.popitem(last=False)
        # Whoever leaves does not take it away from the others who wait for it.
        return await asyncio.shield(attempt.work)


async def _make(offer: Offer, lane: Lane) -> Sample:
    row = example_row(offer.version.manifest)
    inputs = msgspec.json.encode([row])
    try:
        rows = lane.model.read(inputs)
    except InvalidInput as error:
        # An example that its own model refuses shows nothing to anybody.
        raise NoSample(model=offer.version.model) from error
    asked = Asked(rows, inputs, explain=False, language=LANGUAGES[0])
    (output,) = msgspec.json.decode(await outputs_of(lane, asked))
    return Sample(offer.version.model, offer.version.version, row, output)
