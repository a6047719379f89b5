"""The audit of the payments: every paid top-up has its credits, every refund took them back."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, func, select

from augury.kit.clock import SECOND
from augury.kit.db import ReadTx
from augury.ledger.audit import Report, entries
from augury.ledger.core import TransferType
from augury.payments.tables import refunds, top_ups

_ROWS_AT_ONCE = 5_000
_OVERDUE_SECONDS = 31 * 24 * 3600


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between payments and the journal."""
    paid = select(
        top_ups.c.transfer_id,
        top_ups.c.id,
        top_ups.c.user_id,
        top_ups.c.credits.label("posted"),
    ).where(top_ups.c.transfer_id.is_not(None))
    _match(tx, report, "top_up", paid, entries(tx, TransferType.TOP_UP))
    taken = (
        select(
            refunds.c.transfer_id,
            refunds.c.id,
            top_ups.c.user_id,
            (-refunds.c.credits).label("posted"),
        )
        .join(top_ups, top_ups.c.id == refunds.c.top_up_id)
        .where(refunds.c.transfer_id.is_not(None))
    )
    back = (entry for entry in entries(tx, TransferType.REFUND) if entry.posted < 0)
    _match(tx, report, "refund", taken, back)
    _audit_refunded(tx, report)


def _match(
    tx: ReadTx, report: Report, kind: str, statement: Any, booked: Iterator[Row[str, str, int, str]]
) -> None:
    """Walk along payments and their transfers, both in the order of the transfers' ids."""
    rows = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        statement.order_by(statement.selected_columns.transfer_id)
    )
    entry = next(booked, None)
    for row in rows:
        while entry is not None and entry.id < row.transfer_id:
            report.add(f"{kind}_without_payment", entry.id, "no payment stands behind it")
            entry = next(booked, None)
        if entry is None or entry.id != row.transfer_id:
            report.add(f"{kind}_without_transfer", row.id, "its credits never moved")
            continue
        if (entry.reference, entry.account_id, entry.posted) != (row.id, row.user_id, row.posted):
            report.add(f"{kind}_differs", row.id, "its transfer names another payment or amount")
        entry = next(booked, None)
    while entry is not None:
        report.add(f"{kind}_without_payment", entry.id, "no payment stands behind it")
        entry = next(booked, None)


def _audit_refunded(tx: ReadTx, report: Report) -> None:
    """Hold what top-ups say of their refunds against the refunds."""
    alive = refunds.c.status != "failed"
    sums = (
        select(
            refunds.c.top_up_id,
            func.sum(refunds.c.credits).label("credits"),
            func.sum(refunds.c.amount_minor).label("minor"),
        )
        .where(alive)
        .group_by(refunds.c.top_up_id)
        .subquery()
    )
    wrong = tx.execute(
        select(top_ups.c.id)
        .outerjoin(sums, sums.c.top_up_id == top_ups.c.id)
        .where(
            (top_ups.c.refunded_credits != func.coalesce(sums.c.credits, 0))
            | (top_ups.c.refunded_minor != func.coalesce(sums.c.minor, 0))
            | ((top_ups.c.status == "refunded") & (top_ups.c.refunded_credits < top_ups.c.credits))
        )
    )
    for row in wrong:
        report.add("refunded_wrong", row.id, "it does not say what its refunds add up to")
    overdue = report.moment - _OVERDUE_SECONDS * SECOND
    for row in tx.execute(
        select(refunds.c.id).where(refunds.c.status == "pending", refunds.c.created_at < overdue)
    ):
        report.add("refund_overdue", row.id, "the provider has not decided it for a month")
