"""An office that writes invoices, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from augury.bootstrap import audit_books
from augury.kit.db import Database
from augury.payments.bank_imports import Summary, import_file
from augury.payments.desk import Desk
from augury.payments.invoices import Outcome, list_lines
from augury.payments.packs import PriceList
from augury.payments.providers import invoice
from augury.payments.providers.protocol import Buyer, Context
from augury.payments.top_ups import Wish, start_top_up
from augury.payments.values import TopUp
from payments.bank.files import document
from payments.providers.test_invoice import SELLER
from support.houses import settings_for
from support.payments import ANY_ACTOR, Till

PACKS = {"RUB": {1000: 100_000}, "EUR": {1000: 1100}}


@dataclass
class Office:
    """A desk that writes invoices, and short words for what tests do at it."""

    desk: Desk
    till: Till

    def bill(self, credits_: int = 1000, currency: str = "RUB") -> TopUp:
        """Let a new customer ask for an invoice."""
        buyer = Buyer("anna@example.com", "ООО «Ромашка»")
        wish = Wish(self.till.customer(), credits_, buyer, "ru", currency=currency)
        return start_top_up(self.desk, wish)[0]

    def come(self, *files: bytes) -> list[Summary]:
        """Import statements."""
        return [import_file(self.desk, content, ANY_ACTOR) for content in files]

    def outcomes(self) -> list[tuple[Outcome, str | None]]:
        """Return what came of all lines, oldest first."""
        found = list_lines(self.desk.db, limit=100)
        return [(one.outcome, one.invoice_number) for one in reversed(found)]

    def credited(self, top_up: TopUp) -> int:
        """Return the credits of whoever asked for this invoice."""
        return self.till.available(top_up.user_id)


@contextmanager
def open_office(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    """Give an office; when it closes, its books must be right."""
    for name, value in SELLER.items():
        monkeypatch.setenv(name, value)
    db = Database(database_url)
    provider = invoice.open_provider(Context(settings_for(database_url, folder), db))
    assert provider is not None
    desk = Desk(db, {"invoice": provider}, PriceList(PACKS), "http://127.0.0.1:8000", 60)
    try:
        yield Office(desk, Till(db))
        with db.read() as tx:
            assert audit_books(tx).findings == []
    finally:
        db.close()


def number_of(top_up: TopUp) -> str:
    assert top_up.reference is not None
    return top_up.reference


def paying(top_up: TopUp, amount: str = "1000.00", **more: str) -> str:
    """Return a document of a 1C file that pays an invoice."""
    return document(f"Оплата по счёту № {number_of(top_up)}", amount=amount, **more)
