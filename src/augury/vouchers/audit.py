"""The audit of the vouchers: every redemption has its credits, and every counter adds up."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Select, func, select

from augury.kit.db import ReadTx
from augury.ledger.audit import Report, entries
from augury.ledger.core import TransferType
from augury.vouchers.redeem import REFERENCE
from augury.vouchers.tables import batches, redemptions, uses, vouchers

_ROWS_AT_ONCE = 5_000


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report what does not match between vouchers and the journal."""
    _audit_transfers(tx, report)
    for kind, detail, wrong in _counters():
        for (subject,) in tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(wrong):
            report.add(kind, subject, detail)


def _audit_transfers(tx: ReadTx, report: Report) -> None:
    """Walk along redemptions and their transfers, both in the order of the transfers' ids."""
    rows = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(
            redemptions.c.id,
            redemptions.c.user_id,
            redemptions.c.transfer_id,
            batches.c.credits,
        )
        .join(batches, batches.c.id == redemptions.c.batch_id)
        .order_by(redemptions.c.transfer_id)
    )
    given = _given(tx)
    gift = next(given, None)
    for row in rows:
        while gift is not None and gift.id < row.transfer_id:
            report.add("voucher_without_redemption", gift.id, "no redeemed code stands behind it")
            gift = next(given, None)
        if gift is None or gift.id != row.transfer_id:
            report.add("voucher_without_transfer", row.id, "its credits never moved")
            continue
        told = (REFERENCE + row.id, row.user_id, row.credits)
        if (gift.reference, gift.account_id, gift.posted) != told:
            report.add("voucher_differs", row.id, "its transfer names another user or amount")
        gift = next(given, None)
    while gift is not None:
        report.add("voucher_without_redemption", gift.id, "no redeemed code stands behind it")
        gift = next(given, None)


def _given(tx: ReadTx) -> Iterator[Row[str, str, int, str]]:
    return (
        entry
        for entry in entries(tx, TransferType.PROMOTION)
        if entry.reference.startswith(REFERENCE)
    )


def _counters() -> Iterator[tuple[str, str, Select[Any]]]:
    """Yield what each counter's fault is called, with the statement that finds the faulty ones."""
    by_batch = _counted("batch_id")
    yield (
        "voucher_batch_drift",
        "its redemptions are not what was taken from its limit",
        select(batches.c.id)
        .outerjoin(by_batch, by_batch.c.batch_id == batches.c.id)
        .where(batches.c.total_uses - batches.c.uses_left != func.coalesce(by_batch.c.times, 0)),
    )
    by_code = _counted("code_hash")
    yield (
        "voucher_drift",
        "its redemptions are not what was taken from its uses",
        select(vouchers.c.code_hash)
        .join(batches, batches.c.id == vouchers.c.batch_id)
        .outerjoin(by_code, by_code.c.code_hash == vouchers.c.code_hash)
        .where(batches.c.uses_per_code - vouchers.c.uses_left != func.coalesce(by_code.c.times, 0)),
    )
    by_user = _counted("batch_id", "user_id")
    same = (uses.c.batch_id == by_user.c.batch_id) & (uses.c.user_id == by_user.c.user_id)
    yield (
        "voucher_uses_drift",
        "the user's count is not that of the redemptions, or above the limit",
        select(uses.c.user_id)
        .join(batches, batches.c.id == uses.c.batch_id)
        .outerjoin(by_user, same)
        .where(
            (uses.c.uses != func.coalesce(by_user.c.times, 0))
            | (uses.c.uses > batches.c.uses_per_user)
        ),
    )
    yield (
        "voucher_uses_drift",
        "the user has redeemed and has no count",
        select(by_user.c.user_id).outerjoin(uses, same).where(uses.c.uses.is_(None)),
    )
    yield (
        "voucher_moved",
        "the code belongs to another batch",
        select(redemptions.c.id)
        .join(vouchers, vouchers.c.code_hash == redemptions.c.code_hash)
        .where(vouchers.c.batch_id != redemptions.c.batch_id),
    )


def _counted(*names: str) -> Any:
    """Return how many redemptions there are of each batch, code or user."""
    columns = [redemptions.c[name] for name in names]
    return select(*columns, func.count().label("times")).group_by(*columns).subquery()
