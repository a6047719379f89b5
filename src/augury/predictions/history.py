"""Predictions, sold or on their way in the background: one, or a page, always of one customer."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, case, null, select

from augury.kit.clock import rfc3339
from augury.kit.db import Database, ReadTx
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.kit.texts import texts
from augury.ledger import history as ledger
from augury.ledger.history import Movement
from augury.predictions.bought import places_of
from augury.predictions.periods import within
from augury.predictions.schemas import (
    Charge,
    Failure,
    PredictionAnswer,
    PredictionDetails,
    PredictionPage,
)
from augury.predictions.tables import jobs, predictions

# Lists show the outputs of small predictions only: 200 of 1000 rows would be tens of megabytes.
_MOST_ROWS_LISTED = 10
_SHOWN = (
    "id",
    "status",
    "model",
    "version",
    "rows",
    "price",
    "warnings",
    "created_at",
    "expired_at",
)
_SUCCEEDED = "succeeded"


def _columns(table: Table, *more: Any) -> list[Any]:
    """Return what is shown of either table; what a table does not have is null."""
    others = ("completed_at", "transfer_id", "error", "language")
    absent = [null().label(name) for name in others if name not in table.c]
    present = [table.c[name] for name in (*_SHOWN, *others) if name in table.c]
    return [*present, *absent, *more]


_NO_OUTPUTS = null().label("outputs")
_OUTPUTS_LISTED = case(
    (predictions.c.rows <= _MOST_ROWS_LISTED, predictions.c.outputs), else_=null()
).label("outputs")
_ANSWERED = {
    jobs: select(*_columns(jobs, _NO_OUTPUTS)),
    predictions: select(*_columns(predictions, predictions.c.outputs)),
}
_LISTED = {
    jobs: _ANSWERED[jobs],
    predictions: select(*_columns(predictions, _OUTPUTS_LISTED)),
}


def find(db: Database, user_id: str, prediction_id: str) -> PredictionDetails:
    """Return a customer's prediction with its inputs; somebody else's raises `NotFound`."""
    if not is_id(prediction_id):
        raise NotFound
    with db.read() as tx:
        row = None
        for table, statement in _ANSWERED.items():
            mine = (table.c.id == prediction_id) & (table.c.user_id == user_id)
            row = row or tx.execute(statement.add_columns(table.c.inputs).where(mine)).first()
        if row is None:
            raise NotFound
        charges = _charges(tx, [row])
    return PredictionDetails(**_members(row, charges), inputs=msgspec.Raw(row.inputs.encode()))  # type: ignore[arg-type]


def answers(tx: ReadTx, prediction_ids: list[str]) -> dict[str, PredictionAnswer]:
    """Return predictions by id: each as it was answered when it was sold, or as its job stands."""
    # A job becomes a prediction and never the reverse: whoever looks in this order misses none.
    rows = [
        row
        for table in (jobs, predictions)
        for row in tx.execute(_ANSWERED[table].where(table.c.id.in_(prediction_ids)))
    ]
    charges = _charges(tx, rows)
    return {row.id: PredictionAnswer(**_members(row, charges)) for row in rows}


def find_page(
    db: Database,
    user_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    model: str | None = None,
    status: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> PredictionPage:
    """Return a page of a customer's predictions, newest first; moments are in microseconds."""
    position = position_of(cursor, is_id)

    def chosen(table: Table) -> Select[Any]:
        statement = (
            _LISTED[table]
            .where(table.c.user_id == user_id)
            .order_by(table.c.id.desc())
            .limit(limit + 1)
        )
        if position is not None:
            statement = statement.where(table.c.id < position)
        if model is not None:
            statement = statement.where(table.c.model == model)
        if status is not None:
            statement = statement.where(table.c.status == status)
        return statement.where(*within(table, since, until))

    tables = [predictions] if status == _SUCCEEDED else [jobs] if status else [jobs, predictions]
    with db.read() as tx:
        found = []
        for table in tables:
            if table is predictions and model is not None:
                found += _where_bought(tx, chosen(table), user_id, model, limit + 1)
            else:
                found += tx.execute(chosen(table))
        found.sort(key=lambda row: str(row.id), reverse=True)
        rows, following = page(found[: limit + 1], limit, lambda row: str(row.id))
        charges = _charges(tx, rows)
    return PredictionPage([PredictionAnswer(**_members(row, charges)) for row in rows], following)


def _where_bought(
    tx: ReadTx, statement: Select[Any], user_id: str, model: str, most: int
) -> list[Row[Any]]:
    """Return the first rows of a statement about one model, looking only where some can be."""
    rows: list[Row[Any]] = []
    for place in places_of(tx, user_id, model):
        rows += tx.execute(statement.where(place))
        if len(rows) >= most:
            break
    return rows


def _charges(tx: ReadTx, rows: Sequence[Row[Any]]) -> dict[str, Movement]:
    paid = [row.transfer_id for row in rows if row.transfer_id is not None]
    return ledger.movements_by_id(tx, paid) if paid else {}


def _members(row: Row[Any], charges: dict[str, Movement]) -> dict[str, Any]:
    charge = None
    if row.transfer_id is not None:
        paid = charges[row.transfer_id]
        # Not the movement's own amount: a capture takes what its hold had set aside before.
        charge = Charge(paid.id, row.price, paid.balance_after)
    return {
        "id": row.id,
        "status": row.status,
        "model": row.model,
        "version": row.version,
        "rows": row.rows,
        "price": row.price,
        "outputs": None if row.outputs is None else msgspec.Raw(row.outputs.encode()),
        "warnings": msgspec.Raw(row.warnings.encode()),
        "charge": charge,
        "error": None if row.error is None else failure(row.error, row.language),
        "created_at": rfc3339(row.created_at),
        "completed_at": None if row.completed_at is None else rfc3339(row.completed_at),
        "expired_at": None if row.expired_at is None else rfc3339(row.expired_at),
    }


def failure(code: str, language: str) -> Failure:
    """Return why a prediction failed, with a sentence for people."""
    return Failure(code, texts("api", language).text(f"failure.{code}"))
