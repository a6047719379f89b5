"""Moments in queries: `from` and `to`, RFC 3339, UTC when no offset is given."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, overload

from fastapi import Query

Since = Annotated[datetime | None, Query(alias="from", description="At this moment or later.")]
Until = Annotated[datetime | None, Query(alias="to", description="Before this moment.")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


@overload
def microseconds(moment: datetime) -> int: ...
@overload
def microseconds(moment: None) -> None: ...
@overload
def microseconds(moment: datetime | None) -> int | None: ...
def microseconds(moment: datetime | None) -> int | None:
    """Return a moment in microseconds since 1970; one that no clock of ours shows is the nearest.

    An offset can push the first and the last year out of what `datetime` itself can show.
    """
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - _EPOCH) // timedelta(microseconds=1), 0), _LAST)
