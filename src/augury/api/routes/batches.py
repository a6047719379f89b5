"""Batches: predictions for the rows of a whole file."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.responses import StreamingResponse

from augury.api import sse
from augury.api.apart import run_apart
from augury.api.deps import (
    USUAL_PER_PAGE,
    Buyer,
    Cursor,
    IdempotencyKey,
    Limit,
    Reader,
    ResourceId,
    TheHouse,
)
from augury.api.errors import UnsupportedMediaType
from augury.api.limits import Turns
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.files.disk import blocks
from augury.files.faults import FileTooLarge
from augury.files.forms import MOST_FILE_BYTES
from augury.kit.errors import Fault, InvalidInput, escaped, invalid
from augury.ledger.refusals import InsufficientCredits
from augury.predictions import batch_outcomes, batch_views
from augury.predictions.batch_schemas import BatchOut, BatchPage, BatchQuoteOut
from augury.predictions.batches import Upload, Wish
from augury.settings import Settings

router = APIRouter(prefix="/v1/batches", tags=["batches"])

# Where bodies may be as large as a file; they are read after the customer is known.
UPLOADS = r"/v1/batches(/quotes)?"
_MULTIPART = "multipart/form-data"
_MEMBERS = ("file", "model", "explain")
_MOST_FIELDS = 10
_MOST_TEXT_BYTES = 1024
_TRUTHS = {"": False, "false": False, "0": False, "true": True, "1": True}
_OVER = frozenset({"succeeded", "failed", "cancelled"})
_ASKED = ("unauthenticated", "not_found")
_UPLOADED = (
    "unauthenticated",
    "model_not_found",
    "file_unreadable",
    "columns_missing",
    "file_too_large",
    "unsupported_media_type",
    "too_many_at_once",
    "model_unavailable",
    "overloaded",
)


class Lines:
    """The requests about batches that take long, counted in this process."""

    def __init__(self) -> None:
        """Start with none."""
        self.uploads = Turns(20, 40)
        self.events = Turns(5, 200)
        self.downloads = Turns(4, 50)


def most_file_bytes(settings: Settings) -> int:
    """Return how large a file may be."""
    return min(MOST_FILE_BYTES, settings.most_batch_mb * 1024 * 1024)


def _lines(request: Request) -> Lines:
    lines: Lines = request.app.state.batch_lines
    return lines


TheLines = Annotated[Lines, Depends(_lines)]


async def _form(request: Request, caller: Buyer, lines: TheLines) -> AsyncIterator[FormData]:
    """Give the parts of an upload, its file on the disk; strangers are refused before."""
    if not request.headers.get("content-type", "").lower().startswith(_MULTIPART):
        raise UnsupportedMediaType(expected=_MULTIPART)
    lines.uploads.begin(caller.user_id)
    try:
        async with request.form(
            max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_TEXT_BYTES
        ) as form:
            yield form
    finally:
        lines.uploads.end(caller.user_id)


Form = Annotated[FormData, Depends(_form)]


def _body() -> dict[str, Any]:
    """Describe the form for OpenAPI."""
    parts = {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "CSV, Parquet or JSON Lines, with a column for each input.",
        },
        "model": {"type": "string", "description": "`name`, `name@alias` or `name@version`."},
        "explain": {"type": "boolean", "default": False, "description": "Adds reasons."},
    }
    schema = {"type": "object", "properties": parts, "required": ["file", "model"]}
    return {"requestBody": {"required": True, "content": {_MULTIPART: {"schema": schema}}}}


def _wish(form: FormData, language: str) -> Wish:
    """Return what is asked for, or raise `InvalidInput` with every fault."""
    faults = [
        Fault(f"/{escaped(name)}", "fault.unknown_member", {})
        for name in form
        if name not in _MEMBERS
    ]
    if not isinstance(form.get("file"), UploadFile):
        faults.append(Fault("/file", "fault.file_needed", {}))
    model, explain = form.get("model"), form.get("explain", "")
    if not model or not isinstance(model, str):
        faults.append(Fault("/model", "fault.missing", {}))
    if not isinstance(explain, str) or explain.lower() not in _TRUTHS:
        faults.append(Fault("/explain", "fault.truth", {}))
    if faults:
        raise InvalidInput(faults=faults)
    return Wish(str(model), _TRUTHS[str(explain).lower()], language)


@contextmanager
def _upload(form: FormData, house: House) -> Iterator[Upload]:
    """Give the file that was sent, under a path that is gone afterwards."""
    sent = form["file"]
    if not isinstance(sent, UploadFile):
        raise invalid("/file", "fault.file_needed")
    most = most_file_bytes(house.settings)
    with tempfile.TemporaryDirectory(prefix="augury-upload-") as folder:
        path, size, seen = Path(folder) / "file", 0, hashlib.sha256()
        with path.open("wb") as copy:
            for block in blocks(sent.file):
                size += len(block)
                if size > most:
                    raise FileTooLarge(most_bytes=most)
                seen.update(block)
                copy.write(block)
        yield Upload(path, sent.filename or "", seen.hexdigest(), size)


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_body(),
    responses=refusals(
        *_UPLOADED,
        "account_closed",
        "insufficient_credits",
        "idempotency_conflict",
        "too_many_batches",
        "files_unavailable",
    )
    | {200: {"description": "The same key again, for a batch that is over.", "model": BatchOut}},
)
async def create_batch(
    request: Request,
    response: Response,
    house: TheHouse,
    caller: Buyer,
    form: Form,
    idempotency_key: IdempotencyKey = None,
) -> BatchOut:
    """Order predictions for every row of a file.

    What they can cost is held. When the batch is over the rows that succeeded are paid for, and
    the rest is free.
    """
    wish = _wish(form, request.state.language)

    def order() -> tuple[BatchOut, bool]:
        with _upload(form, house) as upload:
            return house.batches.order(
                caller.user_id, upload, wish, idempotency_key, caller.api_key_id
            )

    try:
        batch, replayed = await run_apart(order)
    except InsufficientCredits as refusal:
        refusal.values["top_up_url"] = house.settings.top_up_url
        raise
    response.headers["Location"] = f"/v1/batches/{batch.id}"
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
        if batch.status in _OVER:
            response.status_code = HTTPStatus.OK
    return batch


@router.post("/quotes", openapi_extra=_body(), responses=refusals(*_UPLOADED))
async def quote_batch(
    request: Request, house: TheHouse, caller: Buyer, form: Form
) -> BatchQuoteOut:
    """Read a file and say what it is and what a batch of it would cost; nothing is ordered."""
    wish = _wish(form, request.state.language)

    def find() -> BatchQuoteOut:
        with _upload(form, house) as upload:
            return house.batches.quote(caller.user_id, upload, wish)

    return await run_apart(find)


@router.get("", responses=refusals("unauthenticated"))
def list_batches(
    house: TheHouse, caller: Reader, limit: Limit = USUAL_PER_PAGE, cursor: Cursor = None
) -> BatchPage:
    """List the caller's batches, newest first."""
    return batch_views.find_page(house.db, caller.user_id, limit=limit, cursor=cursor)


@router.get("/{batch_id}", responses=refusals(*_ASKED))
def get_batch(batch_id: ResourceId, house: TheHouse, caller: Reader) -> BatchOut:
    """Give one of the caller's batches, as it is now."""
    return batch_views.find(house.db, caller.user_id, batch_id)


@router.post("/{batch_id}/cancel", responses=refusals(*_ASKED, "batch_ended"))
def cancel_batch(batch_id: ResourceId, house: TheHouse, caller: Buyer) -> BatchOut:
    """End a batch now: rows that are done are paid for and can be downloaded, the rest is free."""
    return batch_outcomes.cancel(house.db, caller.user_id, batch_id)


_FORMATS = ("text/csv", "application/jsonl", "application/vnd.apache.parquet")
_FILE = {"schema": {"type": "string", "format": "binary"}}
_RESULTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Success", "content": dict.fromkeys(_FORMATS, _FILE)}
}


@router.get(
    "/{batch_id}/events",
    response_class=StreamingResponse,
    responses=sse.DESCRIBED | refusals(*_ASKED, "too_many_at_once", "overloaded"),
)
def batch_events(
    batch_id: ResourceId, house: TheHouse, caller: Reader, lines: TheLines
) -> sse.Stream:
    """Tell how a batch goes on, as server-sent events."""
    look = partial(batch_views.find, house.db, caller.user_id, batch_id)
    look()
    lines.events.begin(caller.user_id)
    return sse.Stream(
        sse.progress(look, lambda batch: batch.status in _OVER),
        partial(lines.events.end, caller.user_id),
        "text/event-stream",
        sse.HEADERS,
    )


@router.get(
    "/{batch_id}/results",
    response_class=StreamingResponse,
    responses=_RESULTS
    | refusals(*_ASKED, "no_results", "results_gone", "too_many_at_once", "overloaded"),
)
def batch_results(
    batch_id: ResourceId, house: TheHouse, caller: Reader, lines: TheLines
) -> sse.Stream:
    """Give the results: the columns as they came, then the outputs, then `error`."""
    found = batch_views.open_results(house.db, house.batches.keeper.store, caller.user_id, batch_id)
    lines.downloads.begin(caller.user_id)
    return sse.Stream(
        found.content,
        partial(lines.downloads.end, caller.user_id),
        found.media_type,
        {
            "content-disposition": f"attachment; filename*=utf-8''{quote(found.name, safe='')}",
            "cache-control": "private, no-store",
        },
    )
