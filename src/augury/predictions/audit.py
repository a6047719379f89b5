"""The audit of the sales: every charge has its result, and every result its charge.

And every hold for a prediction in the background is that of a job that is not finished.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, select, text

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
from augury.predictions.tables import UNFINISHED, jobs, predictions

_ROWS_AT_ONCE = 5_000


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between predictions, jobs and the journal."""
    _audit_sales(tx, report)
    _audit_jobs(tx, report)


def _audit_sales(tx: ReadTx, report: Report) -> None:
    """Look up the charge of each prediction, in the order in which both were written.

    Nothing is sorted, so memory does not grow with history. When every prediction has a charge of
    its own and there are as many charges, no charge is left over.
    """
    paid, wrong = 0, set()
    for lot in _lots(tx, select(*_SOLD).order_by(predictions.c.id)):
        charges = charges_by_id(tx, [one.transfer_id for one in lot])
        for one in lot:
            charge = charges.get(one.transfer_id)
            if charge is None:
                report.add("prediction_without_charge", one.id, "nobody paid for it")
            elif charge == (one.user_id, -one.price, one.id):
                paid += 1
            else:
                wrong.add(one.transfer_id)
                report.add("charge_differs", one.id, "its charge names another sale or price")
    if paid != count(tx, *_PAYING):
        _audit_charges(tx, report, wrong)


_SOLD = [predictions.c[name] for name in ("id", "user_id", "price", "transfer_id")]
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
    "SELECT sold.transfer_id FROM {given} JOIN predictions sold ON sold.id = given.id", id=Id
)


def _lots(tx: ReadTx, statement: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    yield from tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement).partitions()


def _audit_jobs(tx: ReadTx, report: Report) -> None:
    # A person orders every other hold: that of a refund of a top-up names who.
    held = (hold for hold in open_holds(tx) if hold.actor_id is None)
    hold = next(held, None)
    unfinished = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(jobs.c.id, jobs.c.user_id, jobs.c.price, jobs.c.hold_id, jobs.c.deadline_at)
        .where(text(UNFINISHED))
        .order_by(jobs.c.hold_id)
    )
    for job in unfinished:
        while hold is not None and hold.id < job.hold_id:
            report.add("hold_without_job", hold.id, "no unfinished prediction needs it")
            hold = next(held, None)
        if hold is None or hold.id != job.hold_id:
            report.add("job_without_hold", job.id, "nothing is held for it")
        else:
            _compare(job, hold, report)
            hold = next(held, None)
        if job.deadline_at <= report.moment - SWEEP_SECONDS * SECOND:
            report.add("job_overdue", job.id, "its deadline has passed and nobody ended it")
    while hold is not None:
        report.add("hold_without_job", hold.id, "no unfinished prediction needs it")
        hold = next(held, None)


def _compare(job: Any, hold: Any, report: Report) -> None:
    if (hold.reference, hold.account_id, hold.amount) != (job.id, job.user_id, job.price):
        report.add("job_hold_differs", job.id, "its hold names another prediction or price")
    if hold.expires_at <= job.deadline_at:
        report.add("job_hold_differs", job.id, "its hold ends before its deadline")
