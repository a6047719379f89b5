"""Ordering a batch: its file is read once to its end and stored; then it is placed."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from augury.files.disk import blocks
from augury.files.faults import columns_missing
from augury.files.forms import CHUNK_ROWS, SLOW_CHUNK_ROWS, Plan
from augury.files.rows import survey
from augury.files.store import Store
from augury.inference.documents.protocol import DocumentModel
from augury.inference.model import Predictor
from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable, Refusal, invalid
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Replayed
from augury.ledger.refusals import IdempotencyConflict
from augury.predictions import batch_views
from augury.predictions.batch_checks import check
from augury.predictions.batch_fields import columns_for
from augury.predictions.batch_orders import NewBatch, Ordered, place, refuse_early
from augury.predictions.batch_schemas import (
    BatchBalance,
    BatchOut,
    BatchQuoteOut,
    BatchRowFault,
)
from augury.predictions.batch_store import Keeper
from augury.predictions.bell import Bell, NoBell
from augury.predictions.buy import price_of_row, unavailable
from augury.predictions.schemas import check_key
from augury.registry.catalogue import Catalogue
from augury.registry.window import Offer

_STORE_RETRY_SECONDS = 5
_LONGEST_NAME = 200
# About as long as one chunk takes, where it is known beforehand.
_CHUNK_SECONDS = 2.0


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


class _Item(NamedTuple):
    """What a file turned out to be, who predicts it, and what a row costs."""

    plan: Plan
    offer: Offer
    price_per_row: int


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

    def order(
        self,
        user_id: str,
        upload: Upload,
        wish: Wish,
        key: str | None,
        api_key_id: str | None = None,
    ) -> Ordered:
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
        form = found.plan.form
        missing = columns_for(found.offer.version.manifest, form).missing
        if missing:
            raise columns_missing(missing, form.columns)
        batch = NewBatch(
            id=new_id(),
            user_id=user_id,
            model=found.offer.version.model,
            version=found.offer.version.version,
            explain=wish.explain,
            language=wish.language,
            file_name=_file_name(upload.name),
            file_digest=upload.digest,
            plan=found.plan,
            price_per_row=found.price_per_row,
            created_at=created_at,
            key=key,
            fingerprint=fingerprint,
            api_key_id=api_key_id,
        )
        with self._db.read() as tx:
            refuse_early(tx, user_id, batch.price)
        return self._store_and_place(batch, upload)

    def _store_and_place(self, batch: NewBatch, upload: Upload) -> Ordered:
        try:
            with upload.path.open("rb") as file:
                kept = self.keeper.keep(upload.digest, blocks(file), upload.bytes)
        except OSError as error:
            raise FilesUnavailable(retry_after_seconds=_STORE_RETRY_SECONDS) from error
        try:
            placed, replayed = place(self._db, batch)
        except Refusal as refusal:
            # Nobody knows what became of the order if the database went away meanwhile.
            if not isinstance(refusal, LedgerUnavailable):
                self.keeper.discard(kept)
            raise
        if replayed:
            self.keeper.discard(kept)
        else:
            self._bell.ring("batches", len(batch.plan.marks))
        return placed, replayed

    def quote(self, user_id: str, upload: Upload, wish: Wish) -> BatchQuoteOut:
        """Return what a file is and what it would cost; nothing is stored or held."""
        found = self._read(user_id, upload, wish)
        form, manifest = found.plan.form, found.offer.version.manifest
        fields, missing = columns_for(manifest, form)
        looked = check(upload.path, found.plan, manifest, wish.language)
        names = {field.name for field in fields}
        price = (found.plan.rows - found.plan.faulty_rows) * found.price_per_row
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
            price=price,
            balance=BatchBalance(available=balance.available, held=balance.held),
            affordable=price <= balance.available,
            rows_checked=looked.checked,
            rows_bad=looked.bad,
            faults=[BatchRowFault(line=line, message=text) for line, text in looked.faults],
            first_rows=looked.first_rows,
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
        plan = survey(upload.path, _chunk_rows(offer.lane.model, explain=wish.explain))
        if plan.faulty_rows == plan.rows:
            raise invalid("/file", "fault.file_no_good_rows", rows=plan.rows)
        return _Item(plan, offer, price)


def _chunk_rows(model: Predictor | DocumentModel, *, explain: bool) -> int:
    """Return how many rows are predicted at once: with what takes long, others have their turn."""
    if explain or isinstance(model, DocumentModel):
        return SLOW_CHUNK_ROWS
    # None at all of a model that others run, whose time nobody knows.
    rows = int(CHUNK_ROWS * _CHUNK_SECONDS / model.seconds(CHUNK_ROWS))
    return max(SLOW_CHUNK_ROWS, min(rows, CHUNK_ROWS))


def _file_name(sent: str) -> str:
    """Return the name of a file without folders and without what no name should have."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, name))[:_LONGEST_NAME]


def _fingerprint(upload: Upload, wish: Wish) -> str:
    """Return what makes two orders the same: the file, the model, and whether with reasons."""
    meaning = msgspec.json.encode([upload.digest, wish.model, wish.explain])
    return hashlib.sha256(meaning).hexdigest()
