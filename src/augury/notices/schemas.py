"""What travels over the wire about webhooks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.notices.deliveries import Delivery
from augury.notices.endpoints import LONGEST_URL, Endpoint
from augury.notices.service import EventType

EndpointStatus = Literal["active", "disabled"]
DeliveryStatus = Literal["pending", "succeeded", "failed"]


class EndpointIn(BaseModel):
    """An address that is to hear of events."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="`https` or `http`, on a public address, without a password in it.",
        examples=["https://example.com/augury"],
    )
    events: list[EventType] = Field(
        list(EventType),
        min_length=1,
        max_length=len(EventType),
        description="What it wants to hear of; leave out for everything there is today.",
    )


class EndpointOut(BaseModel):
    """An address that hears of events; `failures` counts deliveries given up in a row."""

    id: str
    url: str
    events: list[str]
    status: EndpointStatus
    failures: int
    created_at: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> "EndpointOut":
        """Return an endpoint for the wire."""
        return cls.model_validate(
            {
                "id": endpoint.id,
                "url": endpoint.url,
                "events": list(endpoint.events),
                "status": endpoint.status,
                "failures": endpoint.failures,
                "created_at": rfc3339(endpoint.created_at),
            }
        )


class NewEndpointOut(EndpointOut):
    """A new endpoint with its secret, which is shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointList(BaseModel):
    """Endpoints, newest first; there are few, so `next_cursor` is always null."""

    items: list[EndpointOut]
    next_cursor: None = None


class DeliveryOut(BaseModel):
    """One event for one endpoint.

    `answer` is the beginning of what the endpoint last answered, with its `answer_status`; where
    nobody answered it is a short code of why.
    """

    id: str
    endpoint_id: str
    event_id: str = Field(description="`webhook-id`: the same in every delivery of the event.")
    type: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    answer_status: int | None
    answer: str | None
    created_at: str
    completed_at: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryOut":
        """Return a delivery for the wire."""
        return cls.model_validate(_members(delivery))


class DeliveryDetails(DeliveryOut):
    """A delivery with its body, letter by letter as it is sent and signed."""

    body: str

    @classmethod
    def whole(cls, delivery: Delivery, body: str) -> "DeliveryDetails":
        """Return a delivery with its body for the wire."""
        return cls.model_validate({**_members(delivery), "body": body})


class DeliveryPage(BaseModel):
    """Deliveries, newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


def _members(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "type": delivery.event_type,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": None if delivery.next_at is None else rfc3339(delivery.next_at),
        "answer_status": delivery.answer_status,
        "answer": delivery.answer,
        "created_at": rfc3339(delivery.created_at),
        "completed_at": None if delivery.completed_at is None else rfc3339(delivery.completed_at),
    }
