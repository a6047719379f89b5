"""YooKassa in a test's hands: the real provider pointed at a server of ours."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from augury.kit.clock import SECOND, now
from augury.kit.ids import new_id
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Event,
    Money,
    Notification,
    Payment,
    PaymentState,
    Refunding,
)
from augury.payments.providers.yookassa import YooKassa, YooKassaSettings
from payments.providers.yookassa_server import SECRET_KEY, SHOP_ID, YooKassaServer

SENDER = "185.71.76.10"
PRICE = Money(150_000, "RUB")
ANNA = Buyer(email="anna@example.com")


@dataclass
class YooKassaBank:
    """YooKassa in the test's hands."""

    provider: YooKassa
    server: YooKassaServer
    notifies: bool = True

    def pay(self, reference: str) -> list[Notification]:
        """The customer pays; the money is reserved."""
        self.server.pay(reference)
        return [told(self.server.sent[-1])]

    def decline(self, reference: str) -> list[Notification]:
        """The customer never pays."""
        self.server.cancel(reference)
        return [told(self.server.sent[-1])]

    def forgeries(self, genuine: Notification) -> dict[str, Notification]:
        """Return what a stranger could send, also from where YooKassa is."""
        name = json.loads(genuine.body)["object"]["id"]
        return {
            "from a foreign address": replace(genuine, address="203.0.113.7"),
            "from a foreign IPv6 address": replace(genuine, address="2001:db8::1"),
            "from a foreign address in IPv6": replace(genuine, address="::ffff:203.0.113.7"),
            "from this machine": replace(genuine, address="127.0.0.1"),
            "from nowhere": replace(genuine, address=""),
            "from a name": replace(genuine, address="yookassa.ru"),
            "of a payment that nobody made": told(claim("payment.succeeded", new_id())),
            "of money that was not taken": told(claim("payment.succeeded", name)),
            "of what was not cancelled": told(claim("payment.canceled", name)),
            "of a refund that nobody made": told(claim("refund.succeeded", name)),
            "with a path for a name": told(claim("payment.succeeded", f"../payments/{name}")),
        }

    def refunded_minor(self, reference: str) -> int:
        """Return what went back."""
        return int(self.server.refunded(reference) * 100)

    def payments(self) -> int:
        """Return how many payments were made."""
        return len(self.server.payments)

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Cut every connection."""
        self.server.cuts = "before"
        yield
        self.server.cuts = None


@contextmanager
def open_bank() -> Iterator[YooKassaBank]:
    """Give a bank with a server that runs."""
    with YooKassaServer().open() as server:
        yield YooKassaBank(provider_of(server), server)


def provider_of(server: YooKassaServer, **changes: Any) -> YooKassa:
    """Return a provider that speaks for the server's shop."""
    known = {"shop_id": SHOP_ID, "secret_key": SECRET_KEY, "api_url": server.address}
    return YooKassa(YooKassaSettings(**{**known, **changes}))


def told(body: bytes, address: str = SENDER) -> Notification:
    """Return a notification as it comes in."""
    return Notification({"content-type": "application/json"}, body, address)


def claim(event: str, name: str, **more: Any) -> bytes:
    """Return a notification that anybody could write."""
    thing = {"id": name, **more}
    return json.dumps({"type": "notification", "event": event, "object": thing}).encode()


def checkout(**changes: Any) -> Checkout:
    """Return a checkout of 1500 roubles."""
    known = Checkout(
        top_up_id=new_id(),
        money=PRICE,
        credits=1500,
        description="1500 кредитов Augury",
        buyer=ANNA,
        return_url="https://augury.example/top-ups/1",
        language="ru",
        expires_at=now() + 3600 * SECOND,
    )
    return replace(known, **changes)


def refunding(reference: str, minor: int, **changes: Any) -> Refunding:
    """Return a refund of so much of a payment."""
    known = Refunding(new_id(), reference, Money(minor, "RUB"), "Ошибка клиента", ANNA)
    return replace(known, **changes)


def started(bank: YooKassaBank, **changes: Any) -> str:
    """Start a payment and return its name."""
    return bank.provider.start(checkout(**changes)).reference


def found(bank: YooKassaBank, reference: str, money: Money = PRICE) -> Payment:
    """Look for a payment that is there."""
    payment = bank.provider.find(reference, money)
    assert payment is not None
    return payment


def paid(bank: YooKassaBank, **changes: Any) -> str:
    """Start a payment, pay it in both stages and return its name."""
    reference = started(bank, **changes)
    bank.server.pay(reference)
    assert found(bank, reference).state is PaymentState.SUCCEEDED
    return reference


def read(bank: YooKassaBank, body: bytes) -> Event:
    """Read a notification that concerns us."""
    event = bank.provider.read(told(body))
    assert event is not None
    return event
