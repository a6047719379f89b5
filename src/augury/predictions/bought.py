"""Which models a customer bought in which months: what a filter by model may pass over.

An index for this filter would be written by every sale. Instead a duty notes, once an hour can
change no more, between which identifiers each customer's predictions of each model lie, month by
month. A filter looks there, and at what is not noted yet. See decision 42.
"""

import threading
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select, text, update

from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, ReadTx
from augury.kit.ids import first_id
from augury.predictions.closing import HOUR, PATIENCE, hour_of, next_hour
from augury.predictions.periods import EARLIER, within
from augury.predictions.tables import bought_months, bought_state, predictions

DAY = 24 * HOUR
_ROWS_AT_ONCE = 1_000
_PAUSE_SECONDS = 0.01
_NOTED = text(
    "INSERT INTO bought_months (user_id, model, month, first_id, last_id)"
    " VALUES (:user_id, :model, :month, :first_id, :last_id)"
    " ON CONFLICT (user_id, model, month) DO UPDATE SET"
    " first_id = CASE WHEN excluded.first_id < bought_months.first_id"
    " THEN excluded.first_id ELSE bought_months.first_id END,"
    " last_id = CASE WHEN excluded.last_id > bought_months.last_id"
    " THEN excluded.last_id ELSE bought_months.last_id END"
)


def note_bought(db: Database, stop: threading.Event) -> int:
    """Note what was bought in hours that can change no more; return in how many steps.

    A step is what is left of a day. Safe to repeat.
    """
    noted = 0
    while not stop.is_set():
        with db.read() as tx:
            begun = _up_to(tx)
            hour = next_hour(tx, begun)
            end = hour_of(now() - PATIENCE)
            if hour is None or hour >= end:
                break
            end = min(end, hour - hour % DAY + DAY)
            rows = _bought(tx, hour, end)
        # Noted twice is noted once, so a step need not be one transaction, which sales wait for.
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            with db.write() as tx:
                tx.execute(_NOTED, rows[start : start + _ROWS_AT_ONCE])
        mine = update(bought_state).where(bought_state.c.up_to == begun)
        with db.write() as tx:
            if not tx.execute(mine.values(up_to=end)).rowcount:
                break  # another process was first
        noted += 1
        stop.wait(_PAUSE_SECONDS)
    return noted


def places_of(tx: ReadTx, user_id: str, model: str) -> list[ColumnElement[bool]]:
    """Return where a customer's predictions of a model are: ranges of identifiers, newest first.

    They do not overlap, and outside of them there are none.
    """
    months = select(bought_months.c.first_id, bought_months.c.last_id).where(
        bought_months.c.user_id == user_id, bought_months.c.model == model
    )
    # The place first: what is noted meanwhile is looked for twice, and never missed.
    open_from = first_id(max(_up_to(tx) - EARLIER, 0))
    noted = sorted(((str(first), str(last)) for first, last in tx.execute(months)), reverse=True)
    found: list[tuple[str, str | None]] = [(open_from, None)]
    for first, last in noted:
        later_first, later_last = found[-1]
        # Identifiers of two months may overlap by the time that a model takes.
        if last >= later_first:
            found[-1] = (min(first, later_first), later_last)
        else:
            found.append((first, last))
    return [_between(first, last) for first, last in found]


def _between(first: str, last: str | None) -> ColumnElement[bool]:
    since = predictions.c.id >= first
    return since if last is None else since & (predictions.c.id <= last)


def _up_to(tx: ReadTx) -> int:
    return int(tx.execute(select(bought_state.c.up_to)).scalar_one())


def _bought(tx: ReadTx, since: int, until: int) -> list[dict[str, Any]]:
    month = rfc3339(since)[: len("2026-03")]
    # PostgreSQL knows no least of its own identifiers.
    id_ = cast(predictions.c.id, String(36))
    lot = (
        select(
            predictions.c.user_id,
            predictions.c.model,
            func.min(id_).label("first_id"),
            func.max(id_).label("last_id"),
        )
        .where(*within(predictions, since, until))
        .group_by(predictions.c.user_id, predictions.c.model)
        # Two processes write their rows in one order, and never wait for each other in a circle.
        .order_by(predictions.c.user_id, predictions.c.model)
    )
    return [{**row, "month": month} for row in tx.execute(lot).mappings()]
