"""Makes the predictions of batches, one chunk at a time, while that before it is being stored."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from augury.files.faults import FileUnreadable
from augury.files.forms import Form, Mark
from augury.inference.documents.protocol import DocumentModel
from augury.kit.db import Database
from augury.kit.decoding import decode
from augury.kit.log import logger
from augury.predictions import batch_leases, batch_outcomes
from augury.predictions.batch_leases import Leased
from augury.predictions.batch_outcomes import Made
from augury.predictions.batch_scoring import score
from augury.predictions.batch_store import Keeper, LocalCopies
from augury.predictions.document_scoring import score_documents
from augury.predictions.leased import LeasedRunner, Statements, UnavailableError
from augury.registry.catalogue import Catalogue

_STATEMENTS = Statements[Leased](
    batch_leases.claim,
    batch_leases.count_due,
    batch_leases.renew,
    batch_leases.give_back,
    batch_outcomes.postpone,
    batch_outcomes.fail,
)


class _FilesFailError(Exception):
    """The store fails, which says nothing about the model: it may raise an OSError of its own."""


class BatchRunner(LeasedRunner[Leased, Made]):
    """Runs due chunks."""

    def __init__(self, db: Database, catalogue: Catalogue, keeper: Keeper) -> None:
        """Prepare; nothing is claimed yet."""
        super().__init__(db, catalogue, _STATEMENTS)
        self._keeper = keeper
        self._copies = LocalCopies(keeper.store)
        # Two at once would share processors with other workers, and not be done sooner.
        self._scoring = threading.Lock()

    def run_one(self) -> bool:
        """Run the next chunk that is due, customer after customer; return whether one was."""
        ran = super().run_one()
        if not ran:
            self._copies.let_go()
        return ran

    def _make(self, row: Leased) -> Made:
        """Return what the store has of a chunk's results now, and for how many rows."""
        # What was sold is what runs, whatever its alias means by now.
        self._catalogue.refresh()
        lane = self._catalogue.resolve(f"{row.model}@{row.version}").lane
        if lane is None:
            raise UnavailableError
        score_chunk: Any = score_documents if isinstance(lane.model, DocumentModel) else score
        with ExitStack() as stack:
            with _files():
                path = stack.enter_context(self._copies.of(row.file_digest))
            with self._scoring:
                scored = score_chunk(
                    path,
                    decode(row.form, Form),
                    Mark(row.row, row.line, row.position),
                    lane.model,
                    explain=row.explain,
                    language=row.language,
                )
        with _files():
            digest = self._keeper.keep_part(scored.part)
        return Made(digest, scored.succeeded, scored.failed)

    def _store(self, row: Leased, made: Made) -> None:
        batch_outcomes.finish(self._db, row, made)

    def _blame(self, row: Leased, error: Exception) -> str:
        log = logger("predictions")
        if isinstance(error, (_FilesFailError, FileUnreadable)):
            log.error("batch_file_failed", batch=row.batch_id, exc_info=error)
            return "files_unavailable"
        log.error("chunk_failed", model=row.model, batch=row.batch_id, exc_info=error)
        return "model_failed"


@contextmanager
def _files() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _FilesFailError from error
