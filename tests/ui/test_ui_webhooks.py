"""The page of webhooks, in front of a real API."""

import pytest
from streamlit.testing.v1 import AppTest

from augury.notices import deliveries
from augury.notices.service import EventType
from augury.notices.tables import endpoints
from augury.ui.screens.webhooks import EVENTS, EVENTS_OF_ADMINS
from ui.pages import press, words
from ui.real import Cabinet

# Names under `.invalid` have no address, by a promise of those who give them out.
URL = "https://hooks.invalid/augury"


def add_endpoint(page: AppTest, url: str = URL) -> None:
    """Fill the form in and send it."""
    page.text_input[0].set_value(url)
    press(page, "Add endpoint")
    assert not page.exception


def test_an_endpoint_is_added_and_its_secret_shown_until_it_is_saved(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    page = cabinet.open("webhooks")
    assert "You have no endpoints yet" in words(page)
    assert "Nothing has been sent" in words(page)
    page.button_group[0].set_value(["prediction.succeeded", "balance.low"])
    add_endpoint(page)
    secret = page.code[0].value
    assert secret.startswith("whsec_")
    page.run()
    assert page.code[0].value == secret
    press(page, "I have saved it")
    assert not page.code
    assert "webhooks/secret" not in page.session_state
    (made,) = client.webhooks.endpoints()
    assert (made.url, set(made.events)) == (URL, {"prediction.succeeded", "balance.low"})
    said = words(page)
    assert URL in said
    assert "Prediction succeeded, Few credits left" in said


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:8000/v1", "is not an address on the public internet"),
        ("gopher://example.com", "Give a whole https or http address"),
        ("https://me:secret@example.com", "Leave user name and password out"),
    ],
)
def test_a_refused_address_is_explained_and_stays_typed(
    cabinet: Cabinet, url: str, told: str
) -> None:
    client = cabinet.customer()
    page = cabinet.open("webhooks")
    add_endpoint(page, url)
    assert told in page.error[0].value.replace("\\", "")
    assert page.text_input[0].value == url
    assert client.webhooks.endpoints() == ()


def test_an_endpoint_needs_address_and_events(cabinet: Cabinet) -> None:
    cabinet.customer()
    page = cabinet.open("webhooks")
    page.button_group[0].set_value([])
    add_endpoint(page)
    assert "choose at least one event" in page.error[0].value


def test_a_test_becomes_a_delivery_with_its_details(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "PAUSE_SECONDS", 3600)  # the page may be drawn slowly
    client = cabinet.customer()
    endpoint = client.webhooks.add_endpoint(URL)
    page = cabinet.open("webhooks")
    press(page, "Send a test")
    assert "A test is on its way" in page.success[0].value
    press(page, "Send a test")
    assert page.error, "a test is allowed only once in a while"
    (delivery,) = client.webhooks.deliveries().items
    press(page, "Details")
    assert page.query_params["id"] == delivery.id
    details = cabinet.open("webhooks", id=delivery.id)
    assert not details.exception
    said = words(details)
    assert "Answer of the server" in said
    assert delivery.event_id in said
    assert endpoint.id in details.code[-1].value


def test_deliveries_are_filtered(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    first, second = (client.webhooks.add_endpoint(f"{URL}/{n}") for n in (1, 2))
    client.webhooks.test_endpoint(first.id)
    page = cabinet.open("webhooks")
    boxes = {box.label: box for box in page.selectbox}
    boxes["Endpoint"].set_value(second.id).run()
    assert "There are no such deliveries" in words(page)
    boxes["Endpoint"].set_value(first.id).run()
    assert "Details" in [one.label for one in page.button]
    boxes["Status"].set_value("succeeded").run()
    assert "There are no such deliveries" in words(page)


def test_a_disabled_endpoint_says_so_and_is_enabled(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    endpoint = client.webhooks.add_endpoint(URL)
    table = endpoints
    with cabinet.shop.house.db.write() as tx:
        tx.execute(table.update().where(table.c.id == endpoint.id).values(status="disabled"))
    page = cabinet.open("webhooks")
    assert "Too much could not be delivered" in page.warning[0].value
    assert "Send a test" not in [one.label for one in page.button]
    press(page, "Enable")
    assert client.webhooks.endpoint(endpoint.id).status == "active"
    assert not page.warning


def test_an_endpoint_is_removed_after_a_second_click(cabinet: Cabinet) -> None:
    client = cabinet.customer()
    client.webhooks.add_endpoint(URL)
    page = cabinet.open("webhooks")
    press(page, "Remove")
    assert client.webhooks.endpoints() != ()
    press(page, "Remove")
    assert client.webhooks.endpoints() == ()
    assert "You have no endpoints yet" in words(page)


def test_someone_elses_delivery_is_not_found(cabinet: Cabinet) -> None:
    owner = cabinet.customer()
    endpoint = owner.webhooks.add_endpoint(URL)
    delivery = owner.webhooks.test_endpoint(endpoint.id)
    cabinet.customer()
    page = cabinet.open("webhooks", id=delivery.id)
    assert page.error
    assert not page.code


def test_the_page_offers_every_event_there_is() -> None:
    assert {*EVENTS, *EVENTS_OF_ADMINS} == {str(one) for one in EventType}
