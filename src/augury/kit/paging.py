"""Keyset paging: a cursor names the last item of a page, so a page costs the same at any depth."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from augury.kit.errors import invalid

Item = TypeVar("Item")

MOST_PER_PAGE = 200
USUAL_PER_PAGE = 20


def cursor_of(position: str) -> str:
    """Return the opaque cursor for a position."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def position_of(cursor: str | None, form: Callable[[str], bool]) -> str | None:
    """Return the position a cursor names, or raise `InvalidInput` unless it has the right form."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        position = ""
    if not form(position):
        raise invalid("/cursor", "fault.cursor")
    return position


def page(
    found: Sequence[Item], limit: int, position: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """Return one page and the cursor of the next, from up to `limit + 1` items that were found."""
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_of(position(found[limit - 1]))
