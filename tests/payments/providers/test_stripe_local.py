"""Stripe's SDK against `localstripe`, which somebody else wrote: intents, refunds, signed events.

It runs as a process of its own, on this machine only, and keeps its books in memory. It knows
neither Checkout Sessions nor idempotency keys nor `automatic_payment_methods`; the last one is
taken out on its side of the wire.
"""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
import stripe

from augury.kit.clock import SECOND, now
from augury.kit.ids import new_id
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Money,
    Notification,
    NotificationRefused,
    PaymentState,
    ProviderRefused,
    Refunding,
)
from augury.payments.providers.stripe import Stripe, StripeSettings
from support.houses import free_port

KEY, SECRET = "sk_test_localstripe", "whsec_localstripe"
ANNA = Buyer("anna@example.com")
PRICE = Money(100_00, "EUR")
STARTS_WITHIN_SECONDS = 120
GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000341", "4000002500003155"
PROGRAM = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
create = resources.PaymentIntent._api_create.__func__
def without(cls, automatic_payment_methods=None, **known):
    return create(cls, **known)
resources.PaymentIntent._api_create = classmethod(without)
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running localstripe."""
    port = free_port()
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(port)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _ready(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def _ready(address: str, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{address}/v1/balance", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return address
    message = "localstripe did not start"
    raise AssertionError(message)


@dataclass
class Desk:
    """The provider, a client of the test's own, and what arrives at the webhook endpoint."""

    provider: Stripe
    client: stripe.StripeClient
    arrived: "queue.Queue[Notification]" = field(default_factory=queue.Queue)

    def saved_card(self, number: str) -> str:
        """Return what the provider keeps of a card."""
        customer = self.client.v1.customers.create({"email": ANNA.email})
        methods = self.client.v1.payment_methods
        method = methods.create(
            {
                "type": "card",
                "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"},
            }
        )
        methods.attach(method.id, {"customer": customer.id})
        return f"{customer.id}:{method.id}"

    def checkout(self, number: str) -> Checkout:
        """Return a charge of such a card."""
        end = now() + 3600 * SECOND
        return Checkout(
            new_id(), PRICE, 1000, "1000 credits", ANNA, "http://x", "en", end,
            saved_method=self.saved_card(number),
        )  # fmt: skip

    def told(self, top_up_id: str) -> Notification:
        """Wait for the notification of a top-up."""
        while True:
            notification = self.arrived.get(timeout=90)
            if top_up_id.encode() in notification.body:
                return notification


@pytest.fixture
def desk(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings = StripeSettings(secret_key=KEY, webhook_secret=SECRET, api_url=address)
    client = stripe.StripeClient(
        KEY, base_addresses={"api": address}, http_client=stripe.RequestsClient(timeout=90)
    )
    opened = Desk(Stripe(settings), client)

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            opened.arrived.put(Notification(headers, body, "127.0.0.1"))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1/webhooks/stripe"
    hook = {"url": url, "secret": SECRET}
    place = f"{address}/_config/webhooks/tests"
    httpx2.post(place, json=hook, trust_env=False, timeout=90).raise_for_status()
    yield opened
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_saved_card_is_charged_found_and_told_of(desk: Desk) -> None:
    checkout = desk.checkout(GOOD)
    started = desk.provider.start(checkout)
    assert started.checkout_url is None
    payment = desk.provider.find(started.reference, PRICE)
    assert payment is not None
    assert payment.state is PaymentState.SUCCEEDED
    assert (payment.reference, payment.top_up_id) == (started.reference, checkout.top_up_id)
    assert (payment.money, payment.refunded_minor) == (PRICE, 0)
    event = desk.provider.read(desk.told(checkout.top_up_id))
    assert event is not None
    assert event.id.startswith("evt_")
    assert event.payment == payment


def test_its_notification_is_refused_when_it_is_changed_or_for_another_secret(desk: Desk) -> None:
    checkout = desk.checkout(GOOD)
    desk.provider.start(checkout)
    genuine = desk.told(checkout.top_up_id)
    assert b"10000" in genuine.body
    changed = replace(genuine, body=genuine.body.replace(b"10000", b"10001"))
    with pytest.raises(NotificationRefused):
        desk.provider.read(changed)
    other = Stripe(StripeSettings(secret_key=KEY, webhook_secret="whsec_other"))
    with pytest.raises(NotificationRefused):
        other.read(genuine)


def test_a_declined_card_is_refused_and_told_of(desk: Desk) -> None:
    checkout = desk.checkout(DECLINED)
    with pytest.raises(ProviderRefused) as refusal:
        desk.provider.start(checkout)
    assert refusal.value.values == {"reason": "card_declined"}
    event = desk.provider.read(desk.told(checkout.top_up_id))
    assert event is not None
    assert (event.payment.state, event.payment.reason) == (PaymentState.FAILED, "card_declined")
    assert event.payment.top_up_id == checkout.top_up_id
    assert desk.provider.find(event.payment.reference, PRICE) == event.payment


def test_a_card_that_asks_for_its_owner_is_refused_and_never_charged(desk: Desk) -> None:
    checkout = desk.checkout(ASKS)
    with pytest.raises(ProviderRefused) as refusal:
        desk.provider.start(checkout)
    assert refusal.value.values == {"reason": "authentication_required"}
    intents = desk.client.v1.payment_intents.list({"limit": 100}).data
    ours = [one for one in intents if one.metadata.to_dict().get("top_up_id") == checkout.top_up_id]
    assert [one.status for one in ours] == ["canceled"]


def test_refunds_add_up_and_each_is_given_once(desk: Desk) -> None:
    """Localstripe forgets keys at once, so a repetition is found by its mark alone."""
    started = desk.provider.start(desk.checkout(GOOD))
    for minor in (40_00, 25_00):
        back = Refunding(new_id(), started.reference, Money(minor, "EUR"), "why", ANNA)
        for _ in range(2):
            assert desk.provider.refund(back) is PaymentState.SUCCEEDED
    payment = desk.provider.find(started.reference, PRICE)
    assert payment is not None
    assert payment.refunded_minor == 65_00


def test_an_unknown_intent_is_not_found(desk: Desk) -> None:
    assert desk.provider.find("pi_nobody", PRICE) is None
