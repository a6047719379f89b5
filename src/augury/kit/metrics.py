"""What Prometheus is told. Every room counts its own; this is what they share.

No label may have values that callers choose: no user, no raw path. Each value lives for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    CollectorRegistry,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

MEDIA_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
# From a linear model's answer to a job's patience.
SECONDS_BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_FORWARDED: Final = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"})

# The moment at which each series began: as many lines again, and nothing here asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped
Gauge("augury_build_info", "The program", ["version"]).labels(version("augury")).set(1)


def exposition(own: Collector) -> bytes:
    """Return everything that this process has counted, and what `own` finds, as Prometheus text."""
    registry = CollectorRegistry()
    registry.register(own)
    return generate_latest(REGISTRY) + generate_latest(registry)


def gauge(
    name: str, about: str, values: Iterable[tuple[Sequence[str], float]], *labels: str
) -> GaugeMetricFamily:
    """Return what `augury_<name>` is now, for each list of its labels' values."""
    family = GaugeMetricFamily(f"augury_{name}", about, labels=labels)
    for given, value in values:
        family.add_metric(given, value)
    return family


def is_local(scope: Mapping[str, Any]) -> bool:
    """Tell whether an ASGI request comes from this machine, and not for somebody else.

    What a proxy on this machine hands on may have come from anywhere.
    """
    client = scope.get("client")
    if client is None or any(name in _FORWARDED for name, _ in scope["headers"]):
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False
