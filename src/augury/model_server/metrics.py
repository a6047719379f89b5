"""What the inference service tells Prometheus."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from augury.kit import coalescer
from augury.kit.metrics import SECONDS_BUCKETS, gauge

_SECONDS: Final = Histogram(
    "augury_inference_seconds",
    "Inferences, from their rows to the answer's body",
    ["model"],
    buckets=SECONDS_BUCKETS,
)
_ROWS: Final = Counter("augury_inference_rows", "Rows that models were asked about", ["model"])
_FAILED: Final = Counter("augury_inference_failures", "Inferences without an answer", ["model"])


@contextmanager
def timed(model: str, rows: int) -> Iterator[None]:
    """Count an inference and what it takes; one that ends with an exception has failed."""
    began = time.perf_counter()
    _ROWS.labels(model).inc(rows)
    try:
        yield
    except BaseException:
        _FAILED.labels(model).inc()
        raise
    finally:
        _SECONDS.labels(model).observe(time.perf_counter() - began)


def forget(model: str) -> None:
    """Stop telling of a model that is not loaded any more: who loads chooses its name."""
    for family in (_SECONDS, _ROWS, _FAILED):
        with suppress(KeyError):
            family.remove(model)
    for line in (f"lane-{model}", f"reasons-{model}", f"contributions-{model}"):
        coalescer.forget(line)


class ShelfView(Collector):
    """What is loaded."""

    def __init__(self, versions: Sequence[tuple[str, int]]) -> None:
        """Prepare to tell of versions, each by its model's name and its number."""
        self._versions = versions

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge."""
        loaded = (([name, str(number)], 1) for name, number in self._versions)
        yield gauge("model_loaded", "Versions that answer here", loaded, "model", "version")
