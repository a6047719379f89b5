"""Random histories of top-ups, sales, refunds, lost notifications and crashes keep the books right.

After each history everything undecided is asked for until it is decided. Then the money that the
bank has and the credits that customers got must agree to the unit.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from augury.audit_log.service import Actor
from augury.bootstrap import audit_books
from augury.kit import clock
from augury.kit.clock import SECOND
from augury.kit.db import Database, WriteTx
from augury.kit.errors import Refusal
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.payments import (
    automatic,
    methods,
    recharge,
    reconcile,
    refunds,
    settle,
    top_ups,
    values,
)
from augury.payments.automatic import StandingOrder
from augury.payments.providers.protocol import (
    Event,
    Payment,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
)
from augury.payments.tables import top_ups as rows
from support.payments import Crash, Till, unavailable
from support.scale import times

_STATES = [PaymentState.SUCCEEDED, PaymentState.SUCCEEDED, PaymentState.FAILED]
_OFTEN = ["begin", "pay", "tell", "buy", "spend", "refund", "refund"]
_DEEDS = [*_OFTEN, *_OFTEN, "recharge", "reconcile", "time", "decline"]
_MOST_WHICH, _MOST_AMOUNT, _MOST_STEPS = 3, 1500, 25
_TROUBLES = [None, None, "silence", "crash"]
# One step: what is done, to which of the customers or top-ups so far, how much, and what goes wrong.
_steps = st.tuples(
    st.sampled_from(_DEEDS),
    st.integers(0, _MOST_WHICH),
    st.integers(1, _MOST_AMOUNT),
    st.sampled_from(_TROUBLES),
    st.booleans(),
)
histories = st.lists(_steps, min_size=3, max_size=_MOST_STEPS)


def _thrown(dice: random.Random) -> list[Any]:
    """Return a history as dice have it.

    Hypothesis mixes in numbers that it finds in whatever modules are loaded: with it, whether a bug
    is met in so many histories would depend on the tests that ran before.
    """
    return [
        (
            dice.choice(_DEEDS),
            dice.randint(0, _MOST_WHICH),
            dice.randint(1, _MOST_AMOUNT),
            dice.choice(_TROUBLES),
            dice.random() < 1 / 2,
        )
        for _ in range(dice.randint(3, _MOST_STEPS))
    ]


class History:
    """Plays steps against a till, and knows what the bank's customers did."""

    def __init__(self, till: Till, forward: Callable[[int], None]) -> None:
        """Open with two customers who have a card on file."""
        self.till = till
        self.forward = forward
        self.actor = Actor(new_id())
        self.customers = [self.till.customer() for _ in range(2)]
        self.begun: list[values.TopUp] = []
        self.events: list[Event] = []
        for user_id in self.customers:
            self.till.paid(user_id, 100, save_method=True)
            (method,) = methods.list_methods(till.db, user_id)
            order = StandingOrder(user_id, method.id, 50, 200, "RUB", 60_000, 0, 0)
            automatic.set_order(self.till.desk, order)

    def play(self, do: str, which: int, amount: int, trouble: str | None, late: bool) -> None:
        """Play one step; what goes wrong in it is part of the history."""
        bank = self.till.bank
        bank.trouble = {None: None, "silence": unavailable(), "crash": Crash()}[trouble]
        bank.late = late
        with suppress(Refusal, Crash):
            getattr(self, f"_{do}")(which, amount)
        bank.trouble = None

    def _begin(self, which: int, amount: int) -> None:
        user_id = self.customers[which % 2]
        self.begun.append(self.till.begin(user_id, amount, key=f"key {which}"))

    def _pay(self, which: int, amount: int) -> None:
        """The payer decides; the notification waits, and may never be told."""
        if self.begun:
            top_up = self.begun[which % len(self.begun)]
            payment = self.till.bank.payments[f"pay-{top_up.id}"]
            if payment.state is not PaymentState.SUCCEEDED:  # money that came does not uncome
                self.events.append(self.till.bank.pay(top_up, _STATES[amount % 3]))

    def _tell(self, which: int, amount: int) -> None:
        """A notification comes: any of those so far, in any order, once or more often."""
        if self.events:
            event = self.events[which % len(self.events)]
            for _ in range(1 + amount % 2):
                settle.settle(self.till.db, "bank", event)

    def _buy(self, which: int, amount: int) -> None:
        """A purchase without trouble, except that its notification comes twice."""
        self.till.bank.trouble = None
        top_up = self.till.begin(self.customers[which % 2], 100 + amount)
        event = self.till.bank.pay(top_up)
        self.events += [event, replace(event, id=f"{event.id} again")]
        settle.settle(self.till.db, "bank", event)

    def _spend(self, which: int, amount: int) -> None:
        self.till.spend(self.customers[which % 2], amount)

    def _refund(self, which: int, amount: int) -> None:
        user_id = self.customers[amount % 2]
        found = top_ups.list_top_ups(self.till.db, user_id=user_id, limit=20)
        top_up = found[which % len(found)]
        refunds.refund(
            self.till.desk, top_up.id, amount if amount % 3 else None, "why",
            actor=self.actor, key=f"key {amount}" if amount % 2 else None,
        )  # fmt: skip

    def _recharge(self, _which: int, _amount: int) -> None:
        recharge.recharge_due(self.till.desk)

    def _reconcile(self, _which: int, _amount: int) -> None:
        reconcile.reconcile_due(self.till.desk)

    def _time(self, which: int, amount: int) -> None:
        self.forward(amount * (1, 10, 100, 1000)[which])

    def _decline(self, _which: int, amount: int) -> None:
        self.till.bank.declines = amount % 2 == 0

    def settle_everything(self) -> None:
        """Let time pass until nothing is undecided any more."""
        self.till.bank.declines = False
        for _ in range(40):
            self.forward(7 * 3600)
            reconcile.reconcile_due(self.till.desk)


@pytest.fixture
def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves the clocks of the payments ahead, never back."""
    real = clock.now
    ahead = [0]
    for module in (automatic, recharge, reconcile, refunds, top_ups):
        monkeypatch.setattr(module, "now", lambda: real() + ahead[0])

    def move(seconds: int) -> None:
        ahead[0] += seconds * SECOND

    return move


def _play(till: Till, forward: Callable[[int], None], history: list[Any]) -> None:
    """Play a history, and look at the books after it."""
    played = History(till, forward)
    for step in history:
        played.play(*step)
        with till.db.read() as tx:
            balances = ledger.balances(tx, played.customers).values()
            assert all(balance.available >= 0 for balance in balances)
    played.settle_everything()
    _agree(played)


def _agree(played: History) -> None:
    with played.till.db.read() as tx:
        assert audit_books(tx).findings == []
        mine = tx.execute(select(rows).where(rows.c.user_id.in_(played.customers))).all()
    assert {row.status for row in mine} <= {"succeeded", "failed", "expired", "refunded"}
    assert {row.reason for row in mine} <= {None, "declined", "card_declined"}
    credited = [row for row in mine if row.transfer_id is not None]
    # Who paid has the credits, who did not has none: by the bank's own books.
    ids = {row.id for row in mine}
    paid = [
        one
        for one in played.till.bank.payments.values()
        if one.top_up_id in ids and one.state is PaymentState.SUCCEEDED
    ]
    assert {row.id for row in credited} == {one.top_up_id for one in paid}
    kept = sum(row.amount_minor - row.refunded_minor for row in credited)
    assert kept == sum(one.money.amount_minor - one.refunded_minor for one in paid)


def test_money_and_credits_agree_after_any_history(
    till: Till, forward: Callable[[int], None]
) -> None:
    """Whatever happens in whatever order, what the bank has and what was credited agree."""

    @settings(
        max_examples=times(24, 200),
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories)
    def drive(history: list[Any]) -> None:
        _play(till, forward, history)

    drive()


def _silence_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refund whose answer was lost is taken for refused, and the credits are let go."""
    monkeypatch.setattr(refunds, "ProviderRefused", (ProviderRefused, ProviderUnavailable))
    monkeypatch.setattr(refunds, "ProviderUnavailable", ())


def _events_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that was credited is credited again when it is told again."""

    def succeed(tx: WriteTx, top_up: values.TopUp, payment: Payment) -> str:
        again = Instruction(new_id(), TransferType.TOP_UP, top_up.user_id, 1, top_up.id)
        outcome = right(tx, top_up, payment)
        if outcome == settle.ALREADY:
            ledger.post(tx, [again])
        return outcome

    right = settle._succeed
    monkeypatch.setattr(settle, "_succeed", succeed)


def _the_dead_are_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process left undecided when it died is never asked about."""
    monkeypatch.setattr(reconcile, "check_top_up", lambda *_: None)


@pytest.mark.parametrize(
    "plant",
    [_silence_is_a_no, _events_are_forgotten, _the_dead_are_not_asked_about],
)
def test_a_planted_bug_is_caught(
    db: Database,
    forward: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """The histories are rich enough to meet the bugs that such code tends to have."""
    plant(monkeypatch)
    till = Till(db)
    with pytest.raises((AssertionError, IntegrityError)):
        for seed in range(60):
            _play(till, forward, _thrown(random.Random(seed)))


def test_a_history_that_credits_twice_would_be_noticed(
    db: Database, forward: Callable[[int], None]
) -> None:
    """The audit names a top-up whose credits were given again without a payment behind them."""
    played = History(Till(db), forward)
    again = Instruction(new_id(), TransferType.TOP_UP, played.customers[0], 100, "x")
    with db.write() as tx:
        ledger.post(tx, [again])
    with db.read() as tx:
        assert {one.kind for one in audit_books(tx).findings} == {"top_up_without_payment"}
