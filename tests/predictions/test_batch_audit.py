"""The audit of batches: clean after every way to end, and every planted damage is found."""

import pytest
from sqlalchemy import text

from augury.bootstrap import audit_books
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.predictions.batch_outcomes import cancel, fail, finish
from support.batches import claimed, made, placed
from support.jobs import customer, ordered


@pytest.fixture
def books(db: Database) -> Database:
    """Batches in every state, and a job among them."""
    anna = customer(db, 10_000)
    for _ in range(2):
        placed(db, anna, 2)
        for _ in range(2):
            chunk = claimed(db)
            assert finish(db, chunk, made(chunk, 1))
    id_ = placed(db, anna, 2)
    assert finish(db, chunk := claimed(db), made(chunk))
    cancel(db, anna, id_)
    placed(db, anna)
    assert fail(db, claimed(db), "model_failed")
    ordered(db, anna)
    placed(db, anna, 2)
    assert finish(db, chunk := claimed(db), made(chunk))
    placed(db, anna, 3)
    return db


def kinds(db: Database) -> set[str]:
    with db.read() as tx:
        return {found.kind for found in audit_books(tx).findings}


_SUCCEEDED = "status = 'succeeded'"
_QUEUED = "status = 'queued'"
_DAMAGE = {
    "a batch that is lost": (f"DELETE FROM batches WHERE {_SUCCEEDED}", "charge_without_prediction"),
    "an unfinished batch that is lost": (f"DELETE FROM batches WHERE {_QUEUED}", "hold_without_job"),
    "another price": ("UPDATE batches SET captured = captured + 1 WHERE captured > 0", "charge_differs"),
    "another price of a row": (f"UPDATE batches SET price_per_row = 9 WHERE {_SUCCEEDED}", "batch_price_differs"),
    "rows that nobody paid for": (f"UPDATE batches SET rows_done = rows_done - 1 WHERE {_SUCCEEDED}", "batch_price_differs"),
    "a failure that took something": ("UPDATE batches SET captured = 5 WHERE status = 'failed'", "batch_price_differs"),
    "a capture that is not the batch's": (f"UPDATE batches SET transfer_id = '{new_id()}' WHERE {_SUCCEEDED}", "batch_without_charge"),
    "a sale of somebody else": (f"UPDATE batches SET user_id = '{new_id()}' WHERE {_SUCCEEDED}", "charge_differs"),
    "an unfinished batch without a hold": (f"UPDATE batches SET hold_id = '{new_id()}' WHERE {_QUEUED}", "batch_without_hold"),
    "less held than it can cost": (f"UPDATE batches SET held = 1 WHERE {_QUEUED}", "batch_hold_differs"),
    "a hold that ends too early": (f"UPDATE batches SET deadline_at = {2**60} WHERE {_QUEUED}", "batch_hold_differs"),
    "a deadline that was missed": (f"UPDATE batches SET deadline_at = {now() - 3600 * SECOND} WHERE {_QUEUED}", "batch_overdue"),
    "an end that did not free the hold": (f"UPDATE batches SET status = 'failed', completed_at = 1 WHERE {_QUEUED}", "hold_without_job"),
    "a lost chunk": ("DELETE FROM batch_chunks WHERE number = 1", "batch_chunks_differ"),
    "a chunk that is done and not counted": ("UPDATE batch_chunks SET status = 'done' WHERE status = 'queued'", "batch_chunks_differ"),
    "rows of a chunk that changed": ("UPDATE batch_chunks SET rows_done = rows_done - 1 WHERE rows_done > 1", "batch_chunks_differ"),
    "a part without a name": ("UPDATE batch_chunks SET part_digest = NULL WHERE status = 'done'", "batch_chunks_differ"),
    "a success with rows missing": ("UPDATE batches SET rows = rows + 1 WHERE status = 'succeeded'", "batch_rows_missing"),
    "an end without a moment": (f"UPDATE batches SET completed_at = NULL WHERE {_SUCCEEDED}", "batch_end_differs"),
}  # fmt: skip


def test_the_books_are_right_after_every_way_to_end(books: Database) -> None:
    """Paid, cancelled, failed, running and waiting side by side."""
    assert kinds(books) == set()


@pytest.mark.parametrize("damage", _DAMAGE)
def test_every_damage_is_found(books: Database, damage: str) -> None:
    """Whatever is changed behind the ledger's back is named."""
    statement, kind = _DAMAGE[damage]
    with books.write() as tx:
        assert tx.execute(text(statement)).rowcount > 0
    assert kind in kinds(books)
