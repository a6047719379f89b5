"""The audit of batches in themselves: what they took is what their chunks were worth."""

from typing import Any

from sqlalchemy import Integer, Row, case, cast, func, select

from augury.kit.db import ReadTx
from augury.ledger.audit import Report
from augury.predictions.tables import batch_chunks, batches

_ROWS_AT_ONCE = 1_000
_ENDED = ("succeeded", "failed", "cancelled")
_PAYING = ("succeeded", "cancelled")


def audit(tx: ReadTx, report: Report) -> None:
    """Add to a report every batch whose price, counters and chunks do not fit together."""
    done = case((batch_chunks.c.status == "done", 1), else_=0)
    sums = (
        select(
            batch_chunks.c.batch_id,
            func.count().label("chunks"),
            cast(func.sum(batch_chunks.c.rows), Integer).label("rows"),
            cast(func.sum(done), Integer).label("chunks_done"),
            cast(func.sum(batch_chunks.c.rows_done), Integer).label("rows_done"),
            cast(func.sum(batch_chunks.c.rows_failed), Integer).label("rows_failed"),
            cast(
                func.sum(
                    case(
                        (done == 0, 0),
                        (batch_chunks.c.part_digest.is_(None), 1),
                        (
                            batch_chunks.c.rows_done + batch_chunks.c.rows_failed
                            != batch_chunks.c.rows,
                            1,
                        ),
                        else_=0,
                    )
                ),
                Integer,
            ).label("odd"),
        )
        .group_by(batch_chunks.c.batch_id)
        .subquery()
    )
    names = ("chunks", "rows", "chunks_done", "rows_done", "rows_failed", "odd")
    found = tx.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        select(
            batches,
            *(func.coalesce(sums.c[name], 0).label(f"sum_of_{name}") for name in names),
        )
        .outerjoin(sums, sums.c.batch_id == batches.c.id)
        .order_by(batches.c.id)
    )
    for batch in found:
        _check_price(batch, report)
        if batch.purged_at is None:
            _check_chunks(batch, report)


def _check_price(batch: Row[Any], report: Report) -> None:
    due = batch.rows_done * batch.price_per_row if batch.status in _PAYING else 0
    if batch.captured != due or (batch.transfer_id is not None) != (due > 0):
        report.add("batch_price_differs", batch.id, f"it took {batch.captured}, not {due}")
    if (batch.completed_at is not None) != (batch.status in _ENDED):
        report.add("batch_end_differs", batch.id, "its end does not fit its status")


def _check_chunks(batch: Row[Any], report: Report) -> None:
    counted = (batch.chunks, batch.rows, batch.chunks_done, batch.rows_done, batch.rows_failed)
    summed = (
        batch.sum_of_chunks,
        batch.sum_of_rows,
        batch.sum_of_chunks_done,
        batch.sum_of_rows_done,
        batch.sum_of_rows_failed,
    )
    if counted != summed:
        report.add("batch_chunks_differ", batch.id, f"its chunks have {summed}, not {counted}")
    if batch.sum_of_odd:
        report.add("batch_chunks_differ", batch.id, "a chunk is done without all of its rows")
    if batch.status == "succeeded" and batch.rows_done + batch.rows_failed != batch.rows:
        report.add("batch_rows_missing", batch.id, "not every row came to something")
