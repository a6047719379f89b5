"""Batches for tests: placed without a file and a model, and looked at in the rows."""

from typing import Any

from sqlalchemy import select, update

from augury.bootstrap import audit_books
from augury.files.forms import Form, Mark, Plan
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.predictions.batch_leases import Leased, claim
from augury.predictions.batch_orders import NewBatch, place
from augury.predictions.batch_outcomes import Made
from augury.predictions.leased import FROM_THE_START
from augury.predictions.tables import batch_chunks, batches

PRICE = 10
# Rows of each chunk.
ROWS = 5
DIGEST = "d" * 64


def new_batch(user_id: str, chunks: int = 1, *, key: str | None = None, **more: Any) -> NewBatch:
    """Return a batch of some chunks for a model that nobody has."""
    marks = [Mark(n * ROWS, 1 + n * ROWS, 10 + n * 100) for n in range(chunks)]
    faulty = more.pop("faulty_rows", 0)
    told: dict[str, Any] = {
        "id": new_id(),
        "user_id": user_id,
        "model": "m",
        "version": 1,
        "explain": False,
        "language": "en",
        "file_name": "rows.csv",
        "file_digest": DIGEST,
        "plan": Plan(Form("csv", ["a"], ROWS), chunks * ROWS, faulty, marks),
        "price_per_row": PRICE,
        "created_at": now(),
        "key": key,
        "fingerprint": None if key is None else "f",
    }
    return NewBatch(**told | more)


def placed(db: Database, user_id: str, chunks: int = 1, **more: Any) -> str:
    """Place a batch and return its id."""
    batch = new_batch(user_id, chunks, **more)
    place(db, batch)
    return batch.id


def claimed(db: Database, after: str = FROM_THE_START) -> Leased:
    """Claim a chunk that must be there."""
    chunk = claim(db, after)
    assert chunk is not None
    return chunk


def made(chunk: Leased, failed: int = 0) -> Made:
    """Return what came of a chunk, of which some rows failed."""
    return Made(f"{chunk.number:064x}", ROWS - failed, failed)


def change(db: Database, id_: str, **values: Any) -> None:
    """Change a batch behind everybody's back."""
    with db.write() as tx:
        assert tx.execute(update(batches).where(batches.c.id == id_).values(**values)).rowcount == 1


def change_chunk(db: Database, chunk: Leased, **values: Any) -> None:
    """Change a chunk behind everybody's back."""
    mine = (batch_chunks.c.batch_id == chunk.batch_id) & (batch_chunks.c.number == chunk.number)
    with db.write() as tx:
        assert tx.execute(update(batch_chunks).where(mine).values(**values)).rowcount == 1


def states(db: Database) -> dict[str, tuple[str, int, int, int]]:
    """Return status, good rows, bad rows and price of every batch, after a clean audit."""
    with db.read() as tx:
        assert audit_books(tx).findings == []
        return {
            row.id: (row.status, row.rows_done, row.rows_failed, row.captured)
            for row in tx.execute(select(batches))
        }


def parts(db: Database, id_: str) -> list[str]:
    """Return the digests of the parts that are stored, in their order."""
    found = (
        select(batch_chunks.c.part_digest)
        .where(batch_chunks.c.batch_id == id_, batch_chunks.c.status == "done")
        .order_by(batch_chunks.c.number)
    )
    with db.read() as tx:
        return [str(one) for one in tx.execute(found).scalars()]
