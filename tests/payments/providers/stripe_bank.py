"""Stripe in the hands of a test: the provider's real code, pointed at the server of the tests."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import stripe

from augury.payments.providers.protocol import Money, Notification, Payment, Provider
from augury.payments.providers.stripe import Stripe, StripeSettings
from payments.providers.stripe_server import KEY, WEBHOOK_SECRET, StripeServer, sent

PRICE = Money(100_00, "USD")


class StripeBank:
    """Stripe in the test's hands."""

    notifies = True

    def __init__(self, server: StripeServer) -> None:
        """Point the provider at the server."""
        self.server = server
        self.provider: Provider = Stripe(
            StripeSettings(secret_key=KEY, webhook_secret=WEBHOOK_SECRET, api_url=server.address)
        )

    def pay(self, reference: str) -> list[Notification]:
        """The customer pays by card."""
        return [sent(event) for event in self.server.pay(reference)]

    def decline(self, reference: str) -> list[Notification]:
        """The card is declined, and the session ends."""
        return [sent(event) for event in self.server.expire(reference)]

    def forgeries(self, genuine: Notification) -> dict[str, Notification]:
        """Return what a stranger could send."""
        told = json.loads(genuine.body)
        amount = b'"amount_total": 10000'
        assert amount in genuine.body
        changed = genuine.body.replace(amount, b'"amount_total": 10001')
        moment, _, signature = genuine.headers["stripe-signature"].partition(",v1=")

        def signed(header: str) -> Notification:
            return dataclasses.replace(genuine, headers={"stripe-signature": header})

        return {
            "one byte changed": dataclasses.replace(genuine, body=changed),
            "one byte more": dataclasses.replace(genuine, body=genuine.body + b" "),
            "no signature": dataclasses.replace(genuine, headers={}),
            "an empty signature": signed(""),
            "a signature of another scheme": signed(f"{moment},v0={signature}"),
            "a signature of no moment": signed(f"v1={signature}"),
            "a moment that is no number": signed(f"t=x,v1={signature}"),
            "a later moment": signed(f"t={int(moment[2:]) + 1},v1={signature}"),
            "letters beyond ASCII": signed(f"{moment},v1=é"),
            "another secret": sent(told, "whsec_of_somebody_else"),
            "an empty secret": sent(told, ""),
            "an old one": sent(told, moment=int(moment[2:]) - 301),
            "of the live mode": sent({**told, "livemode": True}),
        }

    def refunded_minor(self, reference: str) -> int:
        """Look into Stripe's books."""
        things = self.server.things
        intent = things[things[reference]["payment_intent"]]
        return int(things[intent["latest_charge"]]["amount_refunded"])

    def payments(self) -> int:
        """Count sessions, and intents that are in none."""
        inside = {one["payment_intent"] for one in self.all("checkout.session")}
        intents = [one for one in self.all("payment_intent") if one["id"] not in inside]
        return len(self.all("checkout.session")) + len(intents)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return all things of a kind."""
        return [one for one in self.server.things.values() if one["object"] == kind]

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Close every connection without reading from it."""
        self.server.down = True
        yield
        self.server.down = False

    def saved_card(self, **changes: Any) -> str:
        """Return what the provider keeps of a card; `changes` say how it behaves."""
        return f"cus_1:{self.server.card('cus_1', **changes)['id']}"

    def found(self, reference: str) -> Payment:
        """Return a payment that must be there."""
        payment = self.provider.find(reference, PRICE)
        assert payment is not None
        return payment


@contextmanager
def open_bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeBank]:
    """Give Stripe on this machine; the SDK does not wait between its attempts."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    with StripeServer().open() as server:
        yield StripeBank(server)
