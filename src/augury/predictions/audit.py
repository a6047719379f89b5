"""The audit of the sales: every charge has its result, and every result its charge."""

from sqlalchemy import select

from augury.kit.db import ReadTx
from augury.ledger.audit import Report, entries
from augury.ledger.core import TransferType
from augury.predictions.tables import predictions

_ROWS_AT_ONCE = 5_000


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between predictions and the journal."""
    paid = entries(tx, TransferType.CHARGE)
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
