"""What every answer of the API in memory is made of."""

from datetime import UTC, datetime
from typing import Any

import httpx2

NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)


def page(items: list[dict[str, Any]], next_cursor: str | None = None) -> httpx2.Response:
    """Return one page of a list."""
    return httpx2.Response(200, json={"items": items, "next_cursor": next_cursor})


def problem(status: int, code: str, detail: str, **more: Any) -> httpx2.Response:
    """Return a refusal."""
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    return httpx2.Response(
        status, json={**body, **more}, headers={"Content-Type": "application/problem+json"}
    )
