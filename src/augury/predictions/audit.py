"""The audit of the sales: every charge has its result, and every result its charge.

And every hold for work in the background is that of a job or a batch that is not finished, and a
batch has taken what its rows cost.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, Select, literal, select, text

from augury.kit.clock import SECOND
from augury.kit.db import Given, Id, ReadTx
from augury.kit.ids import is_id
from augury.ledger.audit import (
    SWEEP_SECONDS,
    Report,
    charges_by_id,
    count,
    entries,
    open_holds,
)
from augury.ledger.core import TransferType
from augury.predictions import batch_audit
from augury.predictions.tables import UNFINISHED, batches, jobs, predictions

_ROWS_AT_ONCE = 5_000


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between predictions, jobs, batches and the journal."""
    _audit_sales(tx, report)
    _audit_holds(tx, report)
    batch_audit.audit(tx, report)


def _stream(tx: ReadTx, *wanted: Select[Any], by: str) -> Iterator[Row[Any]]:
    """Yield the rows of several statements as one, in the order of a column that all have."""
    streams = [
        tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(one.order_by(by)) for one in wanted
    ]
    return merge(*streams, key=attrgetter(by))


def _audit_sales(tx: ReadTx, report: Report) -> None:
    """Look up the charge of each sale, in the order in which both were written.

    Nothing is sorted, so memory does not grow with history. When every sale has a charge of its
    own and there are as many charges, no charge is left over.
    """
    paid, wrong = 0, set()
    charged, seen = count(tx, *_PAYING), 0
    for kind, statement in _SOLD:
        for lot in _lots(tx, statement):
            report.tell("sales", seen, max(seen, charged))
            seen += len(lot)
            charges = charges_by_id(tx, [one.transfer_id for one in lot])
            for one in lot:
                charge = charges.get(one.transfer_id)
                if charge is None:
                    report.add(f"{kind}_without_charge", one.id, "nobody paid for it")
                elif charge == (one.user_id, -one.price, one.id):
                    paid += 1
                else:
                    wrong.add(one.transfer_id)
                    report.add("charge_differs", one.id, "its charge names another sale or price")
    if seen:
        report.tell("sales", seen, seen)
    if paid != charged:
        _audit_charges(tx, report, wrong)


_SOLD: list[tuple[str, Select[Any]]] = [
    (
        "prediction",
        select(
            predictions.c.id,
            predictions.c.user_id,
            predictions.c.price,
            predictions.c.transfer_id,
        ).order_by(predictions.c.id),
    ),
    (
        "batch",
        select(
            batches.c.id,
            batches.c.user_id,
            batches.c.captured.label("price"),
            batches.c.transfer_id,
        )
        .where(batches.c.transfer_id.is_not(None))
        .order_by(batches.c.id),
    ),
]
_PAYING = (TransferType.CHARGE, TransferType.CAPTURE)


def _audit_charges(tx: ReadTx, report: Report, told: set[str]) -> None:
    """Find the charges for which nothing is stored, but for those that are told of already."""
    charges = entries(tx, *_PAYING)
    while lot := list(islice(charges, _ROWS_AT_ONCE)):
        named = [(one.reference,) for one in lot if is_id(one.reference)]
        stored = {transfer_id for (transfer_id,) in _PAID_BY.run(tx, named)} | told
        for one in lot:
            if one.id not in stored:
                report.add("charge_without_prediction", one.id, "nothing is stored for it")


_PAID_BY = Given(
    """
    SELECT COALESCE(sold.transfer_id, batch.transfer_id) FROM {given}
    LEFT JOIN predictions sold ON sold.id = given.id
    LEFT JOIN batches batch ON batch.id = given.id
    """,
    id=Id,
)


def _lots(tx: ReadTx, statement: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    yield from tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).partitions()


def _audit_holds(tx: ReadTx, report: Report) -> None:
    # A person orders every other hold: that of a refund of a top-up names who.
    held = (hold for hold in open_holds(tx) if hold.actor_id is None)
    hold = next(held, None)
    unfinished = _stream(
        tx,
        select(
            literal("job").label("kind"),
            jobs.c.id,
            jobs.c.user_id,
            jobs.c.price,
            jobs.c.hold_id,
            jobs.c.deadline_at,
        ).where(text(UNFINISHED)),
        select(
            literal("batch").label("kind"),
            batches.c.id,
            batches.c.user_id,
            batches.c.held.label("price"),
            batches.c.hold_id,
            batches.c.deadline_at,
        ).where(text(UNFINISHED)),
        by="hold_id",
    )
    for work in unfinished:
        while hold is not None and hold.id < work.hold_id:
            report.add("hold_without_job", hold.id, "nothing unfinished needs it")
            hold = next(held, None)
        if hold is None or hold.id != work.hold_id:
            report.add(f"{work.kind}_without_hold", work.id, "nothing is held for it")
        else:
            _compare(work, hold, report)
            hold = next(held, None)
        if work.deadline_at <= report.moment - SWEEP_SECONDS * SECOND:
            report.add(
                f"{work.kind}_overdue", work.id, "its deadline has passed and nobody ended it"
            )
    while hold is not None:
        report.add("hold_without_job", hold.id, "nothing unfinished needs it")
        hold = next(held, None)


def _compare(work: Any, hold: Any, report: Report) -> None:
    if (hold.reference, hold.account_id, hold.amount) != (work.id, work.user_id, work.price):
        report.add(f"{work.kind}_hold_differs", work.id, "its hold names another sale or price")
    if hold.expires_at <= work.deadline_at:
        report.add(f"{work.kind}_hold_differs", work.id, "its hold ends before its deadline")
