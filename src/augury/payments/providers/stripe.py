"""Stripe, through its official SDK.

A customer pays on Stripe's own page, a Checkout Session (`cs_…`). A saved card is charged by a
payment intent without the customer (`pi_…`). Those two are the references; the intent inside a
session is never one, so that a payment does not arrive under two names.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

import stripe
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from stripe.params import PaymentIntentCreateParams
from stripe.params.checkout import SessionCreateParams

from augury.kit.clock import SECOND, now
from augury.kit.log import logger
from augury.payments.providers.protocol import (
    Checkout,
    Context,
    Event,
    Money,
    Notification,
    NotificationRefused,
    Payment,
    PaymentState,
    ProviderRefused,
    Refunding,
    SavedMethod,
    Started,
)
from augury.payments.providers.stripe_client import asking, open_client, unavailable, why

_LONGEST_BODY = 256 * 1024
# How far back one looks for what was made before; Stripe lists the newest first.
_MOST_LOOKED_THROUGH = 500
_PAGE = 100
# A session lives half an hour at least and a day at the most.
_SHORTEST_SESSION_SECONDS = 30 * 60
_LONGEST_SESSION_SECONDS = 24 * 3600
_LONGEST_REASON = 500
_REFERENCE = re.compile(r"(?:cs|pi)_\w{1,200}", re.ASCII)
# In these, Stripe's minor unit is not that of ISO 4217, and a price would be a hundred times off.
_OTHER_UNITS = frozenset({"ISK", "MGA", "UGX"})
# Of payment intents, only the two that decide: when one is created, it looks like a failed one.
_EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
    }
)
_REFUND_STATES = {
    "succeeded": PaymentState.SUCCEEDED,
    "failed": PaymentState.FAILED,
    "canceled": PaymentState.FAILED,
}

_Made = TypeVar("_Made", stripe.checkout.Session, stripe.PaymentIntent, stripe.Refund)


class StripeSettings(BaseSettings):
    """What the operator decides about Stripe. Without either secret it is off."""

    model_config = SettingsConfigDict(
        env_prefix="AUGURY_STRIPE_",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        str_strip_whitespace=True,  # a line end that came along with a copied key
    )

    secret_key: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    currencies: str = "USD,EUR"
    tolerance_seconds: int = Field(300, ge=1, le=3600)
    # The key is sent there, so it is encrypted on its way, or does not leave the machine.
    api_url: str = Field(
        stripe.DEFAULT_API_BASE, pattern=r"^(https://[\w.-]+|http://127\.0\.0\.1)(:\d+)?$"
    )

    @field_validator("currencies")
    @classmethod
    def _refuse_odd_currencies(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if odd := [name for name in names if not re.fullmatch("[A-Z]{3}", name)]:
            message = f"these are not codes of three capitals: {odd}"
            raise ValueError(message)
        if other := sorted(_OTHER_UNITS.intersection(names)):
            message = f"Stripe counts {', '.join(other)} in other units than ISO 4217"
            raise ValueError(message)
        return ",".join(names)


def open_provider(_context: Context) -> "Stripe | None":
    """Return Stripe, or nothing when a secret is not set."""
    settings = StripeSettings()
    if not (settings.secret_key.get_secret_value() and settings.webhook_secret.get_secret_value()):
        return None
    return Stripe(settings)


class Stripe:
    """The provider's four methods."""

    saves_methods = True

    def __init__(self, settings: StripeSettings) -> None:
        """Open for business; nothing is asked yet."""
        self.currencies = frozenset(settings.currencies.split(","))
        self._tolerance_seconds = settings.tolerance_seconds
        self._webhook_secret = settings.webhook_secret.get_secret_value()
        key = settings.secret_key.get_secret_value()
        self._live = "_live_" in key
        self._api = open_client(key, settings.api_url)

    def start(self, checkout: Checkout) -> Started:
        """Open a Checkout Session, or charge a saved card at once."""
        with asking():
            if checkout.saved_method is None:
                return self._open_session(checkout)
            return self._charge(checkout, checkout.saved_method)

    def _open_session(self, checkout: Checkout) -> Started:
        sessions = self._api.v1.checkout.sessions
        until = checkout.expires_at // SECOND
        session = _once(
            checkout,
            lambda key: sessions.create(_session_params(checkout), {"idempotency_key": key}),
            lambda: sessions.list({"created": {"lte": until}, "limit": _PAGE}),
        )
        return Started(session.id, session.url, session.expires_at * SECOND)

    def _charge(self, checkout: Checkout, saved_method: str) -> Started:
        intents = self._api.v1.payment_intents
        customer, _, card = saved_method.partition(":")
        params = _intent_params(checkout, customer, card)
        intent = _once(
            checkout,
            lambda key: intents.create(params, {"idempotency_key": key}),
            lambda: intents.list({"customer": customer, "limit": _PAGE}),
        )
        if intent.status == "requires_action":
            # The customer is not there to act, and shall not be asked later.
            intents.cancel(intent.id)
            raise ProviderRefused(reason="authentication_required")
        if _intent_state(intent) is PaymentState.FAILED:
            raise ProviderRefused(reason=why(intent.last_payment_error))
        return Started(intent.id, None)

    def read(self, notification: Notification) -> Event | None:
        """Return what an event tells of a payment of ours; the SDK checks its signature."""
        if len(notification.body) > _LONGEST_BODY:
            raise _refused("too_large")
        try:
            event = self._api.construct_event(
                notification.body,
                notification.headers.get("stripe-signature"),
                self._webhook_secret,
                self._tolerance_seconds,
            )
            live, payment = event.livemode, _told(event)
            kept = payment is not None and getattr(event.data.object, "customer", None)
        except stripe.SignatureVerificationError:
            raise _refused("signature") from None
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise _refused("unreadable") from None
        if live != self._live:
            raise _refused("livemode")
        if payment is None:
            return None
        if kept and payment.state is PaymentState.SUCCEEDED:
            # The card may have to be kept, and an event does not show it.
            payment = self.find(payment.reference, payment.money) or payment
        return Event(event.id, payment)

    def find(self, reference: str, money: Money) -> Payment | None:  # noqa: ARG002 -- Stripe takes money in one stage
        """Return a payment as Stripe has it now."""
        with asking():
            return _payment(self._look_up(reference))

    def _look_up(self, reference: str) -> stripe.checkout.Session | stripe.PaymentIntent | None:
        if not _REFERENCE.fullmatch(reference):
            return None
        inside = ["latest_charge", "payment_method"]
        try:
            if reference.startswith("pi_"):
                return self._api.v1.payment_intents.retrieve(reference, {"expand": inside})
            inside = [f"payment_intent.{name}" for name in inside]
            return self._api.v1.checkout.sessions.retrieve(reference, {"expand": inside})
        except stripe.InvalidRequestError as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return None
            # A question that Stripe finds wrong says nothing about the payment.
            logger("payments").error("stripe_question_refused", param=error.param)
            raise unavailable() from None

    def refund(self, refunding: Refunding) -> PaymentState:
        """Give money back, unless that was done before."""
        with asking():
            intent = _intent(self._look_up(refunding.payment))
            if intent is None:
                raise ProviderRefused(reason="not_paid")
            if intent.currency.upper() != refunding.money.currency:
                raise ProviderRefused(reason="currency")
            refunds = self._api.v1.refunds
            made = refunds.list({"payment_intent": intent.id, "limit": _PAGE})
            refund = _among(made, "refund_id", refunding.id) or refunds.create(
                {
                    "payment_intent": intent.id,
                    "amount": refunding.money.amount_minor,
                    "metadata": {
                        "refund_id": refunding.id,
                        "reason": refunding.reason[:_LONGEST_REASON],
                    },
                },
                {"idempotency_key": f"augury-refund-{refunding.id}"},
            )
        return _REFUND_STATES.get(refund.status or "", PaymentState.PENDING)


def _once(
    checkout: Checkout,
    make: Callable[[str], _Made],
    made: Callable[[], stripe.ListObject[_Made]],
) -> _Made:
    """Return what is made for the top-up now, or was made earlier.

    Stripe answers a key that it knows with the first result, but only for a day, and only when the
    rest of the request is the same: a customer who has changed the language asks for something
    else. Then one looks for what was made. A payment that is late is looked for and never made.
    """
    late = checkout.expires_at <= now()
    if not late:
        try:
            return make(f"augury-top-up-{checkout.top_up_id}")
        except stripe.IdempotencyError:
            pass
    earlier = _among(made(), "top_up_id", checkout.top_up_id)
    if earlier is None:
        raise ProviderRefused(reason="expired") if late else unavailable()
    return earlier


def _among(found: stripe.ListObject[_Made], name: str, value: str) -> _Made | None:
    """Return the one that we have marked with this value, or nothing if there is none."""
    for count, one in enumerate(found.auto_paging_iter()):
        if _mark(one, name) == value:
            return one
        if count + 1 == _MOST_LOOKED_THROUGH:
            raise unavailable()  # it may be among the rest
    return None


def _mark(one: _Made, name: str) -> str | None:
    return None if one.metadata is None else one.metadata.to_dict().get(name)


def _session_params(checkout: Checkout) -> SessionCreateParams:
    # A session has to live for half an hour from its creation. Counted from there, the end would
    # be another one in each repetition, and that another request; added to the end it is enough.
    end = checkout.expires_at // SECOND + _SHORTEST_SESSION_SECONDS
    marks = {"top_up_id": checkout.top_up_id}
    params: SessionCreateParams = {
        "mode": "payment",
        "client_reference_id": checkout.top_up_id,
        "metadata": marks,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": checkout.money.currency.lower(),
                    "unit_amount": checkout.money.amount_minor,
                    "product_data": {"name": checkout.description},
                },
            }
        ],
        "payment_intent_data": {"description": checkout.description, "metadata": marks},
        # What is paid has to be what was asked for, in the same currency.
        "adaptive_pricing": {"enabled": False},
        "success_url": checkout.return_url,
        "cancel_url": checkout.return_url,
        "expires_at": min(end, now() // SECOND + _LONGEST_SESSION_SECONDS),
        "locale": "ru" if checkout.language == "ru" else "en",
    }
    if checkout.buyer.email:
        params["customer_email"] = checkout.buyer.email
    if checkout.save_method:
        params["customer_creation"] = "always"
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params


def _intent_params(checkout: Checkout, customer: str, card: str) -> PaymentIntentCreateParams:
    return {
        "amount": checkout.money.amount_minor,
        "currency": checkout.money.currency.lower(),
        "customer": customer,
        "payment_method": card,
        # There is nobody to be sent to another page.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "confirm": True,
        "off_session": True,
        "metadata": {"top_up_id": checkout.top_up_id, "off_session": "yes"},
    }


def _refused(reason: str) -> NotificationRefused:
    logger("payments").warning("stripe_notification_refused", reason=reason)
    return NotificationRefused(reason=reason)


def _told(event: stripe.Event) -> Payment | None:
    if event.type not in _EVENTS or getattr(event, "account", None) is not None:
        return None  # an `account` is one connected to the operator's: its money is not ours
    payment = _payment(event.data.object)
    if payment is not None and event.type == "checkout.session.async_payment_failed":
        return replace(payment, state=PaymentState.FAILED, reason="payment_failed")
    return payment


def _payment(told: object) -> Payment | None:
    """Return the payment that a session or an intent is, or nothing when it is none of ours."""
    if isinstance(told, stripe.checkout.Session):
        state, reason = _session_state(told)
        money = Money(told.amount_total or 0, (told.currency or "").upper())
        top_up_id = _mark(told, "top_up_id")
    elif isinstance(told, stripe.PaymentIntent) and _mark(told, "off_session") == "yes":
        state, reason = _intent_state(told), why(told.last_payment_error)
        money = Money(told.amount, told.currency.upper())
        top_up_id = _mark(told, "top_up_id")
    else:
        return None
    if top_up_id is None:
        return None
    intent = _intent(told)
    by_session = intent is not told and state is PaymentState.SUCCEEDED
    charge = intent and intent.latest_charge
    return Payment(
        told.id,
        top_up_id,
        state,
        money,
        reason if state is PaymentState.FAILED else None,
        _saved_method(intent) if by_session else None,
        charge.amount_refunded if isinstance(charge, stripe.Charge) else 0,
    )


def _intent(told: object) -> stripe.PaymentIntent | None:
    """Return the intent that a session has inside, once there is one, or that this is itself."""
    intent = told.payment_intent if isinstance(told, stripe.checkout.Session) else told
    return intent if isinstance(intent, stripe.PaymentIntent) else None


def _session_state(session: stripe.checkout.Session) -> tuple[PaymentState, str]:
    if session.payment_status == "paid":
        return PaymentState.SUCCEEDED, ""
    if session.status == "expired":
        return PaymentState.FAILED, "expired"
    intent = _intent(session)
    if session.status == "complete" and intent and _intent_state(intent) is PaymentState.FAILED:
        return PaymentState.FAILED, why(intent.last_payment_error)
    return PaymentState.PENDING, ""


def _intent_state(intent: stripe.PaymentIntent) -> PaymentState:
    if intent.status == "succeeded":
        return PaymentState.SUCCEEDED
    failed = intent.status in {"canceled", "requires_payment_method"}
    return PaymentState.FAILED if failed else PaymentState.PENDING


def _saved_method(intent: stripe.PaymentIntent | None) -> SavedMethod | None:
    """Return the card that may be charged again; of what else Stripe keeps, nothing is used."""
    if intent is None or intent.setup_future_usage != "off_session" or intent.customer is None:
        return None
    method = intent.payment_method
    if not isinstance(method, stripe.PaymentMethod) or method.type != "card":
        return None
    customer = intent.customer if isinstance(intent.customer, str) else intent.customer.id
    card = method.card
    title = f"{card.brand.title()} •••• {card.last4}" if card else method.type
    return SavedMethod(f"{customer}:{method.id}", title)
