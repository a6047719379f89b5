"""What payment providers and administrators do about top-ups."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from augury.api.deps import (
    USUAL_PER_PAGE,
    Admin,
    AdminActor,
    Cursor,
    IdempotencyKey,
    Limit,
    ResourceId,
    TheHouse,
)
from augury.api.moments import Since, Until, microseconds
from augury.api.responses import refusals
from augury.kit.errors import NotFound, invalid
from augury.kit.ids import is_id
from augury.kit.paging import page, position_of
from augury.payments import reconcile, refunds, top_ups
from augury.payments.providers.protocol import Notification
from augury.payments.schemas import (
    AdminTopUpOut,
    AdminTopUpPage,
    RefundIn,
    RefundList,
    RefundOut,
)
from augury.payments.settle import receive
from augury.payments.values import Status

router = APIRouter(prefix="/v1")


class Received(BaseModel):
    """The notification was understood."""

    status: Literal["received"] = "received"


@router.post(
    "/webhooks/{provider}",
    tags=["top-ups"],
    responses=refusals("not_found", "notification_refused", "provider_unavailable"),
)
async def take_notification(provider: str, request: Request, house: TheHouse) -> Received:
    """Take a payment provider's notification, after making sure that it is one."""
    told = Notification(
        headers=dict(request.headers.items()),
        body=await request.body(),
        address=request.client.host if request.client else "",
    )
    await run_in_threadpool(receive, house.desk, provider, told)
    return Received()


@router.get(
    "/admin/top-ups", tags=["administration"], responses=refusals("unauthenticated", "forbidden")
)
def list_all_top_ups(  # noqa: PLR0913, PLR0917 -- what a caller can say
    house: TheHouse,
    _admin: Admin,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    status: Status | None = None,
    user_id: Annotated[str | None, Query(max_length=64)] = None,
    attention: Annotated[
        Literal["true", "false"],
        Query(description="`true`: only those that do not fit what the provider says."),
    ] = "false",
    provider: Annotated[str | None, Query(max_length=32, pattern=r"^[^\x00]*$")] = None,
    since: Since = None,
    until: Until = None,
) -> AdminTopUpPage:
    """List everybody's top-ups, newest first."""
    if user_id is not None and not is_id(user_id):
        raise invalid("/user_id", "fault.form", reason="not an id")
    found = top_ups.list_top_ups(
        house.db,
        user_id=user_id,
        limit=limit + 1,
        before=position_of(cursor, is_id),
        status=status,
        attention=attention == "true",
        provider=provider,
        between=(microseconds(since), microseconds(until)),
    )
    items, following = page(found, limit, lambda top_up: top_up.id)
    return AdminTopUpPage(items=[AdminTopUpOut.of(one) for one in items], next_cursor=following)


@router.get(
    "/admin/top-ups/{top_up_id}",
    tags=["administration"],
    responses=refusals("unauthenticated", "forbidden", "not_found"),
)
def read_any_top_up(top_up_id: ResourceId, house: TheHouse, _admin: Admin) -> AdminTopUpOut:
    """Give anybody's top-up."""
    _known(top_up_id)
    with house.db.read() as tx:
        return AdminTopUpOut.of(top_ups.read(tx, top_up_id))


@router.post(
    "/admin/top-ups/{top_up_id}/check",
    tags=["administration"],
    responses=refusals("unauthenticated", "forbidden", "not_found", "provider_unavailable"),
)
def check_top_up(top_up_id: ResourceId, house: TheHouse, actor: AdminActor) -> AdminTopUpOut:
    """Ask the provider about a top-up now, and settle it by the answer."""
    _known(top_up_id)
    reconcile.check_top_up(house.desk, top_up_id, actor)
    with house.db.read() as tx:
        return AdminTopUpOut.of(top_ups.read(tx, top_up_id))


@router.post(
    "/admin/top-ups/{top_up_id}/refunds",
    tags=["administration"],
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        "unauthenticated",
        "forbidden",
        "not_found",
        "not_refundable",
        "credits_spent",
        "idempotency_conflict",
    ),
)
def refund_top_up(
    top_up_id: ResourceId,
    form: RefundIn,
    house: TheHouse,
    actor: AdminActor,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RefundOut:
    """Give money back for unspent credits of a top-up; all that is left of it, or a part.

    While the provider has not decided, the refund is `pending` and the credits are held.
    """
    _known(top_up_id)
    made, replayed = refunds.refund(
        house.desk,
        top_up_id,
        form.credits,
        form.reason,
        actor=actor,
        key=idempotency_key,
    )
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return RefundOut.of(made)


@router.get(
    "/admin/top-ups/{top_up_id}/refunds",
    tags=["administration"],
    responses=refusals("unauthenticated", "forbidden", "not_found"),
)
def list_top_up_refunds(top_up_id: ResourceId, house: TheHouse, _admin: Admin) -> RefundList:
    """List the refunds of a top-up, newest first."""
    _known(top_up_id)
    with house.db.read() as tx:
        top_ups.read(tx, top_up_id)
    found = refunds.list_refunds(house.db, top_up_id)
    return RefundList(items=[RefundOut.of(one) for one in found])


def _known(top_up_id: str) -> None:
    if not is_id(top_up_id):
        raise NotFound
