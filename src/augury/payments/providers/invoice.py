"""Invoices: companies pay by bank transfer, and a bank statement, or an administrator, says so.

The other company here is a bank that tells nobody anything by itself. So this file keeps the
invoices; `payments/invoices.py` marks them as paid.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import func, select, text

from augury.kit.clock import SECOND, now
from augury.kit.db import ReadTx, WriteTx
from augury.kit.errors import LedgerUnavailable
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
    Started,
)
from augury.payments.tables import invoice_refunds as refunds
from augury.payments.tables import invoices

NAME = "invoice"
_DAY = 24 * 3600 * SECOND
# A transfer that was made on the last day arrives within these.
_GRACE_DAYS = 5
_KEY_LENGTH = 32
# How often another process may take the number first before somebody has to look into it.
_MOST_TRIES = 100
_ROUBLE_ACCOUNT = re.compile(r"[0-9]{5}(810|643)[0-9]{12}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_CURRENCY = re.compile(r"[A-Z]{3}")
# The settings that an invoice keeps as they were.
_SELLER = {
    "seller_name",
    "seller_tax_id",
    "seller_kpp",
    "seller_address",
    "bank_name",
    "bank_bic",
    "account",
    "correspondent_account",
    "iban",
    "bic",
    "vat_note",
}


class InvoiceSettings(BaseSettings):
    """What the operator decides about invoices: who is paid, where to, and in which time."""

    model_config = SettingsConfigDict(
        env_prefix="AUGURY_INVOICE_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    seller_name: str = Field(
        "", max_length=160, description="Who is paid; without it the provider is off."
    )
    seller_tax_id: str = Field("", max_length=32, description="The seller's INN or VAT number.")
    seller_kpp: str = Field(
        "", pattern=r"^([0-9A-Z]{9})?$", description="The seller's KPP, where it has one."
    )
    seller_address: str = Field("", max_length=300, description="The seller's address.")
    bank_name: str = Field("", max_length=100, description="The bank of the rouble account.")
    bank_bic: str = Field("", pattern=r"^([0-9]{9})?$", description="Its Russian BIC.")
    account: str = Field(
        "",
        description="The rouble account, 20 digits; without it and `iban` the provider is off.",
    )
    correspondent_account: str = Field(
        "", pattern=r"^([0-9]{20})?$", description="The bank's correspondent account."
    )
    iban: str = Field("", description="The account for other currencies.")
    bic: str = Field(
        "",
        pattern=r"^([A-Z0-9]{8}([A-Z0-9]{3})?)?$",
        description="The BIC (SWIFT) of the IBAN's bank.",
    )
    currencies: Annotated[list[str], NoDecode] = Field(
        ["RUB"], description="Currencies of invoices, with commas; each needs packs."
    )
    vat_note: str = Field(
        "", max_length=100, description="What stands about VAT, such as `VAT is not charged`."
    )
    number_prefix: str = Field(
        "AUG-",
        pattern=r"^[A-Z][A-Z0-9]{0,9}-$",
        description="What the number of an invoice begins with: capitals, digits and a dash.",
    )
    days_to_pay: int = Field(10, ge=1, le=365, description="Days in which an invoice is due.")

    @field_validator("account", "iban", mode="before")
    @classmethod
    def _closed_up(cls, value: str) -> str:
        # On paper, account numbers are written in groups.
        return "".join(str(value).split()).upper()

    @field_validator("account")
    @classmethod
    def _refuse_odd_accounts(cls, account: str) -> str:
        if account and not _ROUBLE_ACCOUNT.fullmatch(account):
            message = "AUGURY_INVOICE_ACCOUNT must be a rouble account of 20 digits"
            raise ValueError(message)
        return account

    @field_validator("iban")
    @classmethod
    def _refuse_odd_ibans(cls, iban: str) -> str:
        if iban and not (_IBAN.fullmatch(iban) and _checked(iban)):
            message = "AUGURY_INVOICE_IBAN is not an IBAN: look for a wrong or missing digit"
            raise ValueError(message)
        return iban

    @field_validator("currencies", mode="before")
    @classmethod
    def _split(cls, value: str | list[str]) -> list[str]:
        names = value.split(",") if isinstance(value, str) else value
        return list(dict.fromkeys(name.strip() for name in names if name.strip()))

    @model_validator(mode="after")
    def _refuse_currencies_without_account(self) -> Self:
        for currency in self.currencies:
            if not _CURRENCY.fullmatch(currency):
                message = f"AUGURY_INVOICE_CURRENCIES: {currency!r} is no currency"
                raise ValueError(message)
            if self.account and not self.iban and currency != "RUB":
                message = f"AUGURY_INVOICE_CURRENCIES: {currency} needs AUGURY_INVOICE_IBAN"
                raise ValueError(message)
        return self


def _checked(iban: str) -> bool:
    """Tell whether the check digits of an IBAN fit (ISO 7064, modulo 97)."""
    return int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1


class BuyerRequired(ProviderRefused):
    """An invoice has to name who pays it, and nobody said."""

    code = "buyer_required"
    status = 422


def open_provider(context: Context) -> "Invoices | None":
    """Return the provider, or nothing when seller or account are not set."""
    settings = InvoiceSettings()
    if not settings.seller_name or not (settings.account or settings.iban):
        return None
    return Invoices(settings, context)


class Invoices:
    """A book of invoices, numbered without gaps within a year."""

    saves_methods = False

    def __init__(self, settings: InvoiceSettings, context: Context) -> None:
        """Write invoices of a seller, to be found at the public address of the house."""
        self.settings = settings
        self.currencies = frozenset(settings.currencies)
        self._db = context.db
        self._public_url = context.settings.public_url.rstrip("/")
        # The first signs. The other is the one before it, whose links are still in mailboxes.
        secrets = (context.settings.secret_key, context.settings.previous_secret_key)
        self._keys = [
            hmac.digest(secret.get_secret_value().encode(), b"invoice links", "sha256")
            for secret in secrets
            if secret.get_secret_value()
        ]

    def start(self, checkout: Checkout) -> Started:
        """Write the invoice of a top-up; the same top-up has the same invoice."""
        if checkout.saved_method is not None:
            raise ProviderRefused(reason="saved_methods_not_taken")
        if not checkout.buyer.name.strip():
            raise BuyerRequired(reason=BuyerRequired.code)
        with _answering(), self._db.write() as tx:
            number, due_at = self._written(tx, checkout)
        return Started(number, self.link(number), due_at + _GRACE_DAYS * _DAY)

    def _written(self, tx: WriteTx, checkout: Checkout) -> tuple[str, int]:
        """Return number and due moment of the top-up's invoice, written now or before."""
        moment = now()
        year = datetime.fromtimestamp(moment // SECOND, UTC).year
        row = {
            "year": year,
            "top_up_id": checkout.top_up_id,
            "amount_minor": checkout.money.amount_minor,
            "currency": checkout.money.currency,
            "seller": json.dumps(self.settings.model_dump(include=_SELLER), ensure_ascii=False),
            "buyer": json.dumps(asdict(checkout.buyer), ensure_ascii=False),
            "language": checkout.language,
            "created_at": moment,
            "due_at": moment + self.settings.days_to_pay * _DAY,
        }
        mine = select(invoices.c.number, invoices.c.due_at).where(
            invoices.c.top_up_id == checkout.top_up_id
        )
        newest = select(func.coalesce(func.max(invoices.c.serial), 0)).where(
            invoices.c.year == year
        )
        # Whoever takes the number first has it; the others see that and take the next one. What
        # is not committed leaves no gap, because the number is free again with its row.
        for _ in range(_MOST_TRIES):
            stored = tx.execute(mine).first()
            if stored is not None:
                return stored.number, stored.due_at
            serial = tx.execute(newest).scalar_one() + 1
            number = f"{self.settings.number_prefix}{year}-{serial:06d}"
            tx.execute(_WRITE, {**row, "number": number, "serial": serial})
        raise ProviderUnavailable(retry_after_seconds=1)

    def link(self, number: str) -> str:
        """Return where an invoice is as a PDF, for whoever is given the address."""
        return f"{self._public_url}/v1/invoices/{number}.pdf?key={self.key(number)}"

    def key(self, number: str) -> str:
        """Return what a link to an invoice carries, so that nobody reads it by its number."""
        return _sign(self._keys[0], number)

    def opens(self, number: str, key: str) -> bool:
        """Tell whether a link's key is this invoice's."""
        given = key.encode()
        return any(hmac.compare_digest(_sign(one, number).encode(), given) for one in self._keys)

    def read(self, notification: Notification) -> Event | None:  # noqa: ARG002 -- there is none
        """Refuse: a bank sends no notifications, so this is none."""
        raise NotificationRefused

    def find(self, reference: str, money: Money) -> Payment | None:  # noqa: ARG002 -- one stage only
        """Look an invoice up; it is paid when it was marked so, and never fails."""
        with _answering(), self._db.read() as tx:
            row = tx.execute(select(invoices).where(invoices.c.number == reference)).first()
            if row is None:
                return None
            return Payment(
                row.number,
                row.top_up_id,
                PaymentState.PENDING if row.paid_at is None else PaymentState.SUCCEEDED,
                Money(row.amount_minor, row.currency),
                refunded_minor=_refunded(tx, row.number),
            )

    def refund(self, refunding: Refunding) -> PaymentState:
        """Note, once for each id, that an administrator sends money back through the bank."""
        with _answering(), self._db.write() as tx:
            row = tx.execute(
                select(invoices).where(invoices.c.number == refunding.payment).with_for_update()
            ).first()
            if row is None or row.paid_at is None:
                raise ProviderRefused(reason="payment_not_paid")
            if refunding.money.currency != row.currency:
                raise ProviderRefused(reason="currency_differs")
            if tx.execute(
                select(refunds.c.refund_id).where(refunds.c.refund_id == refunding.id)
            ).first():
                return PaymentState.SUCCEEDED
            if _refunded(tx, row.number) + refunding.money.amount_minor > row.amount_minor:
                raise ProviderRefused(reason="amount_too_large")
            tx.execute(
                refunds.insert().values(
                    refund_id=refunding.id,
                    number=row.number,
                    amount_minor=refunding.money.amount_minor,
                    created_at=now(),
                )
            )
        return PaymentState.SUCCEEDED


_WRITE = text(
    "INSERT INTO invoices (number, year, serial, top_up_id, amount_minor, currency, seller, buyer,"
    " language, created_at, due_at) VALUES (:number, :year, :serial, :top_up_id, :amount_minor,"
    " :currency, :seller, :buyer, :language, :created_at, :due_at) ON CONFLICT DO NOTHING"
)


def _sign(key: bytes, number: str) -> str:
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:_KEY_LENGTH]


def _refunded(tx: ReadTx, number: str) -> int:
    return int(
        tx.execute(
            select(func.coalesce(func.sum(refunds.c.amount_minor), 0)).where(
                refunds.c.number == number
            )
        ).scalar_one()
    )


@contextmanager
def _answering() -> Iterator[None]:
    """Make of books that cannot be reached what any other company's silence is."""
    try:
        yield
    except LedgerUnavailable as error:
        raise ProviderUnavailable(retry_after_seconds=error.retry_after_seconds) from error
