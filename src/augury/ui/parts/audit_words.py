"""The audit log in words: what was done, and what it was before and is now."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from augury.ui.parts.elements import plain
from augury.ui.reader import Reader

ACTIONS: Final = (
    "sign_in.succeeded",
    "sign_in.failed",
    "session.ended",
    "user.registered",
    "user.status",
    "user.email_changed",
    "user.language",
    "user.closed",
    "password.changed",
    "password.mistaken",
    "password.reset",
    "password_reset.asked",
    "password_reset.link_made",
    "account.read",
    "api_key.created",
    "api_key.revoked",
    "balance_alert.set",
    "automatic_top_up.set",
    "automatic_top_up.removed",
    "payment_method.removed",
    "statement.exported",
    "audit_log.exported",
    "webhook_endpoint.added",
    "webhook_endpoint.enabled",
    "webhook_endpoint.removed",
    "credits.adjusted",
    "refund.requested",
    "top_up.checked",
    "voucher_batch.made",
    "voucher_batch.stopped",
    "invoice.marked_paid",
    "invoice.line_assigned",
    "invoice.paid_by_line",
    "bank_statement.imported",
    "model.described",
    "model.status",
    "price.announced",
    "version.published",
    "version.status",
    "alias.moved",
    "alias.dropped",
    "challenger.started",
    "challenger.ended",
    "outcomes.reported",
    "outcomes.imported",
    "market.imported",
    "market.removed",
)
# How events call what was and what is.
_BEFORE: Final = ("before", "from")
_NOW: Final = ("now", "to")
# Microseconds since 1970.
_MOMENTS: Final = frozenset({"begins", "expires_at", "since", "until"})
_SECOND: Final = 1_000_000
_LONGEST: Final = 300
_MOST_PARTS: Final = 20


def told_details(reader: Reader, details: Mapping[str, Any]) -> list[str]:
    """Return the details of an event, a line of Markdown each; a change as `before → now`."""
    return [f"{plain(name)}: {value}" for name, value in _lines(reader, details)]


def _lines(reader: Reader, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    was = next((name for name in _BEFORE if name in details), None)
    now = next((name for name in _NOW if name in details), None)
    if was is not None or now is not None:
        values = details.get(was or ""), details.get(now or "")
        yield reader.text("events.change"), _change(reader, *values, is_over=now is None)
    for name, value in details.items():
        if name in (was, now) or value is None:
            continue
        if isinstance(value, Mapping) and any(part in value for part in (*_BEFORE, *_NOW)):
            change = _change(
                reader,
                next((value[part] for part in _BEFORE if part in value), None),
                next((value[part] for part in _NOW if part in value), None),
            )
            yield reader.named("detail", name), change
        else:
            yield reader.named("detail", name), _said(reader, value, name)


def _change(reader: Reader, before: Any, after: Any, *, is_over: bool = False) -> str:
    told = _said(reader, before)
    return f"~~{told}~~" if is_over else f"{told} → **{_said(reader, after)}**"


def _said(reader: Reader, value: Any, name: str = "") -> str:
    if isinstance(value, Mapping):
        parts = [
            f"{plain(reader.named('detail', inner))} {_said(reader, part, inner)}"
            for inner, part in value.items()
        ]
        return ", ".join(parts[:_MOST_PARTS])
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_said(reader, part) for part in value[:_MOST_PARTS]]
        return ", ".join([*parts, "…"] if len(value) > _MOST_PARTS else parts)
    return plain(_one(reader, value, name))


def _one(reader: Reader, value: Any, name: str) -> str:
    if value is None:
        return reader.text("events.nothing")
    if isinstance(value, bool):
        return reader.text("events.yes" if value else "events.no")
    if isinstance(value, int) and name in _MOMENTS:
        return reader.moment(datetime.fromtimestamp(value / _SECOND, UTC))
    if isinstance(value, (int, float)):
        return reader.number(value)
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
