"""The client's calls about webhooks, each against the real API."""

import json

import pytest

from augury.client import ApiError, Client
from client.shop import Shop

URL = "http://127.0.0.1:9/hook"


def test_an_endpoint_is_added_seen_and_taken_away(anna: Client) -> None:
    made = anna.webhooks.add_endpoint(URL, ["top_up.succeeded"])
    assert made.secret.startswith("whsec_")
    assert (made.url, made.events, made.status) == (URL, ("top_up.succeeded",), "active")
    (listed,) = anna.webhooks.endpoints()
    assert listed == anna.webhooks.endpoint(made.id)
    assert listed.id == made.id
    anna.webhooks.remove_endpoint(made.id)
    assert anna.webhooks.endpoints() == ()


def test_an_endpoint_hears_of_everything_unless_told(anna: Client) -> None:
    assert {"top_up.failed", "balance.low"} <= set(anna.webhooks.add_endpoint(URL).events)


def test_enabling_what_is_enabled_changes_nothing(anna: Client) -> None:
    made = anna.webhooks.add_endpoint(URL)
    assert anna.webhooks.enable_endpoint(made.id).status == "active"


def test_a_test_event_becomes_a_delivery_with_a_body(anna: Client) -> None:
    made = anna.webhooks.add_endpoint(URL)
    sent = anna.webhooks.test_endpoint(made.id)
    assert (sent.type, sent.endpoint_id, sent.body) == ("ping", made.id, None)
    (listed,) = anna.webhooks.deliveries(endpoint_id=made.id).items
    assert listed.id == sent.id
    assert [one.id for one in anna.webhooks.each_delivery()] == [sent.id]
    assert list(anna.webhooks.each_delivery(status="succeeded")) == []
    body = anna.webhooks.delivery(sent.id).body
    assert body is not None
    assert json.loads(body)["type"] == "ping"


def test_a_paid_top_up_is_delivered_and_can_be_sent_again(shop: Shop, anna: Client) -> None:
    made = anna.webhooks.add_endpoint(URL, ["top_up.succeeded"])
    shop.pay(anna.money.start_top_up(1000))
    (delivery,) = anna.webhooks.deliveries().items
    assert (delivery.type, delivery.endpoint_id) == ("top_up.succeeded", made.id)
    again = anna.webhooks.resend_delivery(delivery.id)
    assert (again.event_id, again.status) == (delivery.event_id, "pending")


def test_somebody_elses_endpoint_is_not_there(shop: Shop, anna: Client) -> None:
    made = shop.customer().webhooks.add_endpoint(URL)
    with pytest.raises(ApiError) as caught:
        anna.webhooks.endpoint(made.id)
    assert caught.value.code == "not_found"
