"""The predictions of a time, found by their identifiers: there is no index by moment."""

from sqlalchemy import ColumnElement, Table

from augury.kit.clock import SECOND
from augury.kit.ids import first_id

# An identifier is born when the model has answered, after the moment at which the request came;
# and clocks are set.
EARLIER = 60 * SECOND
_LATER = 600 * SECOND


def within(table: Table, since: int | None, until: int | None) -> list[ColumnElement[bool]]:
    """Return the condition for rows made from a moment on and before another (microseconds).

    Identifiers sort by time of birth, so what lies outside is not even looked at.
    """
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions += [table.c.created_at >= since, table.c.id >= first_id(since - EARLIER)]
    if until is not None:
        conditions += [table.c.created_at < until, table.c.id < first_id(until + _LATER)]
    return conditions
