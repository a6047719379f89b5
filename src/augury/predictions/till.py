"""The till: one durable transaction in which credits leave and outputs are stored."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, WriteTx, insert_rows
from augury.kit.errors import Refusal
from augury.ledger import service as ledger
from augury.ledger.core import (
    Balance,
    Instruction,
    Outcome,
    Posted,
    Refused,
    Replayed,
    TransferType,
)
from augury.ledger.refusals import refusal_of
from augury.notices import service as notices
from augury.notices.service import Event, EventType
from augury.predictions import allowances, history
from augury.predictions.allowances import Item
from augury.predictions.schemas import Charge, PredictionAnswer
from augury.predictions.tables import predictions


class Order(msgspec.Struct, frozen=True):
    """A prediction that is made and waits to be paid. `inputs` and the like are JSON text."""

    id: str
    user_id: str
    model: str
    version: int
    rows: int
    price: int
    inputs: str
    outputs: str
    warnings: str
    transfer_id: str
    created_at: int
    key: str | None
    fingerprint: str | None
    api_key_id: str | None = None


# A sale that is new, or the replay of an earlier one.
Sold = tuple[PredictionAnswer, bool]

SUCCEEDED: Final = "succeeded"
# What is stored when it is sold; `_row` has them in the same order.
COLUMNS = tuple(column.name for column in predictions.c if column.name != "expired_at")


def sell(db: Database, orders: Sequence[Order]) -> list[Sold | Exception]:
    """Charge and store many orders in one commit; return the sale or the refusal of each."""
    with db.write() as tx:
        outcomes = allowances.post(tx, orders, _charge)
        completed_at = now()
        rows = [
            _row(order, completed_at)
            for order, outcome in zip(orders, outcomes, strict=True)
            if isinstance(outcome, Posted)
        ]
        insert_rows(tx, predictions, COLUMNS, rows)
        # Nothing may come after the commit: whatever failed there would fail for paid sales.
        results = results_of(
            tx, orders, outcomes, lambda order, paid: _answer(order, paid, completed_at)
        )
        new = [
            (order.user_id, result[0])
            for order, result in zip(orders, results, strict=True)
            if isinstance(result, tuple) and not result[1]
        ]
        tell(tx, EventType.PREDICTION_SUCCEEDED, new)
        return results


def tell(tx: WriteTx, type_: EventType, news: Sequence[tuple[str, PredictionAnswer]]) -> None:
    """Tell those customers of their predictions who want to hear of them by webhook."""
    wanting = notices.subscribers(tx, type_, {user_id for user_id, _ in news})
    if wanting:
        events = [
            Event(type_, user_id, msgspec.structs.asdict(answer))
            for user_id, answer in news
            if user_id in wanting
        ]
        notices.publish(tx, events)


def results_of(
    tx: WriteTx,
    asked: Sequence[Item],
    outcomes: Sequence[Outcome | Refusal],
    answer: Callable[[Item, Posted], PredictionAnswer],
) -> list[Sold | Exception]:
    """Return what the ledger's outcomes mean to those who asked: an answer, a replay, a refusal."""
    both = list(zip(asked, outcomes, strict=True))
    poor = {one.user_id for one, outcome in both if outcome is Refused.INSUFFICIENT_CREDITS}
    balances = ledger.balances(tx, poor) if poor else {}
    replayed = [outcome.reference for outcome in outcomes if isinstance(outcome, Replayed)]
    stored = history.answers(tx, replayed) if replayed else {}
    results: list[Sold | Exception] = []
    for one, outcome in both:
        if isinstance(outcome, Posted):
            results.append((answer(one, outcome), False))
        elif isinstance(outcome, Replayed):
            results.append((stored[outcome.reference], True))
        elif isinstance(outcome, Refusal):
            results.append(outcome)
        else:
            available = balances.get(one.user_id, Balance()).available
            results.append(refusal_of(outcome, required=one.price, available=available))
    return results


def _charge(order: Order) -> Instruction:
    return Instruction(
        order.transfer_id,
        TransferType.CHARGE,
        order.user_id,
        order.price,
        reference=order.id,
        key=order.key,
        fingerprint=order.fingerprint,
    )


def _row(order: Order, completed_at: int) -> tuple[str | int, ...]:
    """Return the stored row, in the order of `COLUMNS`."""
    return (
        order.id,
        order.user_id,
        order.model,
        order.version,
        SUCCEEDED,
        order.rows,
        order.price,
        order.inputs,
        order.outputs,
        order.warnings,
        order.transfer_id,
        order.created_at,
        completed_at,
    )


def _answer(order: Order, paid: Posted, completed_at: int) -> PredictionAnswer:
    return PredictionAnswer(
        id=order.id,
        status=SUCCEEDED,
        model=order.model,
        version=order.version,
        rows=order.rows,
        price=order.price,
        outputs=msgspec.Raw(order.outputs.encode()),  # type: ignore[arg-type]
        warnings=msgspec.Raw(order.warnings.encode()),  # type: ignore[arg-type]
        charge=Charge(paid.transfer_id, paid.amount, paid.available),
        error=None,
        created_at=rfc3339(order.created_at),
        completed_at=rfc3339(completed_at),
        expired_at=None,
    )
