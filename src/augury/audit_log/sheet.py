"""The audit log as a CSV file (RFC 4180) that spreadsheets open without being asked."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

import msgspec

from augury.audit_log.service import AuditEvent
from augury.kit.clock import rfc3339
from augury.kit.spreadsheets import BYTE_ORDER_MARK, harmless

COLUMNS = (
    "id",
    "created_at",
    "actor_id",
    "action",
    "subject",
    "details",
    "address",
    "request_id",
)


def sheet(lots: Iterable[list[AuditEvent]]) -> Iterator[bytes]:
    """Yield the file piece by piece: a heading, then every event; details are JSON."""
    yield (BYTE_ORDER_MARK + _lines([COLUMNS])).encode()
    for events in lots:
        yield _lines([_row(one) for one in events]).encode()


def _row(event: AuditEvent) -> tuple[str, ...]:
    return (
        event.id,
        rfc3339(event.created_at),
        event.actor_id or "",
        event.action,
        event.subject,
        msgspec.json.encode(event.details).decode(),
        event.address or "",
        # Callers chose it; all else begins with a letter, a digit, a colon or a brace.
        harmless(event.request_id or ""),
    )


def _lines(rows: Iterable[Iterable[str]]) -> str:
    written = StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
