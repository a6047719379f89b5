"""Automatic top-ups: once for each shortage, within the cap, and patient after a decline."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from augury.audit_log.service import Actor, events
from augury.kit.clock import SECOND, now
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.payments import automatic, methods, recharge, reconcile, top_ups
from augury.payments.automatic import BACK_OFF_SECONDS, COOL_DOWN_SECONDS, StandingOrder
from augury.payments.providers.protocol import PaymentState
from augury.payments.recharge import recharge_due
from augury.payments.settle import settle
from augury.payments.tables import automatic as orders
from augury.payments.values import TopUp
from support.payments import ANY_ACTOR, Crash, Till, unavailable


class Clock:
    """A clock that only the test moves, for everything that waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take over the clocks."""
        self.moment = now()
        for module in (automatic, recharge, reconcile, top_ups):
            monkeypatch.setattr(module, "now", lambda: self.moment)
        # A month that ends meanwhile would give a new cap.
        today = datetime.now(UTC)
        monkeypatch.setattr(recharge, "datetime", SimpleNamespace(now=lambda _zone: today))

    def forward(self, seconds: int) -> None:
        """Let time pass."""
        self.moment += seconds * SECOND


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    return Clock(monkeypatch)


def standing(till: Till, *, below: int = 100, cap: int = 1_000_000, credits_: int = 1000) -> str:
    """Return a customer with a saved card, few credits and a standing order."""
    anna = till.customer()
    till.paid(anna, 1000, save_method=True)
    till.spend(anna, 950)
    (method,) = methods.list_methods(till.db, anna)
    order = StandingOrder(anna, method.id, below, credits_, "RUB", cap, 0, 0)
    automatic.set_order(till.desk, order)
    return anna


def automatic_ones(till: Till, user_id: str) -> list[TopUp]:
    """Return a customer's automatic top-ups, newest first."""
    found = top_ups.list_top_ups(till.db, user_id=user_id, limit=50)
    return [one for one in found if one.origin == "automatic"]


def order_of(till: Till, user_id: str) -> StandingOrder:
    """Return a customer's standing order."""
    with till.db.read() as tx:
        return automatic.order_of(tx, user_id)


def test_a_shortage_is_made_up_for_once(till: Till, clock: Clock) -> None:
    """Few credits begin one payment, which brings its credits at once."""
    anna = standing(till)
    assert recharge_due(till.desk) == 1
    assert till.available(anna) == 1050
    clock.forward(COOL_DOWN_SECONDS + 1)
    assert recharge_due(till.desk) == 0, "there is no shortage any more"
    assert len(automatic_ones(till, anna)) == 1


def test_enough_credits_begin_nothing(till: Till) -> None:
    """The threshold itself is enough."""
    anna = standing(till, below=50)
    assert recharge_due(till.desk) == 0
    assert automatic_ones(till, anna) == []


def test_many_processes_begin_one_payment(till: Till) -> None:
    """However many look at the same shortage at the same instant, one charges the card."""
    anna = standing(till)
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: recharge_due(till.desk), range(8)))
    assert sum(begun) == 1
    assert till.available(anna) == 1050


def test_between_two_payments_it_cools_down(till: Till, clock: Clock) -> None:
    """A customer who spends it all at once is not charged again within ten minutes."""
    anna = standing(till)
    recharge_due(till.desk)
    till.spend(anna, 1000)
    clock.forward(COOL_DOWN_SECONDS - 5)
    assert recharge_due(till.desk) == 0
    clock.forward(10)
    assert recharge_due(till.desk) == 1
    assert till.available(anna) == 1050


def test_the_monthly_cap_holds(till: Till, clock: Clock) -> None:
    """A payment that would pass the cap is not begun; undecided ones count."""
    anna = standing(till, cap=250_000)
    for expected in (1, 1, 0):
        assert recharge_due(till.desk) == expected
        till.spend(anna, till.available(anna))
        clock.forward(COOL_DOWN_SECONDS + 1)
    assert len(automatic_ones(till, anna)) == 2


def test_what_is_undecided_counts_towards_the_cap(till: Till, clock: Clock) -> None:
    """Money that may still be taken is not spent twice."""
    anna = standing(till, cap=150_000)
    till.begin(anna, 1)  # a checkout of the customer's own does not count
    clock.forward(top_ups.PATIENCE_SECONDS + 1)
    reconcile.reconcile_due(till.desk)
    till.bank.trouble, till.bank.late = unavailable(), True
    assert recharge_due(till.desk) == 1
    with till.db.write() as tx:
        sql = "UPDATE top_ups SET status = 'expired' WHERE origin = 'automatic'"
        tx.execute(text(sql))
    clock.forward(COOL_DOWN_SECONDS + 1)
    assert recharge_due(till.desk) == 0
    with till.db.write() as tx:
        tx.execute(text("UPDATE top_ups SET status = 'pending' WHERE origin = 'automatic'"))
    reconcile.reconcile_due(till.desk)


def test_an_open_checkout_keeps_it_from_charging(till: Till, clock: Clock) -> None:
    """A customer who is about to pay is not charged beside it."""
    anna = standing(till)
    till.begin(anna, 5000)
    assert recharge_due(till.desk) == 0
    clock.forward(top_ups.PATIENCE_SECONDS + COOL_DOWN_SECONDS)
    assert recharge_due(till.desk) == 1


def test_a_decline_is_tried_again_later_and_later_and_then_not(till: Till, clock: Clock) -> None:
    """After a decline it backs off; after four it rests until the customer sets it again."""
    anna = standing(till)
    till.bank.declines = True
    for pause in (*BACK_OFF_SECONDS, None):
        assert recharge_due(till.desk) == 1
        assert recharge_due(till.desk) == 0
        if pause is not None:
            clock.forward(pause - 5)
            assert recharge_due(till.desk) == 0
            clock.forward(10)
    clock.forward(365 * 24 * 3600)
    assert recharge_due(till.desk) == 0
    order = order_of(till, anna)
    assert order.resting
    assert {one.reason for one in automatic_ones(till, anna)} == {"card_declined"}
    till.bank.declines = False
    automatic.set_order(till.desk, order)
    clock.forward(COOL_DOWN_SECONDS + 1)
    assert recharge_due(till.desk) == 1
    assert till.available(anna) == 1050


def test_setting_the_order_again_does_not_shorten_the_pause(till: Till, clock: Clock) -> None:
    """However often it is set, a card is charged once in ten minutes."""
    anna = standing(till)
    for _ in range(5):
        recharge_due(till.desk)
        till.spend(anna, till.available(anna))
        automatic.set_order(till.desk, order_of(till, anna))
    assert len(automatic_ones(till, anna)) == 1
    clock.forward(COOL_DOWN_SECONDS + 1)
    assert recharge_due(till.desk) == 1


def test_a_blocked_customer_is_not_charged(till: Till, clock: Clock) -> None:
    """Nor is anybody who may not use what would be bought."""
    anna = standing(till)
    with till.db.write() as tx:
        tx.execute(text("UPDATE users SET status = 'blocked' WHERE id = :id"), {"id": anna})
    assert recharge_due(till.desk) == 0
    with till.db.write() as tx:
        tx.execute(text("UPDATE users SET status = 'active' WHERE id = :id"), {"id": anna})
    assert recharge_due(till.desk) == 1


def test_a_provider_that_is_off_is_not_charged_at(till: Till, clock: Clock) -> None:
    """Nothing is begun that could not be carried out, and a new card elsewhere is charged."""
    anna = standing(till)
    assert recharge_due(replace(till.desk, providers={})) == 0
    assert automatic_ones(till, anna) == []
    clock.forward(COOL_DOWN_SECONDS + 1)
    assert recharge_due(till.desk) == 1


@pytest.mark.parametrize("hours", [2, 30])
def test_a_long_silence_after_a_charge_charges_nobody_twice(
    till: Till, clock: Clock, hours: int
) -> None:
    """The charge was made, its answer lost and the provider away for hours: it counts once."""
    anna = standing(till)
    till.bank.trouble, till.bank.late = unavailable(), True
    recharge_due(till.desk)
    till.bank.always = unavailable()
    for _ in range(hours):
        clock.forward(3600)
        reconcile.reconcile_due(till.desk)
        assert recharge_due(till.desk) == 0
    (top_up,) = automatic_ones(till, anna)
    assert top_up.status == "pending"
    assert top_up.attention == ("undecided" if hours > 24 else None)
    till.bank.always = None
    clock.forward(7 * 3600)
    reconcile.reconcile_due(till.desk)
    assert till.available(anna) == 1050
    assert till.bank.received() == 200_000


def test_a_success_forgets_the_declines(till: Till, clock: Clock) -> None:
    """One payment that goes through starts the patience anew."""
    anna = standing(till)
    till.bank.declines = True
    recharge_due(till.desk)
    assert order_of(till, anna).declines == 1
    till.bank.declines = False
    clock.forward(BACK_OFF_SECONDS[0] + 1)
    recharge_due(till.desk)
    assert order_of(till, anna).declines == 0


@pytest.mark.parametrize("trouble", [unavailable(), Crash()])
@pytest.mark.parametrize("late", [False, True])
def test_a_charge_that_nobody_heard_of_is_made_once(
    till: Till, clock: Clock, trouble: BaseException, late: bool
) -> None:
    """Silence, or our own death, before or after the charge: in the end it was made once."""
    anna = standing(till)
    till.bank.trouble, till.bank.late = trouble, late
    with suppress(Crash):
        recharge_due(till.desk)
    assert till.available(anna) == 50
    clock.forward(COOL_DOWN_SECONDS + 1)
    recharge_due(till.desk)  # an undecided one keeps another from beginning
    reconcile.reconcile_due(till.desk)
    assert till.available(anna) == 1050
    assert len(automatic_ones(till, anna)) == 1
    assert till.bank.received() == 200_000


@pytest.mark.parametrize("declines", [False, True])
def test_an_administrator_who_asks_about_a_silent_charge_is_in_the_audit_log(
    till: Till, declines: bool
) -> None:
    """Whatever came of it, and once."""
    anna = standing(till)
    till.bank.trouble = unavailable()
    recharge_due(till.desk)
    (top_up,) = automatic_ones(till, anna)
    till.bank.declines = declines
    for _ in range(2):
        reconcile.check_top_up(till.desk, top_up.id, ANY_ACTOR)
    with till.db.read() as tx:
        (event,) = events(tx, limit=10, action="top_up.checked")
    assert (event.actor_id, event.subject) == (ANY_ACTOR.user_id, f"top_up:{top_up.id}")
    assert event.details == {"from": "pending", "to": "failed" if declines else "succeeded"}


def test_one_customers_trouble_stops_no_other(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong for one, the next one's order is carried out, page after page."""
    monkeypatch.setattr(recharge, "_AT_ONCE", 2)
    customers = [standing(till) for _ in range(3)]
    till.bank.trouble = RuntimeError("a bug in the provider's library")
    recharge_due(till.desk)
    assert sorted(till.available(one) for one in customers) == [50, 1050, 1050]


def test_forgetting_the_method_ends_the_order(till: Till) -> None:
    """A removed card is charged no more, and comes back when it is saved again."""
    anna = standing(till)
    (method,) = methods.list_methods(till.db, anna)
    methods.remove(till.db, anna, method.id)
    assert methods.list_methods(till.db, anna) == []
    with pytest.raises(NotFound):
        order_of(till, anna)
    with pytest.raises(NotFound):
        methods.remove(till.db, anna, method.id)
    assert recharge_due(till.desk) == 0
    till.paid(anna, 1000, save_method=True)
    assert [one.id for one in methods.list_methods(till.db, anna)] == [method.id]


def test_a_charge_is_found_after_its_method_was_removed(till: Till, clock: Clock) -> None:
    """It may have been made before the card was forgotten, so its credits must not be lost."""
    anna = standing(till)
    till.bank.trouble, till.bank.late = unavailable(), True
    recharge_due(till.desk)
    (method,) = methods.list_methods(till.db, anna)
    methods.remove(till.db, anna, method.id)
    clock.forward(61)
    reconcile.reconcile_due(till.desk)
    (top_up,) = automatic_ones(till, anna)
    assert (top_up.status, till.available(anna)) == ("succeeded", 1050)
    assert till.bank.received() == 200_000


def test_only_ones_own_method_can_be_used(till: Till) -> None:
    """Another customer's card, or none at all, is not found."""
    anna, boris = standing(till), till.customer()
    (method,) = methods.list_methods(till.db, anna)
    for method_id in (method.id, new_id()):
        with pytest.raises(NotFound):
            automatic.set_order(
                till.desk, StandingOrder(boris, method_id, 1, 1, "RUB", 100_000, 0, 0)
            )
    with pytest.raises(NotFound):
        methods.remove(till.db, boris, method.id)


def test_an_order_that_could_never_buy_is_refused(till: Till) -> None:
    """A cap below the price, or a currency that the provider does not take."""
    anna = standing(till)
    (method,) = methods.list_methods(till.db, anna)
    for currency, cap in (("RUB", 99_999), ("GBP", 10**9)):
        with pytest.raises(InvalidInput):
            automatic.set_order(
                till.desk, StandingOrder(anna, method.id, 1, 1000, currency, cap, 0, 0)
            )
    till.bank.saves_methods = False
    with pytest.raises(InvalidInput):
        automatic.set_order(till.desk, StandingOrder(anna, method.id, 1, 1, "RUB", 10**9, 0, 0))
    till.bank.saves_methods = True
    assert order_of(till, anna).below == 100


def test_an_order_can_be_ended(till: Till) -> None:
    """And ending what is not there says so."""
    anna = standing(till)
    automatic.remove_order(till.db, anna)
    assert recharge_due(till.desk) == 0
    with pytest.raises(NotFound):
        automatic.remove_order(till.db, anna)


def test_a_decline_without_an_order_is_forgotten(till: Till) -> None:
    """The customer ended it while the payment was under way."""
    with till.db.write() as tx:
        automatic.declined(tx, new_id())
        assert tx.execute(orders.select()).all() == []


def test_an_undecided_charge_is_settled_by_its_notification(till: Till) -> None:
    """A provider that decides later declines the order then."""
    anna = standing(till)
    till.bank.trouble, till.bank.late = unavailable(), True
    recharge_due(till.desk)
    (top_up,) = automatic_ones(till, anna)
    assert top_up.status == "pending"
    settle(till.db, "bank", till.bank.pay(top_up, PaymentState.FAILED))
    assert order_of(till, anna).declines == 1


def test_what_a_customer_sets_up_is_in_the_audit_log(till: Till) -> None:
    """A standing order with its terms before and now, its end, and a method that is forgotten."""
    anna = standing(till)
    actor = Actor(anna)
    order = order_of(till, anna)
    automatic.set_order(till.desk, replace(order, below=7), actor)
    automatic.remove_order(till.db, anna, actor)
    methods.remove(till.db, anna, order.method_id, actor)
    with till.db.read() as tx:
        forgotten, ended, changed = events(tx, limit=3)
    assert {one.subject for one in (forgotten, ended, changed)} == {f"user:{anna}"}
    assert {one.actor_id for one in (forgotten, ended, changed)} == {anna}
    assert (ended.action, forgotten.action) == (
        "automatic_top_up.removed",
        "payment_method.removed",
    )
    assert forgotten.details == {"method": order.method_id}
    assert changed.action == "automatic_top_up.set"
    assert (changed.details["before"]["below"], changed.details["now"]["below"]) == (100, 7)
