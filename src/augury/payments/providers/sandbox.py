"""The sandbox: a provider whose bank is a page of the API, so that the shop runs without keys.

This file is both sides of the wire: the bank with its own books (`decide`, `notify`), and the
provider that speaks for us. Between them goes a signed notification over HTTP, to the same endpoint
that every other provider uses; the bank touches nothing of ours.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx2
from sqlalchemy import Row, func, select, text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database, ReadTx
from augury.kit.errors import LedgerUnavailable, NotFound
from augury.kit.ids import new_id
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
    ProviderUnavailable,
    Refunding,
    SavedMethod,
    Started,
)
from augury.payments.tables import sandbox_payments as payments
from augury.payments.tables import sandbox_refunds as refunds

NAME = "sandbox"
SIGNATURE = "sandbox-signature"
_TOLERANCE_SECONDS = 300
_LONGEST_BODY = 16 * 1024
_NOTIFY_SECONDS = 5
_SLOW_SECONDS = 15
_MOST_SENDING = 4
_DECLINING = "_declines"


class Choice(StrEnum):
    """What a visitor of the bank's page may do."""

    APPROVE = "approve"
    APPROVE_ONCE = "approve_once"  # the saved card is declined when it is charged again
    DECLINE = "decline"
    SLOW = "slow"
    TWICE = "twice"
    OUT_OF_ORDER = "out_of_order"


@dataclass(frozen=True, slots=True)
class Bill:
    """What the bank's page shows."""

    reference: str
    state: PaymentState
    money: Money
    description: str
    return_url: str
    language: str
    save_method: bool
    expired: bool


def open_provider(context: Context) -> "Sandbox":
    """Return the sandbox; it signs with a key made from the house's own."""
    secret = context.settings.secret_key.get_secret_value().encode()
    key = hmac.digest(secret, b"sandbox notifications", "sha256")
    return Sandbox(context.db, key, context.settings.public_url.rstrip("/"))


class Sandbox:
    """The provider's four methods, and the bank behind them."""

    currencies = frozenset({"RUB", "USD", "EUR"})
    saves_methods = True

    def __init__(self, db: Database, key: bytes, public_url: str) -> None:
        """Open for business at `public_url`."""
        self._db = db
        self._key = key
        self._public_url = public_url
        # Not the server's own threads: what is sent comes back to this server and needs them.
        self._couriers = ThreadPoolExecutor(_MOST_SENDING, thread_name_prefix="sandbox")

    def start(self, checkout: Checkout) -> Started:
        """Start a payment at the bank, or charge a saved method at once."""
        moment = now()
        row = {
            "reference": f"sbx_{new_id()}",
            "top_up_id": checkout.top_up_id,
            "state": PaymentState.PENDING,
            "amount_minor": checkout.money.amount_minor,
            "currency": checkout.money.currency,
            "description": checkout.description[:200],
            "return_url": checkout.return_url,
            "save_method": checkout.save_method,
            "method": checkout.saved_method,
            "language": checkout.language,
            "created_at": moment,
            "expires_at": checkout.expires_at,
        }
        if checkout.saved_method is not None:
            if checkout.saved_method.endswith(_DECLINING):
                raise ProviderRefused(reason="card_declined")
            row["state"] = PaymentState.SUCCEEDED
        with _answering(), self._db.write() as tx:
            if checkout.expires_at > moment:
                tx.execute(_START, row)
            stored = tx.execute(
                select(payments.c.reference).where(payments.c.top_up_id == checkout.top_up_id)
            ).scalar()
        if stored is None:
            raise ProviderRefused(reason="expired")
        page = f"{self._public_url}/sandbox/{stored}"
        return Started(stored, None if checkout.saved_method else page)

    def read(self, notification: Notification) -> Event:
        """Return what a notification tells whose signature is ours and young."""
        if len(notification.body) > _LONGEST_BODY:
            raise NotificationRefused
        moment, _, signature = notification.headers.get(SIGNATURE, "").partition(",")
        expected = self._sign(moment, notification.body)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise NotificationRefused
        if abs(now() // SECOND - int(moment)) > _TOLERANCE_SECONDS:
            raise NotificationRefused
        told = json.loads(notification.body)
        return Event(told["id"], _payment_told(told["payment"]))

    def find(self, reference: str, money: Money) -> Payment | None:  # noqa: ARG002 -- one stage only
        """Look a payment up in the bank's books."""
        with _answering(), self._db.read() as tx:
            row = _row(tx, reference)
            return None if row is None else _payment(tx, row)

    def refund(self, refunding: Refunding) -> PaymentState:
        """Give money back, once for each id."""
        with _answering(), self._db.write() as tx:
            tx.execute(
                select(payments.c.reference)
                .where(payments.c.reference == refunding.payment)
                .with_for_update()
            )
            row = _row(tx, refunding.payment)
            if row is None or row.state != PaymentState.SUCCEEDED:
                raise ProviderRefused(reason="payment_not_paid")
            if tx.execute(
                select(refunds.c.refund_id).where(refunds.c.refund_id == refunding.id)
            ).first():
                return PaymentState.SUCCEEDED
            if _refunded(tx, row.reference) + refunding.money.amount_minor > row.amount_minor:
                raise ProviderRefused(reason="amount_too_large")
            tx.execute(
                refunds.insert().values(
                    refund_id=refunding.id,
                    reference=row.reference,
                    amount_minor=refunding.money.amount_minor,
                    created_at=now(),
                )
            )
        return PaymentState.SUCCEEDED

    # The bank.

    def bill(self, reference: str) -> Bill:
        """Return what the bank's page shows, or raise `NotFound`."""
        with self._db.read() as tx:
            row = _row(tx, reference)
        if row is None:
            raise NotFound
        return Bill(
            row.reference,
            PaymentState(row.state),
            Money(row.amount_minor, row.currency),
            row.description,
            row.return_url,
            row.language,
            bool(row.save_method),
            row.expires_at <= now(),
        )

    def decide(self, reference: str, choice: Choice) -> list[Notification]:
        """Decide an open payment as its payer wishes; return the notifications to send, in order.

        A payment that is decided already, or too late, stays as it is, and nothing is sent.
        """
        state = PaymentState.FAILED if choice is Choice.DECLINE else PaymentState.SUCCEEDED
        method = f"card_{reference[-12:]}"
        if choice is Choice.APPROVE_ONCE:
            method += _DECLINING
        with self._db.write() as tx:
            decided = tx.execute(
                update(payments)
                .where(
                    payments.c.reference == reference,
                    payments.c.state == PaymentState.PENDING,
                    payments.c.expires_at > now(),
                )
                .values(state=state, method=method)
            )
            if decided.rowcount == 0:
                return []
            row = _row(tx, reference)
            assert row is not None  # noqa: S101 -- it has just been decided
            payment = _payment(tx, row)
        if choice is Choice.TWICE:
            return [self._notification(payment)] * 2
        if choice is Choice.OUT_OF_ORDER:
            # What the payer's first, declined attempt told arrives after the second one's success.
            earlier = Payment(
                payment.reference, payment.top_up_id, PaymentState.FAILED, payment.money, "declined"
            )
            return [self._notification(payment), self._notification(earlier)]
        return [self._notification(payment)]

    def _notification(self, payment: Payment) -> Notification:
        told = {
            "id": f"evt_{new_id()}",
            "type": f"payment.{payment.state}",
            "payment": {
                "reference": payment.reference,
                "top_up_id": payment.top_up_id,
                "state": payment.state,
                "amount_minor": payment.money.amount_minor,
                "currency": payment.money.currency,
                "reason": payment.reason,
                "method": payment.saved_method.reference if payment.saved_method else None,
            },
        }
        body = json.dumps(told).encode()
        moment = str(now() // SECOND)
        headers = {SIGNATURE: f"{moment},{self._sign(moment, body)}"}
        return Notification(headers, body, "127.0.0.1")

    def _sign(self, moment: str, body: bytes) -> str:
        return hmac.new(self._key, moment.encode() + b"." + body, hashlib.sha256).hexdigest()

    def notify(self, choice: Choice, notifications: list[Notification]) -> None:
        """Begin to send notifications the way the payer chose: late, both at one instant, in turn.

        What does not arrive is not sent again: the reconciliation is there for that.
        """
        if not notifications:
            return
        if choice is Choice.SLOW:
            later = threading.Timer(
                _SLOW_SECONDS, self._couriers.submit, [self._send_all, notifications]
            )
            later.daemon = True
            later.start()
        elif choice is Choice.TWICE:
            for one in notifications:
                self._couriers.submit(self._send, one)
        else:
            self._couriers.submit(self._send_all, notifications)

    def _send_all(self, notifications: list[Notification]) -> None:
        for one in notifications:
            self._send(one)

    def _send(self, notification: Notification) -> None:
        try:
            answer = httpx2.post(
                f"{self._public_url}/v1/webhooks/{NAME}",
                content=notification.body,
                headers={**notification.headers, "content-type": "application/json"},
                timeout=_NOTIFY_SECONDS,
                trust_env=False,
            )
        except httpx2.HTTPError as error:
            logger("sandbox").warning("notification_lost", reason=type(error).__name__)
        else:
            logger("sandbox").info("notification_sent", status=answer.status_code)


@contextmanager
def _answering() -> Iterator[None]:
    """Make of a bank whose books cannot be reached what any other company's silence is."""
    try:
        yield
    except LedgerUnavailable as error:
        raise ProviderUnavailable(retry_after_seconds=error.retry_after_seconds) from error


_START = text(
    "INSERT INTO sandbox_payments (reference, top_up_id, state, amount_minor, currency,"
    " description, return_url, save_method, method, language, created_at, expires_at)"
    " VALUES (:reference, :top_up_id, :state, :amount_minor, :currency, :description, :return_url,"
    " :save_method, :method, :language, :created_at, :expires_at) ON CONFLICT DO NOTHING"
)


def _row(tx: ReadTx, reference: str) -> Row[Any] | None:
    return tx.execute(select(payments).where(payments.c.reference == reference)).first()


def _refunded(tx: ReadTx, reference: str) -> int:
    return int(
        tx.execute(
            select(func.coalesce(func.sum(refunds.c.amount_minor), 0)).where(
                refunds.c.reference == reference
            )
        ).scalar_one()
    )


def _payment(tx: ReadTx, row: Row[Any]) -> Payment:
    saved = SavedMethod(row.method, _title(row.method)) if row.save_method and row.method else None
    failed = row.state == PaymentState.FAILED
    return Payment(
        row.reference,
        row.top_up_id,
        PaymentState(row.state),
        Money(row.amount_minor, row.currency),
        "declined" if failed else None,
        None if failed else saved,
        _refunded(tx, row.reference),
    )


def _title(method: str) -> str:
    return f"Sandbox •••• {method.removesuffix(_DECLINING)[-4:]}"


def _payment_told(told: dict[str, Any]) -> Payment:
    method = told["method"]
    return Payment(
        told["reference"],
        told["top_up_id"],
        PaymentState(told["state"]),
        Money(told["amount_minor"], told["currency"]),
        told["reason"],
        None if method is None else SavedMethod(method, _title(method)),
    )
