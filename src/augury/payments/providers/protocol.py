"""What a payment provider must be able to do: four methods, and the values that they speak in.

A provider speaks HTTP to another company, so none of its methods runs inside a transaction of
ours, and each may fail in the middle. That is why each can be repeated: `start` and `refund` name
our own id to the provider, who answers a repetition with what was done the first time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from augury.kit.db import Database
from augury.kit.errors import Refusal
from augury.settings import Settings


class PaymentState(StrEnum):
    """How far a payment, or a refund, has come at the provider."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (kopecks, cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays, as an invoice or a receipt has to name them; empty where nobody said."""

    email: str
    name: str = ""
    tax_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment that is to be started, or, with `saved_method`, to be made at once.

    `expires_at` is in microseconds since 1970; until then the customer may pay. `language` is
    `en` or `ru`. `return_url` is where the customer comes back to, whatever happened.
    """

    top_up_id: str
    money: Money
    credits: int
    description: str
    buyer: Buyer
    return_url: str
    language: str
    expires_at: int
    save_method: bool = False
    saved_method: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A started payment: the provider's name of it, and where the customer pays.

    With `expires_at` the provider gives the customer more time than was asked for.
    """

    reference: str
    checkout_url: str | None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method that may be charged again; `title` is safe to show (`Visa •••• 4242`)."""

    reference: str
    title: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What the provider says of a payment. `top_up_id` is what we called it when it was started.

    `reason` is a short code of why it failed; `refunded_minor` is what went back so far.
    """

    reference: str
    top_up_id: str
    state: PaymentState
    money: Money
    reason: str | None = None
    saved_method: SavedMethod | None = None
    refunded_minor: int = 0
    # The provider waits for a second stage, which `find` completes when the amount is right.
    needs_confirmation: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """A request to the webhook endpoint, as it came. Header names are lower case.

    `address` is the sender's, after the proxies that the settings trust.
    """

    headers: Mapping[str, str]
    body: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Event:
    """A verified notification: its id, unique with this provider, and what it tells."""

    id: str
    payment: Payment


@dataclass(frozen=True, slots=True)
class Refunding:
    """Money that is to go back. `id` is ours, and makes a repetition harmless."""

    id: str
    payment: str
    money: Money
    reason: str
    buyer: Buyer


@dataclass(frozen=True, slots=True)
class Context:
    """What a provider may use: the settings of the house, and the database for its own tables."""

    settings: Settings
    db: Database


class Provider(Protocol):
    """A payment provider. All methods block, for at most about ten seconds."""

    # The currencies it takes (ISO 4217), and whether it can charge a saved method.
    currencies: frozenset[str]
    saves_methods: bool

    def start(self, checkout: Checkout) -> Started:
        """Start a payment; the same top-up gives the same payment again.

        After `expires_at` it should find what was started, and start nothing.

        Raises `ProviderUnavailable` when nothing is known of what came of it, `ProviderRefused`
        when the provider said no and will never ask for that money.
        """
        ...

    def read(self, notification: Notification) -> Event | None:
        """Verify a notification and return what it tells; nothing when it does not concern us.

        Raises `NotificationRefused` when it is not the provider's, too old or cannot be read, and
        `ProviderUnavailable` when the payment has to be read again and cannot be.
        """
        ...

    def find(self, reference: str, money: Money) -> Payment | None:
        """Look a payment up at the provider; nothing when the provider knows none.

        `money` is what we expect: a provider with two stages takes the money in the second one
        only when it is the same. Raises `ProviderUnavailable`.
        """
        ...

    def refund(self, refunding: Refunding) -> PaymentState:
        """Give money back, once however often it is asked, and tell how far that has come.

        Raises `ProviderUnavailable` when nothing is known of what came of it, `ProviderRefused`
        when the provider said no.
        """
        ...


class ProviderUnavailable(Refusal):
    """The payment provider does not answer; nothing is known of what came of the request."""

    code = "provider_unavailable"
    status = 503


class ProviderRefused(Refusal):
    """The payment provider said no, for good; `reason` is its short code."""

    code = "provider_refused"
    status = 409


class NotificationRefused(Refusal):
    """The notification is not the provider's, or does not fit the top-up it names."""

    code = "notification_refused"
    status = 400
