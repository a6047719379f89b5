"""The sandbox keeps the promises of every provider, on both databases."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.payments.providers import open_providers, sandbox
from augury.payments.providers.protocol import (
    Context,
    Notification,
    NotificationRefused,
    PaymentState,
    ProviderUnavailable,
)
from augury.payments.providers.sandbox import SIGNATURE, Choice, Sandbox
from augury.payments.tables import sandbox_payments
from payments.providers.contract import ProviderContract, begin
from support.houses import settings_for


class SandboxBank:
    """The bank side of the sandbox."""

    notifies = True

    def __init__(self, provider: Sandbox) -> None:
        """Take the bank behind a sandbox."""
        self.provider = provider
        self._references: set[str] = set()

    def pay(self, reference: str) -> list[Notification]:
        """Approve."""
        return self.provider.decide(reference, Choice.APPROVE)

    def decline(self, reference: str) -> list[Notification]:
        """Decline."""
        return self.provider.decide(reference, Choice.DECLINE)

    def forgeries(self, genuine: Notification) -> dict[str, Notification]:
        """Return what a stranger could send."""
        moment, _, signature = genuine.headers[SIGNATURE].partition(",")
        changed = genuine.body.replace(b'"amount_minor": 10000', b'"amount_minor": 99999')
        assert changed != genuine.body

        def signed(value: str) -> Notification:
            return dataclasses.replace(genuine, headers={SIGNATURE: value})

        return {
            "no signature": dataclasses.replace(genuine, headers={}),
            "an empty signature": signed(""),
            "another body": dataclasses.replace(genuine, body=changed),
            "another moment": signed(f"{int(moment) + 1},{signature}"),
            "a short signature": signed(f"{moment},{signature[:-1]}"),
            "letters beyond ASCII": signed(f"{moment},{signature[:-1]}é"),
            "no moment": signed(f",{signature}"),
        }

    def refunded_minor(self, reference: str) -> int:
        """Ask the bank's books."""
        with self.provider._db.read() as tx:
            return sandbox._refunded(tx, reference)

    def payments(self) -> int:
        """Ask the bank's books."""
        with self.provider._db.read() as tx:
            return len(tx.execute(sandbox_payments.select()).all())

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Put the bank's books where nobody can open them."""
        books = self.provider._db
        self.provider._db = Database("postgresql://nobody@127.0.0.1:1/nothing")
        try:
            yield
        finally:
            self.provider._db = books


@pytest.fixture
def bank(db: Database, database_url: str, tmp_path: Path) -> SandboxBank:
    """The sandbox as the settings open it."""
    context = Context(settings_for(database_url, tmp_path), db)
    provider = open_providers(["sandbox"], context)["sandbox"]
    assert isinstance(provider, Sandbox)
    return SandboxBank(provider)


class TestSandbox(ProviderContract):
    """The promises of every provider."""


def test_an_old_notification_is_refused(bank: SandboxBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification that somebody kept is worth nothing after five minutes."""
    _, started = begin(bank)
    (notification,) = bank.pay(started.reference)
    bank.provider.read(notification)
    later = now() + 301 * SECOND
    monkeypatch.setattr(sandbox, "now", lambda: later)
    with pytest.raises(NotificationRefused):
        bank.provider.read(notification)


def test_another_house_signs_differently(
    bank: SandboxBank, db: Database, database_url: str, tmp_path: Path
) -> None:
    """The key comes from the house's own secret, so no other sandbox's notifications pass."""
    settings = settings_for(database_url, tmp_path).model_copy(
        update={"secret_key": type(settings_for(database_url, tmp_path).secret_key)("x" * 40)}
    )
    other = sandbox.open_provider(Context(settings, db))
    _, started = begin(bank)
    (notification,) = bank.pay(started.reference)
    with pytest.raises(NotificationRefused):
        other.read(notification)


def test_a_decided_payment_is_not_decided_again(bank: SandboxBank) -> None:
    """Going back to the bank's page and choosing again changes nothing."""
    checkout, started = begin(bank)
    assert len(bank.pay(started.reference)) == 1
    assert bank.decline(started.reference) == []
    found = bank.provider.find(started.reference, checkout.money)
    assert found is not None
    assert found.state is PaymentState.SUCCEEDED


def test_a_late_payer_pays_nothing(bank: SandboxBank) -> None:
    """After its time a payment cannot be made any more."""
    checkout = dataclasses.replace(begin(bank)[0], top_up_id=new_id(), expires_at=1)
    started = bank.provider.start(checkout)
    assert bank.pay(started.reference) == []
    assert bank.provider.bill(started.reference).expired


def test_a_company_that_cannot_be_reached_loses_no_payment(bank: SandboxBank) -> None:
    """What could not be asked for is asked for again, and is one payment."""
    checkout, started = begin(bank)
    with bank.unreachable(), pytest.raises(ProviderUnavailable):
        bank.provider.start(checkout)
    assert bank.provider.start(checkout) == started
    assert bank.payments() == 1
