"""The till: one commit for many orders, in which each stands for itself and none is half done."""

from typing import Any

import pytest
from sqlalchemy import select

from augury.bootstrap import audit_books
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Instruction, TransferType
from augury.predictions import history
from augury.predictions.schemas import PredictionAnswer
from augury.predictions.tables import predictions
from augury.predictions.till import Sold, sell
from support.orders import order


def customer(db: Database, credits_: int) -> str:
    """Open an account with credits."""
    id_ = new_id()
    with db.write() as tx:
        ledger.open_accounts(tx, [id_])
        ledger.post(tx, [Instruction(new_id(), TransferType.PROMOTION, id_, credits_)])
    return id_


def sold(result: Sold | Exception) -> PredictionAnswer:
    """Return the answer of a sale that must have come about."""
    assert not isinstance(result, Exception), result
    return result[0]


def stored(db: Database) -> set[str]:
    """Return the ids of all predictions, after an audit that must find nothing."""
    with db.read() as tx:
        assert audit_books(tx).findings == []
        return set(tx.execute(select(predictions.c.id)).scalars())


def available(db: Database, user_id: str) -> int:
    """Return what a customer can spend."""
    with db.read() as tx:
        return ledger.balances(tx, [user_id])[user_id].available


def test_an_odd_order_does_not_spoil_its_neighbours(db: Database) -> None:
    """An order without a price is an exception of its own; those beside it are sold once."""
    anna, boris = customer(db, 100), customer(db, 100)
    batch = [order(anna), order(anna, price=0), order(boris), order(anna), order(new_id())]
    results = sell(db, batch)
    assert [isinstance(result, Exception) for result in results] == [
        False,
        True,
        False,
        False,
        True,
    ]
    for place, left in ((0, 90), (2, 90), (3, 80)):
        answer = sold(results[place])
        assert answer.id == batch[place].id
        assert answer.charge is not None
        assert (answer.charge.amount, answer.charge.balance_after) == (10, left)
    assert (available(db, anna), available(db, boris)) == (80, 90)
    assert stored(db) == {batch[place].id for place in (0, 2, 3)}


def test_answers_that_cannot_be_made_undo_the_batch(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the answer of a replay cannot be read, nothing of its batch is charged or stored."""
    anna, boris = customer(db, 100), customer(db, 100)
    first = order(anna, key="k")
    sell(db, [first])

    def trip(*_: Any) -> Any:
        raise RuntimeError("cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(history, "answers", trip)
        with pytest.raises(RuntimeError, match="cannot be read"):
            sell(db, [order(boris), order(anna, key="k"), order(anna)])
    assert (available(db, anna), available(db, boris)) == (90, 100)
    assert stored(db) == {first.id}

    fresh, again, more = sell(db, [order(boris), order(anna, key="k"), order(anna)])
    assert sold(again).id == first.id
    assert (available(db, anna), available(db, boris)) == (80, 90)
    assert stored(db) == {first.id, sold(fresh).id, sold(more).id}


def test_a_poor_customer_hears_what_there_is(db: Database) -> None:
    """A refused order tells the balance as it stands after the neighbours, in the same commit."""
    anna = customer(db, 25)
    *_, refused = sell(db, [order(anna), order(anna), order(anna)])
    assert getattr(refused, "values", None) == {"required": 10, "available": 5}
    with db.read() as tx:
        assert ledger.balances(tx, [anna])[anna] == Balance(5, 0)
    assert len(stored(db)) == 2
