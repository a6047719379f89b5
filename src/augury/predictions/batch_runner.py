"""Makes the predictions of batches, one chunk at a time, while that before it is being stored."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec

from augury.files.faults import FileUnreadable
from augury.files.forms import Form, Mark
from augury.inference.asking import NoAnswer
from augury.inference.documents.protocol import DocumentModel
from augury.kit.db import Database
from augury.kit.errors import LedgerUnavailable
from augury.kit.log import logger
from augury.predictions import batch_leases, batch_outcomes
from augury.predictions.batch_leases import FROM_THE_START, Key, Leased
from augury.predictions.batch_outcomes import Made
from augury.predictions.batch_scoring import score
from augury.predictions.batch_store import Keeper, LocalCopies
from augury.predictions.document_scoring import score_documents
from augury.predictions.job_runner import BACK_OFF_SECONDS, MOST_ATTEMPTS
from augury.registry.catalogue import Catalogue
from augury.registry.refusals import ModelNotFound

# A chunk has a few megabytes; with its outputs it stays far below this.
_MOST_PART_BYTES = 2**30


class _UnavailableError(Exception):
    """The model is on sale and cannot answer here at the moment."""


class _FilesFailError(Exception):
    """The store fails, which says nothing about the model: it may raise an OSError of its own."""


class BatchRunner:
    """Runs due chunks; its methods may be called from many threads."""

    def __init__(self, db: Database, catalogue: Catalogue, keeper: Keeper) -> None:
        """Prepare; nothing is claimed yet."""
        self._db = db
        self._catalogue = catalogue
        self._keeper = keeper
        self._copies = LocalCopies(keeper.store)
        self._taking = threading.Lock()
        # Two at once would share processors with other workers, and not be done sooner.
        self._scoring = threading.Lock()
        self._after = FROM_THE_START
        self._held: dict[Key, str] = {}
        self._is_closed = False

    def run_due(self, stop: threading.Event) -> int:
        """Run chunks until none is due or `stop` is set; return how many were run."""
        ran = 0
        while not stop.is_set() and self.run_one():
            ran += 1
        return ran

    def run_one(self) -> bool:
        """Run the next chunk that is due, customer after customer; return whether one was."""
        chunk = self._take()
        if chunk is None:
            self._copies.let_go()
            return False
        try:
            self._run(chunk)
        finally:
            self._held.pop(chunk.key, None)
        return True

    def due(self, most: int) -> int:
        """Return how many chunks wait for somebody to run them; at `most`, there may be more."""
        return batch_leases.count_due(self._db, most)

    def renew(self) -> int:
        """Prolong the leases of the chunks that run here; return how many still stood."""
        return batch_leases.renew(self._db, self._held.copy())

    def is_busy(self) -> bool:
        """Tell whether a chunk runs here."""
        return bool(self._held)

    def give_back(self) -> int:
        """Take no more chunks and leave those that run here to others; return how many."""
        with self._taking:
            self._is_closed = True
            held = self._held.copy()
        return batch_leases.give_back(self._db, held)

    def _take(self) -> Leased | None:
        with self._taking:
            if self._is_closed:
                return None
            chunk = batch_leases.claim(self._db, self._after)
            if chunk is not None:
                self._after = chunk.user_id
                self._held[chunk.key] = chunk.holder
            return chunk

    def _run(self, chunk: Leased) -> None:
        """Run one chunk and store what came of it, in a transaction of its own."""
        if chunk.attempts > MOST_ATTEMPTS:
            # Whoever had it before never came back: it may be what ends processes.
            batch_outcomes.fail(self._db, chunk, "attempts_exhausted")
            return
        try:
            made = self._make(chunk)
        except ModelNotFound:
            batch_outcomes.fail(self._db, chunk, "model_not_found")
        except (_UnavailableError, NoAnswer):
            self._try_again(chunk, "model_unavailable")
        except (_FilesFailError, FileUnreadable):
            logger("predictions").exception("batch_file_failed", batch=chunk.batch_id)
            self._try_again(chunk, "files_unavailable")
        except LedgerUnavailable:
            raise  # no fault of the model: the lease runs out, and somebody takes the chunk up
        except Exception:  # noqa: BLE001 -- whatever a runtime throws, the customer pays nothing
            logger("predictions").exception("chunk_failed", model=chunk.model, batch=chunk.batch_id)
            self._try_again(chunk, "model_failed")
        else:
            batch_outcomes.finish(self._db, chunk, made)

    def _make(self, chunk: Leased) -> Made:
        """Return what the store has of a chunk's results now, and for how many rows."""
        # What was sold is what runs, whatever its alias means by now.
        self._catalogue.refresh()
        lane = self._catalogue.resolve(f"{chunk.model}@{chunk.version}").lane
        if lane is None:
            raise _UnavailableError
        score_chunk: Any = score_documents if isinstance(lane.model, DocumentModel) else score
        with ExitStack() as stack:
            with _files():
                path = stack.enter_context(self._copies.of(chunk.file_digest))
            scored = score_chunk(
                path,
                msgspec.json.decode(chunk.form, type=Form),
                Mark(chunk.row, chunk.line, chunk.position),
                lane.model,
                explain=chunk.explain,
                language=chunk.language,
            )
        digest = hashlib.sha256(scored.part).hexdigest()
        with _files():
            self._keeper.keep(digest, [scored.part], _MOST_PART_BYTES)
        return Made(digest, scored.succeeded, scored.failed)

    def _try_again(self, chunk: Leased, error: str) -> None:
        if chunk.attempts >= MOST_ATTEMPTS:
            batch_outcomes.fail(self._db, chunk, error)
        else:
            batch_outcomes.postpone(self._db, chunk, BACK_OFF_SECONDS[chunk.attempts - 1])


@contextmanager
def _files() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _FilesFailError from error
