"""Webhooks to customers' servers: endpoints, and the deliveries to them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from augury.api.deps import (
    USUAL_PER_PAGE,
    Caller,
    CallerActor,
    Cursor,
    Limit,
    Reader,
    ResourceId,
    TheHouse,
)
from augury.api.responses import refusals
from augury.audit_log.service import record
from augury.notices import deliveries, endpoints
from augury.notices.addresses import networks
from augury.notices.schemas import (
    DeliveryDetails,
    DeliveryOut,
    DeliveryPage,
    DeliveryStatus,
    EndpointIn,
    EndpointList,
    EndpointOut,
    NewEndpointOut,
)
from augury.notices.sealing import sealer_of

router = APIRouter(prefix="/v1", tags=["webhooks"])


def _subject(endpoint_id: str) -> str:
    return f"webhook_endpoint:{endpoint_id}"


@router.post(
    "/webhook-endpoints",
    status_code=HTTPStatus.CREATED,
    responses=refusals("unauthenticated", "too_many_endpoints"),
)
def add_endpoint(
    form: EndpointIn, house: TheHouse, caller: Caller, actor: CallerActor
) -> NewEndpointOut:
    """Add an address that hears of events; its secret is shown this once."""
    endpoint, secret = endpoints.add(
        house.db,
        sealer_of(house.settings),
        networks(house.settings.webhook_private_networks),
        caller.user_id,
        form.url,
        form.events,
        lambda tx, id_: record(tx, actor, "webhook_endpoint.added", _subject(id_), {}),
    )
    return NewEndpointOut(**EndpointOut.of(endpoint).model_dump(), secret=secret)


@router.get("/webhook-endpoints", responses=refusals("unauthenticated"))
def list_endpoints(house: TheHouse, caller: Reader) -> EndpointList:
    """List the caller's endpoints, newest first."""
    found = endpoints.listed(house.db, caller.user_id)
    return EndpointList(items=[EndpointOut.of(one) for one in found])


@router.get("/webhook-endpoints/{endpoint_id}", responses=refusals("unauthenticated", "not_found"))
def endpoint(endpoint_id: ResourceId, house: TheHouse, caller: Reader) -> EndpointOut:
    """Give one endpoint."""
    return EndpointOut.of(endpoints.find(house.db, caller.user_id, endpoint_id))


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals("unauthenticated", "not_found"),
)
def remove_endpoint(
    endpoint_id: ResourceId, house: TheHouse, caller: Caller, actor: CallerActor
) -> None:
    """Take an endpoint away; what waits for it is given up."""
    endpoints.remove(
        house.db,
        caller.user_id,
        endpoint_id,
        lambda tx, id_: record(tx, actor, "webhook_endpoint.removed", _subject(id_), {}),
    )


@router.post(
    "/webhook-endpoints/{endpoint_id}/enable", responses=refusals("unauthenticated", "not_found")
)
def enable_endpoint(
    endpoint_id: ResourceId, house: TheHouse, caller: Caller, actor: CallerActor
) -> EndpointOut:
    """Let an endpoint that was disabled hear of events again."""
    enabled = endpoints.enable(
        house.db,
        caller.user_id,
        endpoint_id,
        lambda tx, id_: record(tx, actor, "webhook_endpoint.enabled", _subject(id_), {}),
    )
    return EndpointOut.of(enabled)


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals("unauthenticated", "not_found", "endpoint_disabled", "tried_too_soon"),
)
def test_endpoint(endpoint_id: ResourceId, house: TheHouse, caller: Caller) -> DeliveryOut:
    """Send a `ping` event to an endpoint; look at the delivery a moment later."""
    return DeliveryOut.of(deliveries.ping(house.db, caller.user_id, endpoint_id))


@router.get("/webhook-deliveries", responses=refusals("unauthenticated"))
def list_deliveries(
    house: TheHouse,
    caller: Reader,
    limit: Limit = USUAL_PER_PAGE,
    cursor: Cursor = None,
    endpoint: Annotated[str | None, Query(max_length=36, description="Id of an endpoint.")] = None,
    status: DeliveryStatus | None = None,
) -> DeliveryPage:
    """List what was sent to the caller's endpoints in the last 30 days, newest first."""
    found, following = deliveries.find_page(
        house.db,
        caller.user_id,
        limit=limit,
        cursor=cursor,
        endpoint_id=endpoint,
        status=status,
    )
    return DeliveryPage(items=[DeliveryOut.of(one) for one in found], next_cursor=following)


@router.get("/webhook-deliveries/{delivery_id}", responses=refusals("unauthenticated", "not_found"))
def delivery(delivery_id: ResourceId, house: TheHouse, caller: Reader) -> DeliveryDetails:
    """Give one delivery with its body and the endpoint's last answer."""
    return DeliveryDetails.whole(*deliveries.find(house.db, caller.user_id, delivery_id))


@router.post(
    "/webhook-deliveries/{delivery_id}/resend",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals("unauthenticated", "not_found", "endpoint_disabled", "tried_too_soon"),
)
def resend_delivery(delivery_id: ResourceId, house: TheHouse, caller: Caller) -> DeliveryOut:
    """Send a delivery again, at once, with the same `webhook-id` and body."""
    return DeliveryOut.of(deliveries.resend(house.db, caller.user_id, delivery_id))
