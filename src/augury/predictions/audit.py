"""The audit of the sales: every charge has its result, and every result its charge.

And every hold for a prediction in the background is that of a job that is not finished.
"""

from typing import Any

from sqlalchemy import select, text

from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.ledger.audit import SWEEP_SECONDS, Report, entries, open_holds
from augury.ledger.core import TransferType
from augury.predictions.tables import UNFINISHED, jobs, predictions

_ROWS_AT_ONCE = 5_000


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between predictions, jobs and the journal."""
    _audit_sales(tx, report)
    _audit_jobs(tx, report)


def _audit_sales(tx: ReadTx, report: Report) -> None:
    paid = entries(tx, TransferType.CHARGE, TransferType.CAPTURE)
    charge = next(paid, None)
    sold = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(
            predictions.c.id,
            predictions.c.user_id,
            predictions.c.price,
            predictions.c.transfer_id,
        ).order_by(predictions.c.transfer_id)
    )
    for prediction in sold:
        while charge is not None and charge.id < prediction.transfer_id:
            report.add("charge_without_prediction", charge.id, "nothing is stored for it")
            charge = next(paid, None)
        if charge is None or charge.id != prediction.transfer_id:
            report.add("prediction_without_charge", prediction.id, "nobody paid for it")
            continue
        told = (prediction.id, prediction.user_id, prediction.price)
        if (charge.reference, charge.account_id, -charge.posted) != told:
            report.add("charge_differs", prediction.id, "its charge names another sale or price")
        charge = next(paid, None)
    while charge is not None:
        report.add("charge_without_prediction", charge.id, "nothing is stored for it")
        charge = next(paid, None)


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
