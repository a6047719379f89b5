"""The sandbox keeps the promises of every provider, on both databases."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.payments.providers import open_providers, sandbox
from augury.payments.providers.protocol import (
    Context,
    Notification,
    NotificationRefused,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.providers.sandbox import SIGNATURE, Choice, Sandbox
from augury.payments.tables import sandbox_payments
from payments.providers.contract import SavingContract, TellingContract, begin
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


class TestSandbox(TellingContract, SavingContract):
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


def test_a_late_payer_pays_nothing(bank: SandboxBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a payment cannot be made any more, only found; and none can be started."""
    checkout, started = begin(bank)
    later = now() + 3601 * SECOND
    monkeypatch.setattr(sandbox, "now", lambda: later)
    assert bank.provider.start(checkout) == started
    with pytest.raises(ProviderRefused):
        bank.provider.start(dataclasses.replace(checkout, top_up_id=new_id()))
    assert bank.pay(started.reference) == []
    assert bank.provider.bill(started.reference).expired


def test_a_company_that_cannot_be_reached_loses_no_payment(bank: SandboxBank) -> None:
    """What could not be asked for is asked for again, and is one payment."""
    checkout, started = begin(bank)
    with bank.unreachable(), pytest.raises(ProviderUnavailable):
        bank.provider.start(checkout)
    assert bank.provider.start(checkout) == started
    assert bank.payments() == 1


class _Post:
    """Stands where notifications would go out."""

    def __init__(self, *, reachable: bool = True) -> None:
        """Answer, or be away."""
        self.sent: list[bytes] = []
        self._reachable = reachable

    def __call__(self, url: str, *, content: bytes, **_: object) -> httpx2.Response:
        """Take a request."""
        assert url.endswith("/v1/webhooks/sandbox")
        if not self._reachable:
            raise httpx2.ConnectError("nobody is there")
        self.sent.append(content)
        return httpx2.Response(200)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [(Choice.APPROVE, 1), (Choice.DECLINE, 1), (Choice.TWICE, 2), (Choice.OUT_OF_ORDER, 2)],
)
def test_the_bank_sends_what_the_payer_chose(
    bank: SandboxBank, monkeypatch: pytest.MonkeyPatch, choice: Choice, sent: int
) -> None:
    """One notification, the same one twice, or a success before the failure that came first."""
    post = _Post()
    monkeypatch.setattr(httpx2, "post", post)
    _, started = begin(bank)
    bank.provider.notify(choice, bank.provider.decide(started.reference, choice))
    bank.provider.notify(choice, bank.provider.decide(started.reference, choice))  # too late
    bank.provider._couriers.shutdown()
    assert len(post.sent) == sent
    states = [json.loads(body)["payment"]["state"] for body in post.sent]
    assert (
        states
        == {
            Choice.APPROVE: ["succeeded"],
            Choice.DECLINE: ["failed"],
            Choice.TWICE: ["succeeded", "succeeded"],
            Choice.OUT_OF_ORDER: ["succeeded", "failed"],
        }[choice]
    )


def test_a_slow_bank_sends_later(bank: SandboxBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the payer is back in the shop."""
    post, back = _Post(), threading.Event()
    timers: list[threading.Timer] = []

    class Gated(threading.Timer):
        """Its time is over when the test says so."""

        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            timers.append(self)

        def run(self) -> None:
            back.wait()
            self.function(*self.args, **self.kwargs)

    monkeypatch.setattr(httpx2, "post", post)
    monkeypatch.setattr(threading, "Timer", Gated)
    _, started = begin(bank)
    bank.provider.notify(Choice.SLOW, bank.provider.decide(started.reference, Choice.SLOW))
    (timer,) = timers
    assert timer.interval == sandbox._SLOW_SECONDS
    assert post.sent == []
    back.set()
    timer.join()
    bank.provider._couriers.shutdown()
    assert len(post.sent) == 1


def test_a_lost_notification_troubles_nobody(
    bank: SandboxBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payer is not told of it; the reconciliation finds the payment."""
    monkeypatch.setattr(httpx2, "post", _Post(reachable=False))
    _, started = begin(bank)
    bank.provider.notify(Choice.APPROVE, bank.pay(started.reference))
    bank.provider._couriers.shutdown()


def test_a_card_that_is_declined_later_pays_once(bank: SandboxBank) -> None:
    """The bank's page offers one, so that automatic top-ups can be seen to fail."""
    checkout, started = begin(bank, save_method=True)
    bank.provider.decide(started.reference, Choice.APPROVE_ONCE)
    found = bank.provider.find(started.reference, checkout.money)
    assert found is not None
    assert found.saved_method is not None
    again = dataclasses.replace(
        checkout, top_up_id=new_id(), saved_method=found.saved_method.reference
    )
    with pytest.raises(ProviderRefused) as refusal:
        bank.provider.start(again)
    assert refusal.value.values == {"reason": "card_declined"}


def test_a_bill_that_is_not_there_is_not_found(bank: SandboxBank) -> None:
    """Nobody guesses a payment's page."""
    with pytest.raises(NotFound):
        bank.provider.bill("sbx_nothing")
