"""What a customer does about webhooks: endpoints, and the deliveries to them."""

from collections.abc import Iterator, Sequence

from augury.client.answers import NewWebhookEndpoint, Page, WebhookDelivery, WebhookEndpoint
from augury.client.connection import Connection, path_of, present


class WebhookCalls:
    """The part of a client that is about webhooks."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def add_endpoint(self, url: str, events: Sequence[str] | None = None) -> NewWebhookEndpoint:
        """Return a new endpoint with its secret, which is shown this once.

        It hears of `events`; left out, of everything there is today.
        """
        body = present({"url": url, "events": None if events is None else list(events)})
        return self._connection.call("POST", "/v1/webhook-endpoints", NewWebhookEndpoint, json=body)

    def endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """Return the endpoints, newest first."""
        path = "/v1/webhook-endpoints"
        return tuple(self._connection.walk(path, Page[WebhookEndpoint], {}))

    def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """Return one endpoint."""
        path = path_of("webhook-endpoints", endpoint_id)
        return self._connection.call("GET", path, WebhookEndpoint)

    def remove_endpoint(self, endpoint_id: str) -> None:
        """Take an endpoint away; what waits for it is given up."""
        self._connection.send("DELETE", path_of("webhook-endpoints", endpoint_id))

    def enable_endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """Let an endpoint that was disabled hear of events again."""
        path = path_of("webhook-endpoints", endpoint_id, "enable")
        return self._connection.call("POST", path, WebhookEndpoint, repeatable=True)

    def test_endpoint(self, endpoint_id: str) -> WebhookDelivery:
        """Send a `ping` event to an endpoint; ask for the delivery again a moment later."""
        path = path_of("webhook-endpoints", endpoint_id, "test")
        return self._connection.call("POST", path, WebhookDelivery)

    def deliveries(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        endpoint_id: str | None = None,
        status: str | None = None,
    ) -> Page[WebhookDelivery]:
        """Return one page of deliveries, newest first."""
        query = {"limit": limit, "cursor": cursor, "endpoint": endpoint_id, "status": status}
        path = "/v1/webhook-deliveries"
        return self._connection.call("GET", path, Page[WebhookDelivery], params=present(query))

    def each_delivery(
        self, *, endpoint_id: str | None = None, status: str | None = None
    ) -> Iterator[WebhookDelivery]:
        """Yield all deliveries that are kept, newest first, page by page."""
        query = present({"limit": 200, "endpoint": endpoint_id, "status": status})
        path = "/v1/webhook-deliveries"
        yield from self._connection.walk(path, Page[WebhookDelivery], query)

    def delivery(self, delivery_id: str) -> WebhookDelivery:
        """Return one delivery with its body."""
        path = path_of("webhook-deliveries", delivery_id)
        return self._connection.call("GET", path, WebhookDelivery)

    def resend_delivery(self, delivery_id: str) -> WebhookDelivery:
        """Send a delivery again, with the same `webhook-id` and body."""
        path = path_of("webhook-deliveries", delivery_id, "resend")
        return self._connection.call("POST", path, WebhookDelivery)
