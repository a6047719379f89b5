"""Ordering a batch: its file is read once, what it can cost is held, and its chunks are laid out."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Select, func, select, text

from augury.files.cells import Typing
from augury.files.disk import blocks
from augury.files.faults import ColumnsMissing
from augury.files.forms import Plan
from augury.files.rows import survey
from augury.files.store import Store
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, WriteTx, insert_rows
from augury.kit.errors import LedgerUnavailable, Refusal, invalid
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, Posted, Replayed, TransferType
from augury.ledger.refusals import IdempotencyConflict, InsufficientCredits, refusal_of
from augury.predictions import batch_views
from augury.predictions.batch_schemas import BatchBalance, BatchOut, BatchQuoteOut
from augury.predictions.batch_scoring import fields_of
from augury.predictions.batch_store import Keeper
from augury.predictions.bell import Bell, NoBell
from augury.predictions.buy import price_of_row, unavailable
from augury.predictions.schemas import check_key
from augury.predictions.tables import UNFINISHED_BATCH, batch_chunks, batches
from augury.registry.catalogue import Catalogue
from augury.registry.window import Offer

# A batch that has not ended by then has failed. Its hold lasts longer than any clock is wrong.
DEADLINE_SECONDS = 24 * 3600
HOLD_SECONDS = DEADLINE_SECONDS + 600
MOST_UNFINISHED = 20
_RETRY_AFTER_SECONDS = 30
_STORE_RETRY_SECONDS = 5
_LONGEST_NAME = 200


class TooManyBatches(Refusal):
    """The customer has as many unfinished batches as anybody may have."""

    code = "too_many_batches"
    status = 429


class FilesUnavailable(Refusal):
    """The store of files does not answer, so no file can be taken."""

    code = "files_unavailable"
    status = 503


class Upload(NamedTuple):
    """A file that was sent: where it lies, its name, its SHA-256 and its size."""

    path: Path
    name: str
    digest: str
    bytes: int


class Wish(NamedTuple):
    """What is to be done with a file: the model, and whether with reasons in a language."""

    model: str
    explain: bool
    language: str


# A batch that is new, or the replay of an earlier one.
Ordered = tuple[BatchOut, bool]


class _Item(NamedTuple):
    """What a file turned out to be, who predicts it, and what a row costs."""

    plan: Plan
    offer: Offer
    price_per_row: int

    @property
    def price(self) -> int:
        """What is held: every row that can be read may succeed."""
        return (self.plan.rows - self.plan.faulty_rows) * self.price_per_row


class BatchDesk:
    """Takes orders for batches; its methods may be called from many threads, and take long."""

    def __init__(
        self, db: Database, catalogue: Catalogue, store: Store, bell: Bell | None = None
    ) -> None:
        """Open with what is on sale; whoever hears the bell may run chunks."""
        self.keeper = Keeper(db, store)
        self._db = db
        self._catalogue = catalogue
        self._bell = bell or NoBell()

    def order(self, user_id: str, upload: Upload, wish: Wish, key: str | None) -> Ordered:
        """Return the batch that will be made, what it can cost held, and whether it is a replay.

        Raises a `Refusal` when nothing was ordered; then nothing is held or stored either.
        """
        created_at = now()
        fingerprint = None
        if check_key(key):
            key, fingerprint = f"batch:{key}", _fingerprint(upload, wish)
            replay = self._replay(user_id, key, fingerprint)
            if replay is not None:
                return replay, True
        found = self._read(user_id, upload, wish)
        Typing(found.plan.form, fields_of(found.offer.version.manifest))
        self._refuse_early(user_id, found)
        try:
            with upload.path.open("rb") as file:
                kept = self.keeper.keep(upload.digest, blocks(file), upload.bytes)
        except OSError as error:
            raise FilesUnavailable(retry_after_seconds=_STORE_RETRY_SECONDS) from error
        order = _Order(new_id(), user_id, upload, wish, found, created_at, key, fingerprint)
        try:
            batch, replayed = self._place(order)
        except Refusal as refusal:
            # Nobody knows what became of the order if the database went away meanwhile.
            if not isinstance(refusal, LedgerUnavailable):
                self.keeper.discard(kept)
            raise
        if replayed:
            self.keeper.discard(kept)
        else:
            self._bell.ring("batches", len(found.plan.marks))
        return batch, replayed

    def quote(self, user_id: str, upload: Upload, wish: Wish) -> BatchQuoteOut:
        """Return what a file is and what it would cost; nothing is stored or held."""
        found = self._read(user_id, upload, wish)
        fields = fields_of(found.offer.version.manifest)
        form = found.plan.form
        missing: list[str] = []
        try:
            Typing(form, fields)
        except ColumnsMissing:
            present = {column.strip() for column in form.columns}
            missing = [field.name for field in fields if field.name not in present]
        names = {field.name for field in fields}
        with self._db.read() as tx:
            balance = ledger.balances(tx, [user_id]).get(user_id, Balance())
        return BatchQuoteOut(
            model=found.offer.version.model,
            version=found.offer.version.version,
            format=form.kind,
            rows=found.plan.rows,
            rows_failed=found.plan.faulty_rows,
            columns=[name for name in form.columns if name.strip() in names],
            missing_columns=missing,
            other_columns=[name for name in form.columns if name.strip() not in names],
            price_per_row=found.price_per_row,
            price=found.price,
            balance=BatchBalance(available=balance.available, held=balance.held),
            affordable=found.price <= balance.available,
        )

    def _replay(self, user_id: str, key: str, fingerprint: str) -> BatchOut | None:
        with self._db.read() as tx:
            (found,) = ledger.replays(tx, [(user_id, key, fingerprint)])
            if isinstance(found, Replayed):
                return batch_views.answers(tx, [found.reference])[found.reference]
        if found is not None:
            raise IdempotencyConflict
        return None

    def _read(self, user_id: str, upload: Upload, wish: Wish) -> _Item:
        """Return what is asked for, the file read to its end, or raise a `Refusal`."""
        if self._catalogue.is_stale():
            self._catalogue.refresh()
        offer = self._catalogue.resolve(wish.model, user_id)
        if offer.lane is None:
            raise unavailable(offer.version.model)
        price = price_of_row(offer, explain=wish.explain)
        plan = survey(upload.path)
        if plan.faulty_rows == plan.rows:
            raise invalid("/file", "fault.file_no_good_rows", rows=plan.rows)
        return _Item(plan, offer, price)

    def _refuse_early(self, user_id: str, found: _Item) -> None:
        """Raise what the order would be refused with in the end, before the file is stored."""
        with self._db.read() as tx:
            balance = ledger.balances(tx, [user_id]).get(user_id, Balance())
            unfinished = tx.execute(_unfinished(user_id)).scalar_one()
        if unfinished >= MOST_UNFINISHED:
            raise _too_many()
        if balance.available < found.price:
            raise InsufficientCredits(required=found.price, available=balance.available)

    def _place(self, order: "_Order") -> Ordered:
        hold_id = new_id()
        hold = Instruction(
            hold_id,
            TransferType.HOLD,
            order.user_id,
            order.found.price,
            reference=order.id,
            expires_at=order.created_at + HOLD_SECONDS * SECOND,
            key=order.key,
            fingerprint=order.fingerprint,
        )
        with self._db.write() as tx:
            # The lock keeps others from filling the room that there is.
            ledger.lock_accounts(tx, [order.user_id])
            room = tx.execute(_unfinished(order.user_id)).scalar_one() < MOST_UNFINISHED
            (outcome,) = ledger.post(tx, [hold])
            if isinstance(outcome, Replayed):
                return batch_views.answers(tx, [outcome.reference])[outcome.reference], True
            if not isinstance(outcome, Posted):
                balance = ledger.balances(tx, [order.user_id]).get(order.user_id, Balance())
                raise refusal_of(
                    outcome, required=order.found.price, available=balance.available
                )
            if not room:
                raise _too_many()
            _insert(tx, order, hold_id)
            return batch_views.answers(tx, [order.id])[order.id], False


class _Order(NamedTuple):
    id: str
    user_id: str
    upload: Upload
    wish: Wish
    found: _Item
    created_at: int
    key: str | None
    fingerprint: str | None


def _unfinished(user_id: str) -> Select[tuple[int]]:
    return (
        select(func.count())
        .select_from(batches)
        .where(batches.c.user_id == user_id, text(UNFINISHED_BATCH))
    )


def _too_many() -> TooManyBatches:
    return TooManyBatches(most=MOST_UNFINISHED, retry_after_seconds=_RETRY_AFTER_SECONDS)


def _fingerprint(upload: Upload, wish: Wish) -> str:
    """Return what makes two orders the same: the file, the model, and whether with reasons."""
    meaning = msgspec.json.encode([upload.digest, wish.model, wish.explain])
    return hashlib.sha256(meaning).hexdigest()


def _insert(tx: WriteTx, order: _Order, hold_id: str) -> None:
    plan = order.found.plan
    row = {
        "id": order.id,
        "user_id": order.user_id,
        "model": order.found.offer.version.model,
        "version": order.found.offer.version.version,
        "explain": order.wish.explain,
        "language": order.wish.language,
        "file_name": order.upload.name[:_LONGEST_NAME],
        "file_digest": order.upload.digest,
        "form": msgspec.json.encode(plan.form).decode(),
        "rows": plan.rows,
        "chunks": len(plan.marks),
        "price_per_row": order.found.price_per_row,
        "held": order.found.price,
        "hold_id": hold_id,
        "status": "queued",
        "chunks_done": 0,
        "rows_done": 0,
        "rows_failed": 0,
        "captured": 0,
        "deadline_at": order.created_at + DEADLINE_SECONDS * SECOND,
        "created_at": order.created_at,
    }
    insert_rows(tx, batches, tuple(row), [tuple(row.values())])
    insert_rows(tx, batch_chunks, _CHUNK, list(_chunks(order)))


_CHUNK = (
    *("batch_id", "number", "row", "line", "position", "rows"),
    *("status", "attempts", "next_at", "rows_done", "rows_failed"),
)


def _chunks(order: _Order) -> Iterator[tuple[str | int, ...]]:
    """Yield the rows of the chunks, in the order of `_CHUNK`."""
    plan = order.found.plan
    ends = [mark.row for mark in plan.marks[1:]] + [plan.rows]
    for number, (mark, end) in enumerate(zip(plan.marks, ends, strict=True)):
        place = (order.id, number, mark.row, mark.line, mark.position, end - mark.row)
        yield (*place, "queued", 0, order.created_at, 0, 0)
