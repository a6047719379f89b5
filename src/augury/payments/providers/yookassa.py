"""YooKassa: cards, wallets and SberPay in roubles, with receipts as Russian law (54-FZ) wants them.

The customer's money is only reserved at first (`waiting_for_capture`). `find` takes it, in a second
stage and only when it is exactly what the top-up asks for; what is never taken goes back by itself.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from augury.kit.clock import SECOND, now
from augury.kit.decoding import decode
from augury.kit.ids import is_id
from augury.kit.log import logger
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Context,
    Event,
    Money,
    Notification,
    NotificationRefused,
    Payment,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    Refunding,
    SavedMethod,
    Started,
)
from augury.payments.providers.yookassa_client import (
    LONGEST_RETRY_SECONDS,
    RETRY_SECONDS,
    Cancellation,
    Client,
    Method,
    RawPayment,
    RawRefund,
    RawRefunds,
)

# YooKassa keeps idempotence keys for a day.
_KEY_LIFE = 23 * 3600 * SECOND
_DATED = 7
_LONGEST_NOTIFICATION_BYTES = 256 * 1024
_LONGEST_DESCRIPTION = 128
_LONGEST_REASON = 64
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_log = logger("payments")


class YooKassaSettings(BaseSettings):
    """What the operator decides about YooKassa."""

    model_config = SettingsConfigDict(
        env_prefix="AUGURY_YOOKASSA_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    shop_id: str = Field("", description="The shop's number; without it the provider is off.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="The shop's secret key; without it the provider is off."
    )
    api_url: str = Field("https://api.yookassa.ru/v3", description="Where YooKassa's API is.")
    notification_networks: str = Field(
        "185.71.76.0/27,185.71.77.0/27,77.75.153.0/25,77.75.156.11/32,77.75.156.35/32,"
        "77.75.154.128/25,2a02:5180::/32",
        description="Networks, with commas, from which notifications are believed.",
    )
    receipts: Literal["on", "off"] = Field(
        "on", description="Send what a fiscal receipt (54-FZ) needs with payments and refunds."
    )
    vat_code: int = Field(1, ge=1, le=12, description="YooKassa's code of the VAT rate.")
    tax_system_code: int | None = Field(
        None, ge=1, le=6, description="YooKassa's code of the tax system, where a receipt needs it."
    )
    saved_methods: Literal["on", "off"] = Field(
        "on", description="`off` for shops that YooKassa does not allow recurring payments."
    )

    @field_validator("shop_id", "secret_key", mode="before")
    @classmethod
    def _stripped(cls, value: str | SecretStr) -> str:
        # A line end that came along with a copied key would only look like a wrong key.
        return (value if isinstance(value, str) else value.get_secret_value()).strip()

    @field_validator("api_url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            message = "AUGURY_YOOKASSA_API_URL must begin with https://"
            raise ValueError(message)
        return url.rstrip("/")

    @field_validator("notification_networks")
    @classmethod
    def _networks(cls, networks: str) -> str:
        for network in networks.split(","):
            ip_network(network.strip())
        return networks


class _Object(msgspec.Struct):
    id: str


class _Told(msgspec.Struct):
    type: Literal["notification"]
    event: str
    object: _Object


_STATES = {
    "pending": PaymentState.PENDING,
    "waiting_for_capture": PaymentState.PENDING,
    "succeeded": PaymentState.SUCCEEDED,
    "canceled": PaymentState.FAILED,
}
_REFUND_SUCCEEDED = "refund.succeeded"
# The events that concern us, and what a payment can have become by the time they are read.
_TRUE_WHEN = {
    "payment.waiting_for_capture": ("waiting_for_capture", "succeeded", "canceled"),
    "payment.succeeded": ("succeeded",),
    "payment.canceled": ("canceled",),
    _REFUND_SUCCEEDED: ("succeeded",),
}


def open_provider(_context: Context) -> "YooKassa | None":
    """Return the provider, or nothing when the shop or its secret is not set."""
    settings = YooKassaSettings()
    if not settings.shop_id or not settings.secret_key.get_secret_value():
        return None
    return YooKassa(settings)


class YooKassa:
    """A shop at YooKassa. It keeps nothing between calls, so any number of threads may call it."""

    currencies = frozenset({"RUB"})

    def __init__(self, settings: YooKassaSettings) -> None:
        """Take the settings of a shop."""
        self.saves_methods = settings.saved_methods == "on"
        self._settings = settings
        self._networks = [
            ip_network(network.strip()) for network in settings.notification_networks.split(",")
        ]
        self._client = Client(
            settings.shop_id, settings.secret_key.get_secret_value(), settings.api_url
        )

    def start(self, checkout: Checkout) -> Started:
        """Reserve the money at a page of YooKassa, or take it at once from a saved method.

        The top-up's id is the idempotence key. When YooKassa may have forgotten it, nothing is
        asked for: it could be a second payment.
        """
        if _forgotten(checkout.top_up_id):
            _log.error("yookassa_start_too_late", top_up_id=checkout.top_up_id)
            raise ProviderUnavailable(retry_after_seconds=LONGEST_RETRY_SECONDS)
        made = self._client.patient().ask(
            "POST", "/payments", RawPayment, key=checkout.top_up_id, body=self._order(checkout)
        )
        if made is None:
            raise ProviderRefused(reason="not_found")
        if made.status == "canceled":
            raise ProviderRefused(reason=_reason(made.cancellation_details))
        if checkout.saved_method is not None:
            return Started(made.id, None)
        if made.confirmation is None or made.confirmation.confirmation_url is None:
            _log.error("yookassa_answer_unreadable", path="/payments", reason="no address to pay")
            raise ProviderUnavailable(retry_after_seconds=RETRY_SECONDS)
        return Started(made.id, made.confirmation.confirmation_url)

    def read(self, notification: Notification) -> Event | None:
        """Verify a notification and return what it tells; nothing when it does not concern us.

        YooKassa signs nothing. So the sender must have one of its addresses, and of the body only
        the event and the name of its object are used: the payment is read again. What it says must
        bear the event out. A payment that waits for its second stage comes as pending with
        `needs_confirmation`: call `find` with the money of the top-up to complete it.

        YooKassa's events have no ids either. This one is made of what happened, to what, and how
        the payment stands now: a repetition that tells nothing new has the id of the first.
        """
        if not self._sends_from(notification.address):
            raise _refused("address", notification)
        told = _told(notification)
        if told.event not in _TRUE_WHEN:
            return None
        client, reference = self._client.patient(), told.object.id
        if told.event == _REFUND_SUCCEEDED:
            refund = client.find("/refunds", reference, RawRefund)
            if refund is None or refund.status != "succeeded":
                raise _refused("refund", notification)
            reference = refund.payment_id
        found = client.find("/payments", reference, RawPayment)
        if found is None or found.status not in _TRUE_WHEN[told.event]:
            raise _refused("payment", notification)
        payment = _payment(found)
        event_id = f"{told.event}:{told.object.id}:{found.status}"
        return None if payment is None else Event(event_id, payment)

    def find(self, reference: str, money: Money) -> Payment | None:
        """Look a payment up, and take the reserved money if it is exactly `money`."""
        client = self._client.patient()
        found = client.find("/payments", reference, RawPayment)
        if found is None or _payment(found) is None:
            return None
        if found.status == "waiting_for_capture":
            found = _capture(client, found, money)
        return _payment(found)

    def refund(self, refunding: Refunding) -> PaymentState:
        """Give money back; the refund carries our id, by which a repetition finds it."""
        client = self._client.patient()
        if (payment := client.find("/payments", refunding.payment, RawPayment)) is None:
            raise ProviderRefused(reason="not_found")
        made = _made_before(client, refunding) or client.ask(
            "POST", "/refunds", RawRefund, key=refunding.id, body=self._return(refunding, payment)
        )
        if made is None:
            raise ProviderRefused(reason="not_found")
        if made.status == "canceled":
            raise ProviderRefused(reason=_reason(made.cancellation_details))
        return _STATES[made.status]

    def _order(self, checkout: Checkout) -> dict[str, Any]:
        description = checkout.description[:_LONGEST_DESCRIPTION]
        order: dict[str, Any] = {
            "amount": _amount(checkout.money),
            "description": description,
            "metadata": {"top_up_id": checkout.top_up_id},
            "capture": checkout.saved_method is not None,
            **self._receipt(checkout.buyer, description, checkout.money),
        }
        if checkout.saved_method is not None:
            order["payment_method_id"] = checkout.saved_method
            return order
        order["confirmation"] = {
            "type": "redirect",
            "return_url": checkout.return_url,
            "locale": "ru_RU" if checkout.language == "ru" else "en_US",
        }
        if checkout.save_method and self.saves_methods:
            order["save_payment_method"] = True
        return order

    def _return(self, refunding: Refunding, payment: RawPayment) -> dict[str, Any]:
        reason = refunding.reason[:_LONGEST_DESCRIPTION]
        # The receipt of a refund names what the receipt of the payment named.
        named = payment.description or reason
        return {
            "payment_id": refunding.payment,
            "amount": _amount(refunding.money),
            "metadata": {"refund_id": refunding.id},
            **({"description": reason} if reason else {}),
            **self._receipt(refunding.buyer, named, refunding.money),
        }

    def _receipt(self, buyer: Buyer, description: str, money: Money) -> dict[str, Any]:
        if self._settings.receipts == "off":
            return {}
        item = {
            "description": description,
            "quantity": "1.00",
            "amount": _amount(money),
            "vat_code": self._settings.vat_code,
            # Credits are paid before what they buy is known.
            "payment_mode": "full_prepayment",
            "payment_subject": "service",
        }
        receipt: dict[str, Any] = {"customer": {"email": buyer.email}, "items": [item]}
        if self._settings.tax_system_code is not None:
            receipt["tax_system_code"] = self._settings.tax_system_code
        return {"receipt": receipt}

    def _sends_from(self, address: str) -> bool:
        try:
            sender = ip_address(address)
        except ValueError:
            return False
        if isinstance(sender, IPv6Address) and sender.ipv4_mapped is not None:
            sender = sender.ipv4_mapped
        return any(sender in network for network in self._networks)


def _capture(client: Client, found: RawPayment, money: Money) -> RawPayment:
    """Take reserved money if it is what is expected, and return how the payment stands now."""
    said = found.amount.money()
    if said != money:
        _log.error("yookassa_amount_differs", reference=found.id, said=said, expected=money)
        return found
    try:
        captured = client.ask(
            "POST",
            f"/payments/{found.id}/capture",
            RawPayment,
            key=f"capture-{found.id}",
            body={"amount": _amount(money)},
        )
    except ProviderRefused:
        # It is too late, or another process was faster: what it has become says which.
        captured = client.find("/payments", found.id, RawPayment)
    return captured or found


def _made_before(client: Client, refunding: Refunding) -> RawRefund | None:
    query: dict[str, Any] = {"payment_id": refunding.payment, "limit": 100}
    while True:
        page = client.ask("GET", "/refunds", RawRefunds, query=query)
        for made in page.items if page else ():
            if (made.metadata or {}).get("refund_id") == refunding.id:
                return made
        if page is None or page.next_cursor is None:
            return None
        query["cursor"] = page.next_cursor


def _told(notification: Notification) -> _Told:
    if len(notification.body) > _LONGEST_NOTIFICATION_BYTES:
        raise _refused("length", notification)
    try:
        return decode(notification.body, _Told)
    except (ValueError, RecursionError):
        raise _refused("body", notification) from None


def _refused(reason: str, notification: Notification) -> NotificationRefused:
    _log.warning("yookassa_notification_refused", reason=reason, address=notification.address[:64])
    return NotificationRefused()


def _payment(found: RawPayment) -> Payment | None:
    """Return a payment in our words; nothing when it was made by somebody else in the shop."""
    top_up_id = (found.metadata or {}).get("top_up_id")
    if not isinstance(top_up_id, str):
        return None
    return Payment(
        found.id,
        top_up_id,
        _STATES[found.status],
        found.amount.money(),
        reason=_reason(found.cancellation_details) if found.status == "canceled" else None,
        saved_method=_saved(found.payment_method),
        refunded_minor=found.refunded_amount.money().amount_minor if found.refunded_amount else 0,
        needs_confirmation=found.status == "waiting_for_capture",
    )


def _saved(method: Method | None) -> SavedMethod | None:
    if method is None or not method.saved:
        return None
    title = method.title or method.type
    if method.card is not None and method.card.last4:
        title = f"{method.card.card_type or title} •••• {method.card.last4}"
    return SavedMethod(method.id, title[:64])


def _reason(cancellation: Cancellation | None) -> str:
    reason = None if cancellation is None else cancellation.reason
    return (reason or "canceled")[:_LONGEST_REASON]


def _amount(money: Money) -> dict[str, str]:
    roubles, kopecks = divmod(money.amount_minor, 100)
    return {"value": f"{roubles}.{kopecks:02d}", "currency": money.currency}


def _forgotten(top_up_id: str) -> bool:
    """Tell whether a key can be forgotten: version 7 begins with the milliseconds since 1970."""
    if not is_id(top_up_id) or (born := UUID(top_up_id)).version != _DATED:
        return False
    return now() - (born.int >> 80) * 1000 > _KEY_LIFE
