"""The audit of the sales: every charge has its result, and every result its charge.

And every hold for work in the background is that of a job or a batch that is not finished, and a
batch has taken what its rows cost.
"""

from collections.abc import Iterator
from heapq import merge
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, Select, literal, select, text

from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.ledger.audit import SWEEP_SECONDS, Report, entries, open_holds
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
    paid = entries(tx, TransferType.CHARGE, TransferType.CAPTURE)
    charge = next(paid, None)
    sold = _stream(
        tx,
        select(
            literal("prediction").label("kind"),
            predictions.c.id,
            predictions.c.user_id,
            predictions.c.price,
            predictions.c.transfer_id,
        ),
        select(
            literal("batch").label("kind"),
            batches.c.id,
            batches.c.user_id,
            batches.c.captured.label("price"),
            batches.c.transfer_id,
        ).where(batches.c.transfer_id.is_not(None)),
        by="transfer_id",
    )
    for sale in sold:
        while charge is not None and charge.id < sale.transfer_id:
            report.add("charge_without_prediction", charge.id, "nothing is stored for it")
            charge = next(paid, None)
        if charge is None or charge.id != sale.transfer_id:
            report.add(f"{sale.kind}_without_charge", sale.id, "nobody paid for it")
            continue
        told = (sale.id, sale.user_id, sale.price)
        if (charge.reference, charge.account_id, -charge.posted) != told:
            report.add("charge_differs", sale.id, "its charge names another sale or price")
        charge = next(paid, None)
    while charge is not None:
        report.add("charge_without_prediction", charge.id, "nothing is stored for it")
        charge = next(paid, None)


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
