"""Predictions: buying them, and reading what was bought.

Buying and quoting are plain ASGI endpoints: they read the body with msgspec and answer in one
piece, which is several times cheaper than the general way. `api/openapi.py` describes them.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from augury.api.deps import (
    USUAL_PER_PAGE,
    Buyer,
    Cursor,
    Limit,
    Reader,
    ResourceId,
    TheHouse,
)
from augury.api.errors import UnsupportedMediaType
from augury.api.frame import send_body
from augury.api.responses import answers, refusals
from augury.bootstrap import House
from augury.kit.clock import SECOND
from augury.kit.errors import Forbidden, invalid
from augury.ledger.refusals import InsufficientCredits
from augury.predictions import history, jobs
from augury.predictions.schemas import PredictionAnswer, PredictionDetails, PredictionPage, Status
from augury.users import keys
from augury.users.tokens import Identity, Unauthenticated

router = APIRouter(prefix="/v1/predictions", tags=["predictions"])

_ACCEPTED: Final = 202
# A replay tells of a prediction as it is now; one that came to nothing was not created.
_STATUS_CODES = {"succeeded": 201, "queued": _ACCEPTED, "running": _ACCEPTED}
_JSON = {"content-type": "application/json"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@router.get(
    "",
    response_model=None,
    responses=answers(200, PredictionPage) | refusals("unauthenticated"),
)
def predictions(
    house: TheHouse,
    caller: Reader,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    model: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9\-]+$")] = None,
    status: Annotated[Status | None, Query()] = None,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
) -> Response:
    """List the caller's predictions, newest first; `outputs` of more than ten rows are left out."""
    found = history.find_page(
        house.db,
        caller.user_id,
        limit=limit,
        cursor=cursor,
        model=model,
        status=status,
        since=_microseconds(since),
        until=_microseconds(until),
    )
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.get(
    "/{prediction_id}",
    response_model=None,
    responses=answers(200, PredictionDetails) | refusals("unauthenticated", "not_found"),
)
def prediction(prediction_id: ResourceId, house: TheHouse, caller: Reader) -> Response:
    """Give one of the caller's predictions with its inputs."""
    found = history.find(house.db, caller.user_id, prediction_id)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.post(
    "/{prediction_id}/cancel",
    response_model=None,
    responses=answers(200, PredictionAnswer)
    | refusals("unauthenticated", "not_found", "not_cancellable"),
)
def cancel_prediction(prediction_id: ResourceId, house: TheHouse, caller: Buyer) -> Response:
    """Cancel a prediction in the background that has not begun: it costs nothing."""
    found = jobs.cancel(house.db, caller.user_id, prediction_id)
    return Response(msgspec.json.encode(found), media_type="application/json")


def _microseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int((aware - _EPOCH).total_seconds() * SECOND)


class _Door:
    """A plain ASGI endpoint for a JSON body from a caller who has signed in."""

    def __init__(self, house: House) -> None:
        """Open the door of a house."""
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals rise to the frame, which renders them."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated
        caller = await self._identify(token.decode("latin-1"))
        state = scope["state"]
        state["user_id"] = caller.user_id
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type != b"application/json":
            raise UnsupportedMediaType(expected="application/json")
        body = await _read_body(receive)
        await self._answer(caller, body, headers, state["language"], send)

    async def _identify(self, token: str) -> Identity:
        """Return who is asking; only an API key that is new here makes the database wait."""
        gate = self._house.gate
        caller = gate.recognise(token)
        if caller is None:
            caller = await run_in_threadpool(gate.look_up, token)
        if not caller.may(keys.Scope.PREDICT):
            raise Forbidden
        return caller

    async def _answer(
        self, caller: Identity, body: bytes, headers: dict[bytes, bytes], language: str, send: Send
    ) -> None:
        raise NotImplementedError


class Sale(_Door):
    """`POST /v1/predictions`."""

    async def _answer(
        self, caller: Identity, body: bytes, headers: dict[bytes, bytes], language: str, send: Send
    ) -> None:
        shop = self._house.shop
        later = _prefers_later(headers.get(b"prefer", b""))
        key = headers.get(b"idempotency-key")
        try:
            sold, replayed = await (shop.order if later else shop.buy)(
                caller.user_id,
                body,
                None if key is None else key.decode("latin-1"),
                language,
                caller.api_key_id,
            )
        except InsufficientCredits as refusal:
            refusal.values["top_up_url"] = self._house.settings.top_up_url
            raise
        status = _STATUS_CODES.get(sold.status, 200)
        extra = {"location": f"/v1/predictions/{sold.id}"}
        if replayed:
            extra["idempotent-replayed"] = "true"
        if later and status == _ACCEPTED:
            extra["preference-applied"] = "respond-async"
        await send_body(status, _JSON | extra, msgspec.json.encode(sold), send)


def _prefers_later(prefer: bytes) -> bool:
    """Tell whether a `Prefer` header (RFC 7240) asks to be answered before the work is done."""
    asked = (one.partition(b";")[0].strip().lower() for one in prefer.split(b","))
    return b"respond-async" in asked


class Quotation(_Door):
    """`POST /v1/quotes`."""

    async def _answer(
        self, caller: Identity, body: bytes, _headers: dict[bytes, bytes], language: str, send: Send
    ) -> None:
        quote = await self._house.shop.quote(caller.user_id, body, language)
        await send_body(200, _JSON, msgspec.json.encode(quote), send)


def doors(house: House) -> dict[str, _Door]:
    """Return the plain ASGI endpoints of a house, by path; all of them are POST."""
    return {"/v1/predictions": Sale(house), "/v1/quotes": Quotation(house)}


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # What came so far may look like a whole order, and its sender has not finished it.
            raise invalid("", "fault.not_json")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
