"""Predictions that were sold: one, or a page of them, always of one customer."""

from typing import Any

import msgspec
from sqlalchemy import case, null, select

from augury.kit.clock import rfc3339
from augury.kit.db import Database, ReadTx
from augury.kit.errors import NotFound
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.ledger import history as ledger
from augury.ledger.history import Movement
from augury.predictions.schemas import (
    Charge,
    PredictionAnswer,
    PredictionDetails,
    PredictionPage,
)
from augury.predictions.tables import predictions

# Lists show the outputs of small predictions only: 200 of 1000 rows would be tens of megabytes.
_MOST_ROWS_LISTED = 10
_LISTED = [column for column in predictions.c if column.name not in {"inputs", "outputs"}]


def find(db: Database, user_id: str, prediction_id: str) -> PredictionDetails:
    """Return a customer's prediction with its inputs; somebody else's raises `NotFound`."""
    if not is_id(prediction_id):
        raise NotFound
    with db.read() as tx:
        row = tx.execute(
            select(predictions).where(
                predictions.c.id == prediction_id, predictions.c.user_id == user_id
            )
        ).first()
        if row is None:
            raise NotFound
        charges = ledger.movements_by_id(tx, [row.transfer_id])
    return PredictionDetails(**_members(row, charges), inputs=msgspec.Raw(row.inputs.encode()))  # type: ignore[arg-type]


def answers(tx: ReadTx, prediction_ids: list[str]) -> dict[str, PredictionAnswer]:
    """Return stored predictions by id, each as it was answered when it was sold."""
    rows = tx.execute(select(predictions).where(predictions.c.id.in_(prediction_ids))).all()
    charges = ledger.movements_by_id(tx, [row.transfer_id for row in rows])
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
    shown = case((predictions.c.rows <= _MOST_ROWS_LISTED, predictions.c.outputs), else_=null())
    statement = (
        select(*_LISTED, shown.label("outputs"))
        .where(predictions.c.user_id == user_id)
        .order_by(predictions.c.id.desc())
        .limit(limit + 1)
    )
    if position is not None:
        statement = statement.where(predictions.c.id < position)
    if model is not None:
        statement = statement.where(predictions.c.model == model)
    if status is not None:
        statement = statement.where(predictions.c.status == status)
    if since is not None:
        statement = statement.where(predictions.c.created_at >= since)
    if until is not None:
        statement = statement.where(predictions.c.created_at < until)
    with db.read() as tx:
        rows, following = page(tx.execute(statement).all(), limit, lambda row: str(row.id))
        charges = ledger.movements_by_id(tx, [row.transfer_id for row in rows])
    return PredictionPage([PredictionAnswer(**_members(row, charges)) for row in rows], following)


def _members(row: Any, charges: dict[str, Movement]) -> dict[str, Any]:
    paid = charges[row.transfer_id]
    return {
        "id": row.id,
        "status": row.status,
        "model": row.model,
        "version": row.version,
        "rows": row.rows,
        "price": row.price,
        "outputs": None if row.outputs is None else msgspec.Raw(row.outputs.encode()),
        "warnings": msgspec.Raw(row.warnings.encode()),
        "charge": Charge(paid.id, -paid.amount, paid.balance_after),
        "created_at": rfc3339(row.created_at),
        "completed_at": rfc3339(row.completed_at),
    }
