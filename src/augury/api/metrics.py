"""`/metrics`: what the frame counts, what the house looks like, and who may read it."""

import hmac
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from fastapi import Request
from prometheus_client import Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from augury.bootstrap import House
from augury.inference.drift import LEVELS
from augury.kit.errors import Forbidden, LedgerUnavailable
from augury.kit.metrics import SECONDS_BUCKETS, gauge, is_local
from augury.ledger.held import count_holds
from augury.notices.backlog import due_deliveries
from augury.predictions.backlog import backlogs
from augury.predictions.drift import drifted
from augury.predictions.workers import KINDS, live
from augury.settings import Settings
from augury.users.tokens import Unauthenticated

_REQUESTS: Final = Histogram(
    "augury_request_seconds",
    "Requests, from the first byte of the head to the last of the answer",
    ["method", "route", "status"],
    buckets=SECONDS_BUCKETS,
)
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
# Looking a child up takes longer than counting.
_children: dict[tuple[str, str, int], Histogram] = {}
# What scrapers of several machines ask in the same moment is looked up once.
_FRESH_SECONDS: Final = 3.0


def count_request(scope: Mapping[str, Any], door: str | None, status: int, seconds: float) -> None:
    """Count a request that has ended, at one of the frame's doors or where the router sent it.

    A status of 0 says that nothing was answered.
    """
    key = (scope["method"], door or _route(scope), status // 100)
    child = _children.get(key)
    if child is None:
        method, route, hundred = key
        known = method if method in _METHODS else "other"
        child = _REQUESTS.labels(known, route, f"{hundred}xx" if hundred else "none")
        if known == method:  # else there is no end to what callers can invent
            _children[key] = child
    child.observe(seconds)


def request_buckets() -> Iterator[tuple[str, dict[float, int]]]:
    """Yield for each kind of request its status, and how many took at most so many seconds."""
    for family in _REQUESTS.collect():
        kinds: dict[tuple[str, ...], dict[float, int]] = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                kind = tuple(sample.labels[name] for name in ("status", "method", "route"))
                kinds.setdefault(kind, {})[float(sample.labels["le"])] = int(sample.value)
        yield from ((kind[0], limits) for kind, limits in kinds.items())


def _route(scope: Mapping[str, Any]) -> str:
    """Return the template of the address, which the router leaves behind."""
    found = scope.get("route")
    return "none" if found is None else found.path


def require_access(request: Request, settings: Settings) -> None:
    """Refuse who may not read the metrics.

    With a token, it decides alone. Without, a request must come from this machine, and not for
    somebody else: what a proxy hands on has come from anywhere.
    """
    token = settings.metrics_token.get_secret_value()
    if token:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        given = sent.strip() if scheme.lower() == "bearer" else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise Unauthenticated
    elif settings.metrics == "loopback" and not is_local(request.scope):
        raise Forbidden


class HouseView(Collector):
    """What a house looks like at the moment: its models, and what its database knows.

    Several processes on one database tell the same of it: take the largest, not the sum.
    """

    def __init__(self, house: House) -> None:
        """Prepare; nothing is looked at before somebody asks."""
        self._house = house
        self._looking = threading.Lock()
        self._looked_at = -_FRESH_SECONDS
        self._known: list[Metric] = []

    def describe(self) -> list[Metric]:
        """Return nothing: to be registered is no reason to ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; those from the database are left out while it cannot be reached."""
        catalogue = self._house.shop.catalogue
        missing = catalogue.unavailable()
        names = [offer.version.model for offer in catalogue.champions()]
        able = (([name], name not in missing) for name in names)
        yield gauge("model_available", "Whether the champion can answer here", able, "model")
        yield from self._from_database()

    def _from_database(self) -> list[Metric]:
        with self._looking:
            if time.monotonic() - self._looked_at >= _FRESH_SECONDS:
                try:
                    self._known = [_reachable(1), *self._look()]
                except LedgerUnavailable:
                    self._known = [_reachable(0)]
                self._looked_at = time.monotonic()
            return self._known

    def _look(self) -> list[Metric]:
        champions = [
            (offer.version.model, offer.version.version)
            for offer in self._house.shop.catalogue.champions()
        ]
        with self._house.db.read() as tx:
            queues, holds = backlogs(tx), count_holds(tx)
            deliveries, drifts = due_deliveries(tx), drifted(tx, champions)
            there = Counter(one.kind for one in live(tx))
        due = (([kind], queue.due) for kind, queue in queues.items())
        unfinished = (([kind], queue.unfinished) for kind, queue in queues.items())
        oldest = (([kind], queue.oldest_seconds) for kind, queue in queues.items())
        waiting = (([channel], count) for channel, count in deliveries.items())
        columns = (
            ([model, level], drifts.get((model, level), 0))
            for model, _ in champions
            for level in LEVELS
        )
        return [
            gauge("jobs_due", "Work that waits for a worker", due, "kind"),
            gauge("jobs_unfinished", "Work that is not finished", unfinished, "kind"),
            gauge("jobs_oldest_seconds", "Since when the oldest was ordered", oldest, "kind"),
            gauge("workers", "Processes that work", (([k], there[k]) for k in KINDS), "kind"),
            gauge("holds_open", "Holds that are not resolved", [((), holds.open)]),
            gauge("holds_overdue", "Holds past their end by a minute", [((), holds.overdue)]),
            gauge("deliveries_due", "Webhooks and e-mails to be sent", waiting, "channel"),
            gauge("drift_columns", "Columns of the champion", columns, "model", "level"),
        ]


def _reachable(value: Literal[0, 1]) -> GaugeMetricFamily:
    return gauge("database_up", "Whether the database answered just now", [((), value)])
