"""Tables that administrators take away, made from what the API answers."""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import StringIO

from augury.client import AuditFilter, Client, ModelSales
from augury.kit.spreadsheets import BYTE_ORDER_MARK
from augury.ui.parts.look_back import Period

_COLUMNS = [
    *("model", "predictions", "rows", "customers", "revenue", "share", "failures"),
    *("latency_ms_p50", "latency_ms_p95", "latency_ms_p99"),
]


def sales_csv(api: Client, period: Period) -> Iterator[bytes]:
    """Yield what was sold of each model in a period, columns called as the API calls them."""
    found = api.admin.model_sales(period.since(), with_customers=True)
    total = sum(one.revenue for one in found.items)
    lines = [_COLUMNS, *([*_line(one, total)] for one in found.items)]
    written = StringIO()
    csv.writer(written).writerows(lines)
    yield (BYTE_ORDER_MARK + written.getvalue()).encode()


def wanted_of(query: Mapping[str, str]) -> AuditFilter | None:
    """Return the filter that an address asks for; None when it is none."""
    try:
        moments = {
            name: datetime.fromisoformat(query[name]) for name in ("from", "to") if name in query
        }
    except ValueError:
        return None
    return AuditFilter(
        action=query.get("action"),
        subject=query.get("subject"),
        actor_id=query.get("actor_id"),
        request_id=query.get("request_id"),
        since=moments.get("from"),
        until=moments.get("to"),
    )


def _line(one: ModelSales, total: int) -> Iterator[str]:
    yield one.model
    for number in (one.predictions, one.rows, one.customers, one.revenue):
        yield str(number)
    yield f"{one.revenue / total:.4f}" if total else "0"
    yield str(one.failures)
    for latency in (one.latency_ms.p50, one.latency_ms.p95, one.latency_ms.p99):
        yield "" if latency is None else str(latency)
