"""Invoices keep the promises of every provider, on both databases, and are numbered without gaps."""

import dataclasses
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.payments.providers import invoice, open_providers
from augury.payments.providers.invoice import BuyerRequired, Invoices, InvoiceSettings
from augury.payments.providers.protocol import (
    Buyer,
    Context,
    Money,
    Notification,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.tables import invoices
from payments.providers.contract import Bank, ProviderContract, a_checkout, a_refund, begin, paid
from support.houses import settings_for

SELLER = {
    "AUGURY_INVOICE_SELLER_NAME": "ООО «Авгур»",
    "AUGURY_INVOICE_ACCOUNT": "40702 810 9 0000 0000017",
    "AUGURY_INVOICE_IBAN": "DE89 3704 0044 0532 0130 00",
    "AUGURY_INVOICE_CURRENCIES": "RUB, EUR",
}


class PostalBank:
    """A bank that tells nobody anything: payments are seen by an administrator."""

    notifies = False

    def __init__(self, provider: Invoices) -> None:
        """Take the book of invoices."""
        self.provider = provider

    def pay(self, reference: str) -> list[Notification]:
        """Mark an invoice as paid, as `payments/invoices.py` does."""
        with self.provider._db.write() as tx:
            tx.execute(update(invoices).where(invoices.c.number == reference).values(paid_at=now()))
        return []

    def decline(self, reference: str) -> list[Notification]:  # noqa: ARG002 -- as every bank
        """Nobody can decline an invoice."""
        return []

    def forgeries(self, genuine: Notification) -> dict[str, Notification]:  # noqa: ARG002 -- as every bank
        """There is nothing to forge."""
        return {}

    def refunded_minor(self, reference: str) -> int:
        """Ask the book."""
        with self.provider._db.read() as tx:
            return invoice._refunded(tx, reference)

    def payments(self) -> int:
        """Ask the book."""
        with self.provider._db.read() as tx:
            return len(tx.execute(invoices.select()).all())

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Put the book where nobody can open it."""
        book = self.provider._db
        self.provider._db = Database("postgresql://nobody@127.0.0.1:1/nothing")
        try:
            yield
        finally:
            self.provider._db = book


@pytest.fixture
def context(
    db: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Context:
    """A house whose operator has filled in what invoices need."""
    for name, value in SELLER.items():
        monkeypatch.setenv(name, value)
    return Context(settings_for(database_url, tmp_path), db)


@pytest.fixture
def bank(context: Context) -> PostalBank:
    """Invoices as the settings open them."""
    provider = open_providers(["invoice"], context)["invoice"]
    assert isinstance(provider, Invoices)
    return PostalBank(provider)


class TestInvoices(ProviderContract):
    """The promises of every provider."""

    def test_a_declined_payment_has_failed_with_a_reason(self, bank: Bank) -> None:
        """An invoice is the exception: it stays open until it is paid, and nobody declines it."""
        checkout, started = begin(bank)
        bank.decline(started.reference)
        found = bank.provider.find(started.reference, checkout.money)
        assert found is not None
        assert found.state is PaymentState.PENDING


def test_the_numbers_of_a_year_have_no_gaps(
    bank: PostalBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They begin anew with each year of UTC."""
    last_second = 1_798_761_599 * SECOND  # 2026-12-31T23:59:59Z
    monkeypatch.setattr(invoice, "now", lambda: last_second)
    numbers = [begin(bank)[1].reference for _ in range(3)]
    monkeypatch.setattr(invoice, "now", lambda: last_second + SECOND)
    numbers += [begin(bank)[1].reference for _ in range(2)]
    assert numbers == [f"AUG-2026-00000{n}" for n in (1, 2, 3)] + [
        f"AUG-2027-00000{n}" for n in (1, 2)
    ]


def test_numbers_asked_for_at_one_instant_have_no_gaps(bank: PostalBank) -> None:
    """Nor are two the same, and one top-up asked for twice has one."""
    checkouts = [a_checkout(bank) for _ in range(20)] * 2
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(bank.provider.start, checkouts))
    assert started[:20] == started[20:]
    serials = sorted(int(one.reference[-6:]) for one in started[:20])
    assert serials == list(range(1, 21))


def test_an_invoice_that_is_not_committed_leaves_no_gap(bank: PostalBank) -> None:
    """Its number is given to the next one."""
    with pytest.raises(ZeroDivisionError), bank.provider._db.write() as tx:
        number, _ = bank.provider._written(tx, a_checkout(bank))
        _ = 1 / 0
    assert begin(bank)[1].reference == number


def test_a_number_that_cannot_be_had_is_silence(
    bank: PostalBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever always comes second is told to come again."""
    monkeypatch.setattr(invoice, "_WRITE", text("SELECT 1"))
    with pytest.raises(ProviderUnavailable):
        begin(bank)


def test_the_customer_has_until_the_due_day_and_the_days_that_a_transfer_takes(
    bank: PostalBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten days and five."""
    monkeypatch.setattr(invoice, "now", lambda: 1_770_000_000 * SECOND)
    assert begin(bank)[1].expires_at == (1_770_000_000 + 15 * 24 * 3600) * SECOND


@pytest.mark.parametrize("name", ["", "  "])
def test_an_invoice_names_who_pays_it(bank: PostalBank, name: str) -> None:
    """Without a name the refusal says what to send, and no number is used up."""
    nobody = dataclasses.replace(a_checkout(bank), buyer=Buyer("anna@example.com", name))
    with pytest.raises(BuyerRequired):
        bank.provider.start(nobody)
    assert bank.payments() == 0


def test_nothing_is_charged_without_the_customer(bank: PostalBank) -> None:
    """Invoices save no payment methods, and take none."""
    with pytest.raises(ProviderRefused):
        bank.provider.start(dataclasses.replace(a_checkout(bank), saved_method="card"))


def test_both_parties_are_kept_as_they_were(bank: PostalBank) -> None:
    """A later change of the settings changes no invoice that was sent out."""
    begin(bank)
    with bank.provider._db.read() as tx:
        row = tx.execute(invoices.select()).one()
    assert json.loads(row.buyer)["name"] == "ООО «Ромашка»"
    seller = json.loads(row.seller)
    assert (seller["seller_name"], seller["account"]) == ("ООО «Авгур»", "40702810900000000017")
    assert "currencies" not in seller


def test_only_its_own_key_opens_an_invoice(bank: PostalBank, context: Context) -> None:
    """And that key is in the link which its customer gets."""
    _, started = begin(bank)
    link = re.fullmatch(
        r"http://127\.0\.0\.1:8000/v1/invoices/(AUG-\d{4}-000001)\.pdf\?key=([0-9a-f]{32})",
        started.checkout_url or "",
    )
    assert link is not None
    number, key = link.groups()
    assert bank.provider.opens(number, key)
    for wrong in ("", key[:-1], key + "0", key.upper() + "é", bank.provider.key("AUG-2026-000002")):
        assert not bank.provider.opens(number, wrong)


def test_links_outlive_a_change_of_the_secret_key_once(bank: PostalBank, context: Context) -> None:
    """With the key before set as the previous one, what is in mailboxes still opens."""
    _, started = begin(bank)
    key = bank.provider.key(started.reference)
    new = SecretStr("another secret of forty or so characters")
    changed = {"secret_key": new, "previous_secret_key": context.settings.secret_key}
    for update_, opens in ((changed, True), ({"secret_key": new}, False)):
        settings = context.settings.model_copy(update=update_)
        provider = invoice.open_provider(Context(settings, context.db))
        assert provider is not None
        assert provider.opens(started.reference, key) is opens
        assert provider.opens(started.reference, provider.key(started.reference))


def test_another_currency_than_was_paid_is_not_given_back(bank: PostalBank) -> None:
    """A refund is of the money that came."""
    checkout, started = paid(bank)
    other = Money(1_00, min(bank.provider.currencies - {checkout.money.currency}))
    with pytest.raises(ProviderRefused):
        bank.provider.refund(a_refund(started, other, 1_00))


def test_refunds_at_one_instant_never_give_back_more_than_was_paid(bank: PostalBank) -> None:
    """Of eight that want a third each, three can be."""
    checkout, started = paid(bank)

    def refund(_: int) -> bool:
        try:
            bank.provider.refund(a_refund(started, checkout.money, 33_33))
        except ProviderRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(8))) == 3
    assert bank.refunded_minor(started.reference) == 99_99


@pytest.mark.parametrize(
    "missing",
    [["AUGURY_INVOICE_SELLER_NAME"], ["AUGURY_INVOICE_ACCOUNT", "AUGURY_INVOICE_IBAN"]],
)
def test_without_seller_or_account_it_is_off(
    context: Context, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    """One that nobody can pay to is none."""
    for name in missing:
        monkeypatch.delenv(name)
    assert open_providers(["invoice"], context) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account", "4070281090000000001"),
        ("account", "40702840900000000017"),
        ("iban", "DE89370400440532013001"),
        ("iban", "DE"),
        ("currencies", "RUB,rub"),
        ("bank_bic", "04452522"),
        ("bic", "COBADE"),
        ("correspondent_account", "301"),
        ("seller_kpp", "77"),
        ("number_prefix", "AUG"),
        ("number_prefix", "aug-"),
        ("number_prefix", "СЧЁТ-"),
        ("days_to_pay", "0"),
    ],
)
def test_settings_that_do_not_fit_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Money that went to a mistyped account is gone, so numbers are looked at."""
    monkeypatch.setenv(f"AUGURY_INVOICE_{name.upper()}", value)
    with pytest.raises(ValueError, match=name):
        InvoiceSettings()


def test_a_currency_that_has_no_account_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Euros cannot be sent to a rouble account."""
    values: dict[str, Any] = {"account": "40702810900000000017", "currencies": "EUR"}
    with pytest.raises(ValueError, match="EUR needs AUGURY_INVOICE_IBAN"):
        InvoiceSettings(**values)


def test_every_setting_has_a_row_with_its_default() -> None:
    """The table in the documentation is complete and in the order of the code."""
    page = (Path(__file__).parents[3] / "docs/settings.md").read_text()
    rows = re.findall(r"^\| `(AUGURY_INVOICE_[A-Z_]+)` \|", page, re.MULTILINE)
    assert rows == [f"AUGURY_INVOICE_{name.upper()}" for name in InvoiceSettings.model_fields]
