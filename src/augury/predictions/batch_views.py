"""Batches as their customers see them: one, a page, and the results."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from augury.files.forms import Form
from augury.files.store import Store
from augury.kit.clock import rfc3339
from augury.kit.db import Database, ReadTx
from augury.kit.decoding import decode
from augury.kit.errors import NotFound, Refusal
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.kit.texts import texts
from augury.predictions.batch_schemas import BatchErrorOut, BatchOut, BatchPage
from augury.predictions.batch_scoring import results_of
from augury.predictions.tables import batch_chunks, batches
from augury.registry import shelf

_SHOWN = (
    *("id", "status", "model", "version", "explain", "language", "rows", "rows_done"),
    *("rows_failed", "price_per_row", "held", "captured", "error", "created_at", "completed_at"),
)
_ANSWERED = select(*(batches.c[name] for name in _SHOWN))
_UNFINISHED = ("queued", "running")

# Such a batch has failed, and its results say why.
NO_ROW_SUCCEEDED = "no_row_succeeded"


class NoResults(Refusal):
    """There is nothing to download: the batch is not over, or came to nothing."""

    code = "no_results"
    status = 409


class ResultsGone(Refusal):
    """The files of the batch were deleted when their time was over."""

    code = "results_gone"
    status = 410


class Results(NamedTuple):
    """A file to download, a block at a time."""

    name: str
    media_type: str
    content: Iterator[bytes]


def find(db: Database, user_id: str, batch_id: str) -> BatchOut:
    """Return a customer's batch; somebody else's raises `NotFound`."""
    if not is_id(batch_id):
        raise NotFound
    mine = (batches.c.id == batch_id) & (batches.c.user_id == user_id)
    with db.read() as tx:
        row = tx.execute(_ANSWERED.where(mine)).first()
    if row is None:
        raise NotFound
    return _answer(row)


def answers(tx: ReadTx, batch_ids: Sequence[str]) -> dict[str, BatchOut]:
    """Return batches by id, as they are now."""
    found = tx.execute(_ANSWERED.where(batches.c.id.in_(batch_ids)))
    return {row.id: _answer(row) for row in found}


def find_page(db: Database, user_id: str, *, limit: int, cursor: str | None) -> BatchPage:
    """Return a page of a customer's batches, newest first."""
    position = position_of(cursor, is_id)
    wanted = _ANSWERED.where(batches.c.user_id == user_id).order_by(batches.c.id.desc())
    if position is not None:
        wanted = wanted.where(batches.c.id < position)
    with db.read() as tx:
        found = tx.execute(wanted.limit(limit + 1)).all()
    rows, following = page(found, limit, lambda row: str(row.id))
    return BatchPage(items=[_answer(row) for row in rows], next_cursor=following)


def _answer(row: Row[Any]) -> BatchOut:
    told = None
    if row.error is not None:
        message = texts("api", row.language).text(f"batch_failure.{row.error}")
        told = BatchErrorOut(code=row.error, message=message)
    return BatchOut(
        id=row.id,
        status=row.status,
        model=row.model,
        version=row.version,
        explain=row.explain,
        rows=row.rows,
        rows_done=row.rows_done,
        rows_failed=row.rows_failed,
        price_per_row=row.price_per_row,
        credits_held=row.held if row.status in _UNFINISHED else 0,
        credits_captured=row.captured,
        error=told,
        created_at=rfc3339(row.created_at),
        completed_at=None if row.completed_at is None else rfc3339(row.completed_at),
    )


def open_results(db: Database, store: Store, user_id: str, batch_id: str) -> Results:
    """Return the results of a customer's batch: the rows of every chunk that was made, in order.

    Raises `NotFound`, `NoResults` and `ResultsGone`.
    """
    if not is_id(batch_id):
        raise NotFound
    with db.read() as tx:
        batch = tx.execute(
            select(batches).where(batches.c.id == batch_id, batches.c.user_id == user_id)
        ).first()
        if batch is None:
            raise NotFound
        if batch.purged_at is not None:
            raise ResultsGone
        came_to_nothing = batch.status == "failed" and batch.error != NO_ROW_SUCCEEDED
        if batch.status in _UNFINISHED or came_to_nothing or not batch.chunks_done:
            raise NoResults(batch_status=batch.status)
        digests = (
            tx.execute(
                select(batch_chunks.c.part_digest)
                .where(batch_chunks.c.batch_id == batch_id, batch_chunks.c.status == "done")
                .order_by(batch_chunks.c.number)
            )
            .scalars()
            .all()
        )
        version = (batch.model, batch.version)
        manifest = shelf.manifests(tx, {version})[version]
    form = decode(batch.form, Form)
    writer = results_of(form, manifest, explain=batch.explain)
    parts = (b"".join(store.read(digest)) for digest in digests if digest is not None)
    return Results(
        f"{_stem(batch.file_name) or batch.id}-results.{form.kind}",
        _media_type(form),
        writer.joined(parts),
    )


def _stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return stem if dot else name


_CHARSETS = {"utf-8": "utf-8", "cp1251": "windows-1251"}


def _media_type(form: Form) -> str:
    if form.kind == "csv":
        return f"text/csv; charset={_CHARSETS.get(form.encoding, 'utf-16')}; header=present"
    return "application/jsonl" if form.kind == "jsonl" else "application/vnd.apache.parquet"
