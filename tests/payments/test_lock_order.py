"""Payments, methods and standing orders that change at one instant never wait in a circle."""

from typing import Any

import pytest
from sqlalchemy import event, update

from augury.kit.errors import NotFound
from augury.ledger import service as ledger
from augury.ledger.refusals import IdempotencyConflict
from augury.payments import automatic, leaving, methods, recharge, reconcile, refunds, top_ups
from augury.payments.automatic import StandingOrder
from augury.payments.reconcile import reconcile_due
from augury.payments.settle import settle
from augury.payments.tables import top_ups as rows
from augury.payments.values import Refund, TopUp
from support.payments import ANY_ACTOR, Till
from support.waiting import meet

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def standing(till: Till) -> StandingOrder:
    """Return the standing order of a customer who has few credits and a saved card."""
    anna = till.customer()
    till.paid(anna, 1000, save_method=True)
    till.spend(anna, 950)
    (method,) = methods.list_methods(till.db, anna)
    order = StandingOrder(anna, method.id, 100, 1000, "RUB", 1_000_000, 0, 0)
    return automatic.set_order(till.desk, order)


def test_an_order_that_is_set_while_it_is_carried_out(till: Till) -> None:
    """The payment is begun, and the order is as it was set."""
    order = standing(till)
    again = StandingOrder(order.user_id, order.method_id, 90, 1000, "RUB", 1_000_000, 0, 0)
    _, begun = meet(
        till.db,
        lambda: automatic.set_order(till.desk, again),
        lambda: recharge._begin(till.desk, order),
        after="FROM payment_methods",
    )
    assert begun is not None
    with till.db.read() as tx:
        assert automatic.order_of(tx, order.user_id).below == 90


def test_a_method_that_is_forgotten_while_it_is_charged(till: Till) -> None:
    """Nothing is charged, as the method has gone."""
    order = standing(till)
    _, begun = meet(
        till.db,
        lambda: methods.remove(till.db, order.user_id, order.method_id),
        lambda: recharge._begin(till.desk, order),
        after="UPDATE payment_methods",
    )
    assert begun is None


def test_a_method_that_is_forgotten_while_its_owner_leaves(till: Till) -> None:
    """It is forgotten once."""
    order = standing(till)

    def leave() -> int:
        with till.db.write() as tx:
            return leaving.forget_methods(tx, order.user_id)

    _, forgotten = meet(
        till.db,
        lambda: methods.remove(till.db, order.user_id, order.method_id),
        leave,
        after="UPDATE payment_methods",
    )
    assert forgotten == 0
    with till.db.read() as tx, pytest.raises(NotFound):
        automatic.order_of(tx, order.user_id)


def test_a_top_up_that_is_paid_while_it_is_asked_for_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who repeats a key has looked before it was there, and is told of the same top-up."""
    anna = till.customer()
    top_up = till.begin(anna, key="k")
    paid = till.bank.pay(top_up)
    by_key, looks = top_ups._by_key, iter([None])
    monkeypatch.setattr(top_ups, "_by_key", lambda *given: next(looks, by_key(*given)))
    _, again = meet(
        till.db,
        lambda: settle(till.db, "bank", paid),
        lambda: till.begin(anna, key="k"),
        after="UPDATE top_ups",
    )
    assert again.id == top_up.id
    assert till.available(anna) == 1000


def test_a_refund_that_is_settled_while_another_has_its_key(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has looked for the key before it was there is refused, and its credits are not held."""
    anna = till.customer()
    first, second = till.paid(anna, 1000), till.paid(anna, 1000)

    def give_back(top_up: TopUp) -> Refund:
        return refunds.refund(till.desk, top_up.id, 100, "asked", actor=ANY_ACTOR, key="k")[0]

    def refused() -> bool:
        with pytest.raises(IdempotencyConflict):
            give_back(second)
        return True

    till.bank.undecided = True
    pending = give_back(first)
    till.bank.undecided = False
    monkeypatch.setattr(refunds, "_by_key", lambda *_: None)
    _, is_refused = meet(
        till.db,
        lambda: refunds.carry_out(till.desk, pending.id),
        refused,
        after="UPDATE top_up_refunds",
    )
    assert is_refused
    with till.db.read() as tx:
        balance = ledger.balances(tx, [anna])[anna]
    assert (balance.available, balance.held) == (1900, 0)


def test_two_who_look_for_what_is_due(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each payment is asked about by one of them, in whatever order they stand in the table."""
    anna = till.customer()
    both = sorted(till.begin(anna).id for _ in range(2))
    with till.db.write() as tx:
        tx.execute(update(rows).values(check_at=1))
    asked: list[str] = []
    monkeypatch.setattr(reconcile, "check_top_up", lambda _desk, id_: asked.append(id_))
    looked: list[str] = []

    def move(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        """Put the first row behind the other, as any change does that comes just then."""
        if "ORDER BY top_ups.check_at" in statement and not looked:
            looked.append(statement)
            with till.db.write() as tx:
                tx.execute(update(rows).where(rows.c.id == both[0]).values(reference="another"))

    event.listen(till.db.engine, "after_cursor_execute", move)
    meet(
        till.db,
        lambda: reconcile_due(till.desk),
        lambda: reconcile_due(till.desk),
        after="UPDATE top_ups SET check_at",
    )
    assert sorted(asked) == both
