"""What this process has had to do since it began, from what it counts for Prometheus."""

from typing import NamedTuple

from prometheus_client import REGISTRY

from augury.api.metrics import request_buckets


class Requests(NamedTuple):
    """Requests that have ended here; latencies are the limits of buckets, in seconds."""

    total: int
    failed: int
    latencies: tuple[float | None, ...]


def requests_so_far(shares: tuple[float, ...]) -> Requests:
    """Return how many there were, how many were our fault, and how long shares of them took.

    A latency is nothing when there was no request, or when it is longer than the longest limit.
    """
    total, failed, buckets = 0, 0, dict[float, int]()
    for status, limits in request_buckets():
        count = max(limits.values(), default=0)
        total += count
        failed += count if status in {"5xx", "none"} else 0
        for limit, within in limits.items():
            buckets[limit] = buckets.get(limit, 0) + within
    return Requests(total, failed, tuple(_within(buckets, share * total) for share in shares))


def _within(buckets: dict[float, int], wanted: float) -> float | None:
    reached = (limit for limit in sorted(buckets) if buckets[limit] >= wanted > 0)
    found = next(reached, None)
    return None if found in (None, float("inf")) else found


def process_value(name: str) -> float | None:
    """Return what the system says of this process, or nothing where it does not (not Linux)."""
    return REGISTRY.get_sample_value(f"process_{name}")
