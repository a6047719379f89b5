"""What administrators are told: load, popularity, revenue, and whether the books are right."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, field

from augury.client.admin_audit import Finding
from augury.client.answers import Money
from augury.client.connection import Connection, StageTold, present

# Until a duty has added up the hours of before, sales are read one by one.
_SALES_SECONDS: Final = 120.0


class Latency(Struct, frozen=True):
    """Within how many milliseconds shares of them were done; None without any."""

    p50: float | None
    p95: float | None
    p99: float | None


class ModelSales(Struct, frozen=True, kw_only=True):
    """What was sold of a model; `revenue` is in credits."""

    model: str
    predictions: int
    rows: int
    revenue: int
    failures: int
    latency_ms: Latency
    # None unless they were asked for.
    customers: int | None = None


class ModelSalesList(Struct, frozen=True, kw_only=True):
    """Models, the most popular first, in whole hours from `since` to `until`."""

    since: datetime = field(name="from")
    until: datetime = field(name="to")
    items: tuple[ModelSales, ...]


class Queue(Struct, frozen=True):
    """Work of one kind in the background; `due` waits for a worker, `running` has one."""

    unfinished: int
    due: int
    running: int
    oldest_seconds: float


class Process(Struct, frozen=True, kw_only=True):
    """The API process that answered; there may be others."""

    pid: int
    started_at: datetime | None
    cpu_seconds: float | None
    memory_bytes: int | None
    requests: int
    requests_failed: int
    latency_ms: Latency


class WorkingProcess(Struct, frozen=True, kw_only=True):
    """A process that works in the background: `embedded`, `apart` or `rung`."""

    id: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime


class LoadNow(Struct, frozen=True, kw_only=True):
    """Queues, workers and a process as they are now."""

    queues: Mapping[str, Queue]
    deliveries_due: Mapping[str, int]
    workers: tuple[WorkingProcess, ...]
    process: Process


class Load(LoadNow, frozen=True, kw_only=True):
    """The same, and the sales of a time."""

    since: datetime = field(name="from")
    until: datetime = field(name="to")
    predictions: int
    rows: int
    failures: int
    latency_ms: Latency


class TimeStep(Struct, frozen=True, kw_only=True):
    """What was ordered in an hour or a day (UTC); `revenue` is in credits."""

    begins_at: datetime
    predictions: int
    rows: int
    revenue: int
    failures: int
    latency_ms: Latency


class Timeline(Struct, frozen=True, kw_only=True):
    """Hours or days, the oldest first; those in which nothing was ordered are left out."""

    since: datetime = field(name="from")
    until: datetime = field(name="to")
    step: str
    items: tuple[TimeStep, ...]


class Readiness(Struct, frozen=True):
    """What cannot answer: models on sale, and whether workers can be rung."""

    unavailable: tuple[str, ...]
    broker: str


class LedgerAudit(Struct, frozen=True, kw_only=True):
    """What an audit of the books saw."""

    started_at: datetime
    seconds: float
    is_right: bool
    accounts: int
    transfers: int
    credits_with_customers: int
    counterparties: Mapping[str, int]
    findings: tuple[Finding, ...]


class SoldBy(Struct, frozen=True, kw_only=True):
    """What a provider has sold in a currency, and what of it went back."""

    provider: str
    top_ups: int
    credits: int
    money: Money
    refunded_credits: int
    refunded: Money


class GivenCredits(Struct, frozen=True):
    """What customers were given, and what was taken from them, without a payment."""

    count: int
    given: int
    taken: int


class LedgerOverview(Struct, frozen=True, kw_only=True):
    """All credits of the house: what came in, what is there, and what was spent."""

    at: datetime
    accounts: int
    in_circulation: int
    held: int
    spent: int
    given_back: int
    sold: int
    sold_back: int
    promotions: GivenCredits
    adjustments: GivenCredits
    by_provider: tuple[SoldBy, ...]


class Setting(Struct, frozen=True, kw_only=True):
    """A setting of the house; a secret has no value, only whether there is one."""

    name: str
    value: str | None
    is_secret: bool
    is_set: bool
    origin: str
    about: str


class SettingList(Struct, frozen=True):
    """Every setting."""

    items: tuple[Setting, ...]


class AnalyticsCalls:
    """The part of a client that reads what administrators are told."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def model_sales(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        with_customers: bool = False,
    ) -> ModelSalesList:
        """Return what was sold of each model; the last 30 days unless moments are given.

        To count customers takes longer: every prediction of the time is read.
        """
        query = _between(since, until) | ({"customers": "true"} if with_customers else {})
        return self._connection.call(
            "GET",
            "/v1/admin/analytics/models",
            ModelSalesList,
            params=query,
            timeout=_SALES_SECONDS,
        )

    def timeline(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        step: Literal["hour", "day"] = "hour",
        model: str | None = None,
    ) -> Timeline:
        """Return what was sold hour by hour, or day by day; of the last day unless told."""
        query = _between(since, until) | present({"step": step, "model": model})
        return self._connection.call(
            "GET", "/v1/admin/analytics/timeline", Timeline, params=query, timeout=_SALES_SECONDS
        )

    def load_now(self) -> LoadNow:
        """Return what waits and who works on it; this may be asked every few seconds."""
        return self._connection.call("GET", "/v1/admin/analytics/now", LoadNow)

    def readiness(self) -> Readiness:
        """Return what cannot answer now; ApiError `not_ready` when nothing can."""
        return self._connection.call("GET", "/readyz", Readiness)

    def load(self, since: datetime | None = None, until: datetime | None = None) -> Load:
        """Return what the house has to do; sales of the last day unless moments are given."""
        return self._connection.call(
            "GET", "/v1/admin/analytics/load", Load, params=_between(since, until)
        )

    def ledger_overview(self) -> LedgerOverview:
        """Return how many credits there are, and where they came from."""
        return self._connection.call(
            "GET", "/v1/admin/ledger/overview", LedgerOverview, timeout=_SALES_SECONDS
        )

    def settings(self) -> tuple[Setting, ...]:
        """Return how the house is set up, secrets masked."""
        return self._connection.call("GET", "/v1/admin/settings", SettingList).items

    def audit_ledger(self, *, tell: StageTold | None = None) -> LedgerAudit:
        """Return what deriving all balances again found; takes minutes with millions of sales.

        `tell` hears of the stages `transfers`, `sales` and `events`.
        """
        return self._connection.follow("/v1/admin/ledger/audit/events", LedgerAudit, tell)


def _between(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    moments = {"from": since, "to": until}
    return {name: moment.isoformat() for name, moment in moments.items() if moment is not None}
