"""The till: one durable transaction in which credits leave and outputs are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, insert_rows
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, Posted, Refused, Replayed
from augury.ledger.refusals import refusal_of
from augury.predictions import history
from augury.predictions.schemas import Charge, PredictionAnswer
from augury.predictions.tables import predictions


@dataclass(frozen=True, slots=True)
class Order:
    """A prediction that is made and waits to be paid: its charge, and its row but for the end."""

    charge: Instruction
    prediction: dict[str, Any]


# A sale that is new, or the replay of an earlier one.
Sold = tuple[PredictionAnswer, bool]


def sell(db: Database, orders: Sequence[Order]) -> list[Sold | Exception]:
    """Charge and store many orders in one commit; return the sale or the refusal of each."""
    with db.write() as tx:
        outcomes = ledger.post(tx, [order.charge for order in orders])
        completed_at = now()
        rows = [
            {**order.prediction, "completed_at": completed_at}
            for order, outcome in zip(orders, outcomes, strict=True)
            if isinstance(outcome, Posted)
        ]
        insert_rows(tx, predictions, rows)
        poor = {
            order.charge.account_id
            for order, outcome in zip(orders, outcomes, strict=True)
            if outcome is Refused.INSUFFICIENT_CREDITS
        }
        balances = ledger.balances(tx, poor) if poor else {}
    replayed = [outcome.reference for outcome in outcomes if isinstance(outcome, Replayed)]
    stored = stored_answers(db, replayed)
    results: list[Sold | Exception] = []
    for order, outcome in zip(orders, outcomes, strict=True):
        if isinstance(outcome, Posted):
            results.append((_answer(order.prediction, outcome, completed_at), False))
        elif isinstance(outcome, Replayed):
            results.append((stored[outcome.reference], True))
        else:
            available = balances.get(order.charge.account_id, Balance()).available
            required = order.charge.amount
            results.append(refusal_of(outcome, required=required, available=available))
    return results


def stored_answers(db: Database, prediction_ids: Sequence[str]) -> dict[str, PredictionAnswer]:
    """Return predictions that were sold before, by id, as they were answered then."""
    if not prediction_ids:
        return {}
    with db.read() as tx:
        return history.answers(tx, list(prediction_ids))


def _answer(row: dict[str, Any], paid: Posted, completed_at: int) -> PredictionAnswer:
    return PredictionAnswer(
        id=row["id"],
        status=row["status"],
        model=row["model"],
        version=row["version"],
        rows=row["rows"],
        price=row["price"],
        outputs=msgspec.Raw(row["outputs"].encode()),  # type: ignore[arg-type]
        warnings=msgspec.Raw(row["warnings"].encode()),  # type: ignore[arg-type]
        charge=Charge(paid.transfer_id, paid.amount, paid.available),
        created_at=rfc3339(row["created_at"]),
        completed_at=rfc3339(completed_at),
    )
