"""What a customer does about batches: files that are predicted row by row, in the background."""

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote

import httpx2
import msgspec
from msgspec import Struct

from augury.client.answers import Balance, Page, PredictionFailure
from augury.client.connection import Connection, keyed, path_of, pieces, present
from augury.client.errors import ClientError
from augury.kit.decoding import decode

# Told how many bytes have gone over the line, from 0 again after a retry, and how many there are;
# 0 where nobody knows.
BytesTold = Callable[[int, int], None]

# The server reads the whole file before it answers.
_UPLOAD_TIMEOUT: Final = httpx2.Timeout(30.0, read=900.0)
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0


class Batch(Struct, frozen=True):
    """A file of rows that is predicted; `rows_done` have succeeded, `rows_failed` are free."""

    id: str
    status: str
    model: str
    version: int
    rows: int
    rows_done: int
    rows_failed: int
    price_per_row: int
    credits_held: int
    credits_captured: int
    created_at: datetime
    completed_at: datetime | None = None
    explain: bool = False
    error: PredictionFailure | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has succeeded, failed or been cancelled, and will not change any more."""
        return self.status not in {"queued", "running"}


class BatchRowFault(Struct, frozen=True):
    """What is wrong with the row that begins at a line; of Parquet, with the row of a number."""

    line: int
    message: str


class BatchQuote(Struct, frozen=True):
    """What a file is, and what it would cost if all of its rows succeed that can be read.

    With any of `missing_columns` the file is refused; `other_columns` come back as they are.
    Of the first `rows_checked` rows `rows_bad` would fail, for nothing, and `faults` tell why.
    """

    model: str
    version: int
    format: str
    rows: int
    rows_failed: int
    price_per_row: int
    price: int
    columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    other_columns: tuple[str, ...] = ()
    balance: Balance | None = None
    rows_checked: int = 0
    rows_bad: int = 0
    faults: tuple[BatchRowFault, ...] = ()
    first_rows: tuple[Mapping[str, str | None], ...] = ()


class ResultsFile(Struct, frozen=True):
    """Results that arrive while they are read; `pieces` is closed by whoever stops reading."""

    media_type: str
    name: str
    pieces: Generator[bytes]


class BatchCalls:
    """The part of a client that is about batches."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def quote(
        self,
        source: Path | BinaryIO,
        model: str,
        *,
        explain: bool = False,
        name: str | None = None,
        on_bytes: BytesTold | None = None,
    ) -> BatchQuote:
        """Return what `create` would find in the file and hold for it; nothing is charged."""
        with _form(source, model, explain=explain, name=name, told=on_bytes) as form:
            return self._connection.call(
                "POST",
                "/v1/batches/quotes",
                BatchQuote,
                repeatable=True,
                timeout=_UPLOAD_TIMEOUT,
                **form,
            )

    def create(
        self,
        source: Path | BinaryIO,
        model: str,
        *,
        explain: bool = False,
        name: str | None = None,
        idempotency_key: str | None = None,
        on_bytes: BytesTold | None = None,
    ) -> Batch:
        """Send a file of rows (CSV, Parquet, JSON Lines) to be predicted, and return the batch.

        The file is read while it is sent. All tries of one call carry one idempotency key, so
        that a file sent twice is bought once. Pass your own key to make that hold across restarts.
        """
        with _form(source, model, explain=explain, name=name, told=on_bytes) as form:
            return self._connection.call(
                "POST",
                "/v1/batches",
                Batch,
                headers=keyed(idempotency_key),
                timeout=_UPLOAD_TIMEOUT,
                **form,
            )

    def batch(self, batch_id: str) -> Batch:
        """Return a batch as it is now."""
        return self._connection.call("GET", path_of("batches", batch_id), Batch)

    def batches(self, *, limit: int = 50, cursor: str | None = None) -> Page[Batch]:
        """Return one page of the user's batches, newest first."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", "/v1/batches", Page[Batch], params=query)

    def each_batch(self) -> Iterator[Batch]:
        """Yield all of the user's batches, newest first, page by page."""
        yield from self._connection.walk("/v1/batches", Page[Batch], {"limit": 200})

    def cancel(self, batch_id: str) -> Batch:
        """Cancel a batch, and return it; rows that are done stay bought, and can be fetched."""
        path = path_of("batches", batch_id, "cancel")
        return self._connection.call("POST", path, Batch, repeatable=True)

    def await_batch(
        self,
        batch_id: str,
        *,
        on_progress: Callable[[Batch], None] = lambda _: None,
        timeout_seconds: float | None = None,
    ) -> Batch:
        """Follow a batch until it has succeeded, failed or been cancelled, and return it.

        Its events are listened to. When they break off, or there are none because something on
        the way keeps them back, it is asked for with growing pauses. Raises `TimeoutError` when it
        is not over in time; a silent line can make that late by twenty seconds.
        """
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        deaf = False
        while True:
            found = self.batch(batch_id)
            on_progress(found)
            heard = False
            for told in () if found.is_over or deaf else self._events(batch_id):
                found, heard = told, True
                on_progress(found)
                if until is not None and time.monotonic() > until:
                    break
            if found.is_over:
                return found
            if until is not None and time.monotonic() + pause_seconds > until:
                message = f"batch {batch_id} is still {found.status}"
                raise TimeoutError(message)
            deaf = not heard
            time.sleep(pause_seconds)
            longer = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
            pause_seconds = _FIRST_PAUSE_SECONDS if heard else longer

    def save_results(self, batch_id: str, path: Path, *, on_bytes: BytesTold | None = None) -> None:
        """Write the results of a batch to `path`, which is there when all of it has come.

        It costs nothing to do it again. ApiError `no_results` when it is not over or came to
        nothing.
        """
        partial = path.with_name(f".{path.name}.part")
        try:
            self._connection.keep_trying(lambda: self._fetch(batch_id, partial, on_bytes))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def results(self, batch_id: str) -> ResultsFile:
        """Return the results of a batch while they arrive; refusals come at once.

        ApiError `no_results` when it is not over or came to nothing, `results_gone` later.
        """
        response = self._connection.send(
            "GET", path_of("batches", batch_id, "results"), stream=True
        )
        told = response.headers.get("Content-Disposition", "").partition("filename*=utf-8''")[2]
        media_type = response.headers.get("Content-Type", "application/octet-stream")
        return ResultsFile(media_type, unquote(told) or batch_id, pieces(response))

    def _fetch(self, batch_id: str, place: Path, on_bytes: BytesTold | None) -> None:
        response = self._connection.send(
            "GET", path_of("batches", batch_id, "results"), stream=True
        )
        total = int(response.headers.get("Content-Length", 0))
        with place.open("wb") as file:
            for piece in pieces(response):
                file.write(piece)
                if on_bytes is not None:
                    on_bytes(file.tell(), total)

    def _events(self, batch_id: str) -> Iterator[Batch]:
        """Yield what is told of a batch until that ends, for whatever reason."""
        try:
            with closing(self._connection.events(path_of("batches", batch_id, "events"))) as events:
                for event in events:
                    if event.event == "progress":
                        yield decode(event.data, Batch)
        except (ClientError, msgspec.MsgspecError):
            # Asking for the batch says what is wrong, if anything is.
            return


class _Counted:
    """A file that tells how much of it was read; it may be read again from its start."""

    def __init__(self, file: BinaryIO, told: BytesTold) -> None:
        self._file = file
        self._told = told
        self._total = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self._told(self._file.tell(), self._total)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _form(
    source: Path | BinaryIO, model: str, *, explain: bool, name: str | None, told: BytesTold | None
) -> Iterator[dict[str, Any]]:
    """Give a form whose file is read while it is sent, again from its start with every try."""
    with ExitStack() as stack:
        if isinstance(source, Path):
            name = name or source.name
            file: BinaryIO = stack.enter_context(source.open("rb"))
        else:
            file = source
        counted = _Counted(file, told or (lambda _done, _total: None))
        fields = {"model": model} | ({"explain": "true"} if explain else {})
        yield {"data": fields, "files": {"file": (name or "rows", counted)}}
