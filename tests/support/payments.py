"""A payment provider in the test's hands, and what stands around it."""

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from augury.audit_log.service import Actor
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, TransferType
from augury.payments.desk import Desk
from augury.payments.packs import PriceList
from augury.payments.providers.protocol import (
    Buyer,
    Checkout,
    Event,
    Money,
    Notification,
    Payment,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    Refunding,
    SavedMethod,
    Started,
)
from augury.payments.settle import settle
from augury.payments.top_ups import Wish, start_top_up
from augury.payments.values import TopUp
from augury.users import service as users

BUYER = Buyer("anna@example.com")
ANY_ACTOR = Actor(new_id())
PACKS = {"RUB": {1000: 100_000, 5000: 475_000}, "USD": {1000: 1200}, "KZT": {100: 1}}


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


@dataclass
class ScriptedBank:
    """A provider that remembers what it did, and fails where the test wants it.

    `trouble` is raised by the next call: before anything is done, or, with `late`, after it was
    done and before the caller hears of it.
    """

    currencies: frozenset[str] = frozenset({"RUB", "USD", "KZT"})
    saves_methods: bool = True
    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    trouble: BaseException | None = None
    late: bool = False
    always: Exception | None = None  # raised by every question, however often
    asked: int = 0
    declines: bool = False
    undecided: bool = False
    # Many threads may ask for a refund at once, and each reads, adds and writes.
    _books: threading.Lock = field(default_factory=threading.Lock)

    def _suffer(self, *, done: bool) -> None:
        self.asked += not done
        if self.always is not None:
            raise self.always
        if self.trouble is not None and self.late == done:
            trouble, self.trouble = self.trouble, None
            raise trouble

    def start(self, checkout: Checkout) -> Started:
        """One payment for each top-up."""
        self._suffer(done=False)
        reference = f"pay-{checkout.top_up_id}"
        if checkout.saved_method is not None and self.declines:
            raise ProviderRefused(reason="card_declined")
        state = PaymentState.SUCCEEDED if checkout.saved_method else PaymentState.PENDING
        new = Payment(reference, checkout.top_up_id, state, checkout.money)
        self.payments.setdefault(reference, new)
        self._suffer(done=True)
        url = None if checkout.saved_method else f"https://bank.example/{reference}"
        return Started(reference, url)

    def read(self, notification: Notification) -> Event | None:
        """Tests hand events over directly."""
        raise NotImplementedError

    def find(self, reference: str, money: Money) -> Payment | None:  # noqa: ARG002 -- one stage only
        """Tell what stands in the books."""
        self._suffer(done=False)
        return self.payments.get(reference)

    def refund(self, refunding: Refunding) -> PaymentState:
        """Give back once for each id."""
        self._suffer(done=False)
        if self.declines:
            raise ProviderRefused(reason="no")
        if self.undecided:
            return PaymentState.PENDING
        with self._books:
            if refunding.id not in self.refunds:
                self.refunds[refunding.id] = refunding.money.amount_minor
                payment = self.payments[refunding.payment]
                back = payment.refunded_minor + refunding.money.amount_minor
                assert back <= payment.money.amount_minor
                self.payments[refunding.payment] = replace(payment, refunded_minor=back)
        self._suffer(done=True)
        return PaymentState.SUCCEEDED

    def pay(self, top_up: TopUp, state: PaymentState = PaymentState.SUCCEEDED) -> Event:
        """Decide a payment as its payer does; return the event that tells of it."""
        reference = f"pay-{top_up.id}"
        # Told whether or not anybody asked for it.
        saved = SavedMethod(f"card-of-{top_up.user_id}", "Card •••• 1")
        self.payments[reference] = replace(
            self.payments[reference], state=state, saved_method=saved
        )
        return Event(f"event-{new_id()}", self.payments[reference])

    def received(self) -> int:
        """Return what all payers paid, less what went back, in minor units."""
        paid = [one for one in self.payments.values() if one.state is PaymentState.SUCCEEDED]
        return sum(one.money.amount_minor - one.refunded_minor for one in paid)


@dataclass
class Till:
    """A desk with a scripted bank, and short words for what tests do at it."""

    db: Database
    bank: ScriptedBank = field(default_factory=ScriptedBank)

    @property
    def desk(self) -> Desk:
        """The desk, made anew as after a restart."""
        return Desk(self.db, {"bank": self.bank}, PriceList(PACKS), "http://127.0.0.1:8000", 60)

    def customer(self, credits_: int = 0) -> str:
        """Register somebody with an open account and some credits."""
        name = f"u{new_id()[-12:]}"

        def opening(tx: Any, user_id: str) -> None:
            ledger.open_accounts(tx, [user_id])
            if credits_:
                gift = Instruction(new_id(), TransferType.PROMOTION, user_id, credits_, "gift")
                ledger.post(tx, [gift])

        return users.register(
            self.db, name, f"{name}@example.com", "correct horse battery", opening=opening
        ).id

    def begin(self, user_id: str, credits_: int = 1000, **more: Any) -> TopUp:
        """Start a top-up."""
        wish = Wish(user_id, credits_, more.pop("buyer", BUYER), "en", **more)
        return start_top_up(self.desk, wish)[0]

    def paid(self, user_id: str, credits_: int = 1000, **more: Any) -> TopUp:
        """Start a top-up and let the bank tell that it was paid."""
        top_up = self.begin(user_id, credits_, **more)
        settle(self.db, "bank", self.bank.pay(top_up))
        return top_up

    def spend(self, user_id: str, credits_: int) -> None:
        """Charge a customer for something."""
        charge = Instruction(new_id(), TransferType.ADJUSTMENT, user_id, -credits_, "spent")
        with self.db.write() as tx:
            ledger.post(tx, [charge])

    def available(self, user_id: str) -> int:
        """Return what a customer can spend."""
        with self.db.read() as tx:
            return ledger.balances(tx, [user_id]).get(user_id, Balance()).available


def unavailable() -> ProviderUnavailable:
    """Return a provider's silence."""
    return ProviderUnavailable(retry_after_seconds=1)
