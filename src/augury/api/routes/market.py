"""Market data: administrators bring prices and indicators, customers see what there is."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathPart
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from augury.api.apart import run_apart
from augury.api.deps import USUAL_PER_PAGE, Admin, AdminActor, Cursor, Limit, Reader, TheHouse
from augury.api.errors import UnsupportedMediaType
from augury.api.responses import refusals
from augury.bootstrap import House
from augury.files.faults import FileTooLarge
from augury.kit.errors import invalid
from augury.kit.paging import page, position_of
from augury.kit.texts import texts
from augury.market.imports import import_file, remove
from augury.market.reading import MOST_UPLOAD_BYTES
from augury.market.schemas import (
    AdminSeriesOut,
    AdminSeriesPage,
    ImportForm,
    ImportOut,
    SeriesOut,
    SeriesPage,
    SeriesRemoved,
    SeriesValues,
)
from augury.market.series import KINDS, LONGEST_SYMBOL, Entry, Kind, is_symbol, spelled

router = APIRouter(prefix="/v1")

# Where bodies may be larger than others; they are read after the administrator is known.
UPLOADS = r"/v1/admin/market/series"
_MULTIPART = "multipart/form-data"
_MOST_FIELDS = 20
_MOST_TEXT_BYTES = 1024
_MOST_VALUES = 10_000
_USUAL_VALUES = 250
_ADMIN = ("unauthenticated", "forbidden")

Symbol = Annotated[str, PathPart(max_length=LONGEST_SYMBOL, description="In letters of any case.")]
Search = Annotated[
    str, Query(max_length=80, description="Part of a name or of a title, in letters of any case.")
]


async def _form(request: Request, _admin: Admin) -> AsyncIterator[FormData]:
    """Give the parts of an upload; who is no administrator is refused before it is read."""
    if not request.headers.get("content-type", "").lower().startswith(_MULTIPART):
        raise UnsupportedMediaType(expected=_MULTIPART)
    async with request.form(
        max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_TEXT_BYTES
    ) as form:
        yield form


def _body() -> dict[str, Any]:
    """Describe the form for OpenAPI."""
    schema = ImportForm.model_json_schema()
    described = "CSV, Parquet or JSON Lines: `date` and `close`; `date` and a column a series; or"
    file = {"type": "string", "format": "binary"}
    file["description"] = f"{described} `symbol`, `date` and `close`."
    parts = {"file": file, **schema["properties"]}
    form = {"type": "object", "properties": parts, "required": ["file", *schema["required"]]}
    return {"requestBody": {"required": True, "content": {_MULTIPART: {"schema": form}}}}


@contextmanager
def _sent(form: FormData) -> Iterator[tuple[Path, ImportForm]]:
    """Give the file, under a path that is gone afterwards, and what is said of it."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise invalid("/file", "fault.file_needed")
    # An empty field of a form is one that nobody filled in.
    said = {name: value for name, value in form.multi_items() if name != "file" and value}
    try:
        known = ImportForm.model_validate(said)
    except ValidationError as error:
        faults = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(faults) from None
    if upload.size is not None and upload.size > MOST_UPLOAD_BYTES:
        raise FileTooLarge(most_bytes=MOST_UPLOAD_BYTES)
    with tempfile.TemporaryDirectory(prefix="augury-upload-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as copy:
            shutil.copyfileobj(upload.file, copy)
        yield path, known


@router.post(
    "/admin/market/series",
    tags=["administration"],
    openapi_extra=_body(),
    responses=refusals(
        *_ADMIN,
        "unsupported_media_type",
        "file_unreadable",
        "file_too_large",
        "too_many_series",
    ),
)
async def import_series(
    request: Request,
    house: TheHouse,
    actor: AdminActor,
    form: Annotated[FormData, Depends(_form)],
    *,
    dry_run: Annotated[bool, Query(description="Only tell what was found; take nothing.")] = False,
) -> ImportOut:
    """Take all series of a file, each in the place of the one of its name, or with a fault none."""

    def take() -> ImportOut:
        with _sent(form) as (path, said):
            imported = import_file(
                house.db,
                path,
                said.labels(),
                actor,
                symbol=_named(said.symbol),
                dry_run=dry_run,
            )
        house.markets.refresh()
        sentences = texts("api", request.state.language)
        return ImportOut.of(
            imported,
            lambda fault: sentences.text(fault.key, **fault.values),
            dry_run=dry_run,
        )

    return await run_apart(take)


def _named(symbol: str | None) -> str | None:
    if symbol is None:
        return None
    name = spelled(symbol)
    if not is_symbol(name):
        told = {"got": symbol, "line": 0, "most": LONGEST_SYMBOL}
        raise invalid("/symbol", "fault.market_symbol", **told)
    return name


@router.get("/admin/market/series", tags=["administration"], responses=refusals(*_ADMIN))
def list_series(
    house: TheHouse,
    _admin: Admin,
    search: Search = "",
    kind: Kind | None = None,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> AdminSeriesPage:
    """List all series, by name, with the digest of each."""
    found, following = _page(house, search, kind, limit, cursor)
    return AdminSeriesPage(items=[AdminSeriesOut.of(one) for one in found], next_cursor=following)


@router.delete(
    "/admin/market/series/{symbol}",
    tags=["administration"],
    responses=refusals(*_ADMIN, "series_not_found"),
)
def remove_series(
    symbol: Symbol, house: TheHouse, actor: AdminActor, kind: Kind = "price"
) -> SeriesRemoved:
    """Remove a series: whoever asks for its name from now on is told that there is none."""
    name = spelled(symbol)
    remove(house.db, kind, name, actor)
    house.markets.refresh()
    return SeriesRemoved(symbol=name, kind=kind)


@router.get("/market/series", tags=["market"], responses=refusals("unauthenticated"))
def find_series(
    house: TheHouse,
    _caller: Reader,
    search: Search = "",
    kind: Kind | None = None,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
) -> SeriesPage:
    """List the series that the house keeps, by name: what can be asked about by its symbol."""
    found, following = _page(house, search, kind, limit, cursor)
    return SeriesPage(items=[SeriesOut.of(one) for one in found], next_cursor=following)


@router.get(
    "/market/series/{symbol}",
    tags=["market"],
    responses=refusals("unauthenticated", "series_not_found"),
)
def get_series(
    symbol: Symbol,
    house: TheHouse,
    _caller: Reader,
    kind: Kind = "price",
    limit: Annotated[
        int, Query(ge=1, le=_MOST_VALUES, description="How many values, the last ones.")
    ] = _USUAL_VALUES,
) -> SeriesValues:
    """Give a series with its last values, for a chart."""
    entry, days, values = house.markets.newest(spelled(symbol), kind, limit)
    return SeriesValues.with_values(entry, days, values)


def _page(
    house: House, search: str, kind: Kind | None, limit: int, cursor: str | None
) -> tuple[list[Entry], str | None]:
    position = position_of(cursor, _is_position) or " "
    symbol, _, last_kind = position.partition(" ")
    house.markets.refresh()
    found = house.markets.search(text=search, kind=kind, after=(symbol, last_kind))
    items, following = page(
        list(islice(found, limit + 1)), limit, lambda one: f"{one.symbol} {one.kind}"
    )
    return list(items), following


def _is_position(text: str) -> bool:
    symbol, _, kind = text.partition(" ")
    return is_symbol(symbol) and kind in KINDS
