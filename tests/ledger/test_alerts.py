"""Low balance: one event and one mail for each crossing, whatever moves and however many at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise

import pytest
from sqlalchemy import select

from augury.kit.clock import now
from augury.kit.db import Database
from augury.kit.errors import NotFound
from augury.kit.ids import new_id
from augury.ledger import alerts, service
from augury.ledger.core import Instruction, Outcome, Posted, TransferType
from augury.notices.tables import deliveries
from augury.predictions.till import sell
from support.orders import order

CHARGE, HOLD, TOP_UP = TransferType.CHARGE, TransferType.HOLD, TransferType.TOP_UP


def customer(db: Database, credits_: int, below: int | None) -> str:
    """Return a customer with credits and a threshold."""
    id_ = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [id_])
        service.post(tx, [Instruction(new_id(), TOP_UP, id_, credits_)])
    alerts.set_threshold(db, id_, below)
    return id_


def move(
    account_id: str, type_: TransferType, amount: int, hold_id: str | None = None
) -> Instruction:
    """Return an instruction."""
    expires_at = now() + 10**9 if type_ is HOLD else None
    return Instruction(new_id(), type_, account_id, amount, hold_id=hold_id, expires_at=expires_at)


def post(db: Database, *instructions: Instruction) -> list[Outcome]:
    """Carry out instructions in one batch."""
    with db.write() as tx:
        return service.post(tx, instructions)


def told(db: Database, account_id: str) -> list[int]:
    """Return what was available at each crossing that the customer was told of, in order."""
    with db.read() as tx:
        rows = tx.execute(
            select(deliveries)
            .where(deliveries.c.user_id == account_id, deliveries.c.event_type == "balance.low")
            .order_by(deliveries.c.id)
        ).all()
    assert {row.channel for row in rows} <= {"mail"}
    letters = [json.loads(row.body) for row in rows]
    assert {letter["mail"] for letter in letters} <= {"balance_low"}
    return [letter["data"]["available"] for letter in letters]


def test_falling_below_the_threshold_tells_once(db: Database) -> None:
    """At the threshold nothing is said, below it once, and then no more."""
    anna = customer(db, 100, 50)
    post(db, move(anna, CHARGE, 50))
    assert told(db, anna) == []
    post(db, move(anna, CHARGE, 1))
    assert told(db, anna) == [49]
    post(db, move(anna, CHARGE, 10))
    post(db, move(anna, CHARGE, 39))
    assert told(db, anna) == [49]


def test_each_crossing_tells_again(db: Database) -> None:
    """Who tops up and falls below again hears of it again."""
    anna = customer(db, 100, 50)
    post(db, move(anna, CHARGE, 60))
    post(db, move(anna, TOP_UP, 5))
    assert told(db, anna) == [40]
    post(db, move(anna, TOP_UP, 5))
    post(db, move(anna, TransferType.ADJUSTMENT, -20))
    assert told(db, anna) == [40, 30]


def test_a_hold_crosses_and_what_comes_of_it_does_not(db: Database) -> None:
    """What is set aside cannot be spent; capturing or releasing it only ever gives back."""
    anna = customer(db, 100, 50)
    first, second = move(anna, HOLD, 60), move(anna, HOLD, 30)
    post(db, first)
    assert told(db, anna) == [40]
    post(db, move(anna, TransferType.CAPTURE, 40, first.id))  # 60 are available again
    post(db, second)
    assert told(db, anna) == [40, 30]
    post(db, move(anna, TransferType.RELEASE, 0, second.id))
    assert told(db, anna) == [40, 30]


def test_moves_that_are_decided_together_cross_once(db: Database) -> None:
    """Ten charges in one batch tell once, with what is left after all of them."""
    anna, boris, vera = (customer(db, 100, below) for below in (55, 1, None))
    batch = [move(id_, CHARGE, 10) for _ in range(10) for id_ in (anna, boris, vera)]
    assert all(isinstance(outcome, Posted) for outcome in post(db, *batch))
    assert told(db, anna) == [0]
    assert told(db, boris) == [0]
    assert told(db, vera) == []


def test_what_goes_up_and_down_in_one_transaction_is_no_crossing(db: Database) -> None:
    """Only what is left in the end counts, however it came about."""
    anna = customer(db, 100, 50)
    moves = [(CHARGE, 60), (TOP_UP, 60), (HOLD, 10), (CHARGE, 45), (CHARGE, 1), (TOP_UP, 99)]
    post(db, *(move(anna, type_, amount) for type_, amount in moves))
    assert told(db, anna) == []
    post(db, move(anna, CHARGE, 1), move(anna, TransferType.ADJUSTMENT, -100))
    post(db, move(anna, TOP_UP, 50), move(anna, CHARGE, 50))
    assert told(db, anna) == [42]


def test_what_is_refused_crosses_nothing(db: Database) -> None:
    """In a batch that the balance covers in part, only what was posted counts."""
    anna = customer(db, 25, 10)
    outcomes = post(db, *(move(anna, CHARGE, 10) for _ in range(5)))
    assert [isinstance(outcome, Posted) for outcome in outcomes] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert told(db, anna) == [5]
    post(db, move(anna, CHARGE, 10))
    assert told(db, anna) == [5]


def test_what_is_undone_tells_nobody(db: Database) -> None:
    """The alert is a part of the move: both are there or neither."""
    anna = customer(db, 100, 50)
    with pytest.raises(RuntimeError), db.write() as tx:
        service.post(tx, [move(anna, CHARGE, 60)])
        raise RuntimeError
    assert told(db, anna) == []


def test_fifty_sales_at_once_tell_once(db: Database) -> None:
    """However parallel sales are joined or not, the customer hears of one crossing, exactly."""
    anna, boris = customer(db, 500, 255), customer(db, 400, 200)
    orders = [order(id_) for _ in range(50) for id_ in (anna, boris)]
    starts = [0, *accumulate((1, 2, 3, 1, 3) * 10)]
    lots = [orders[start:end] for start, end in pairwise(starts)]
    with ThreadPoolExecutor(10) as pool:
        results = [one for lot in pool.map(lambda lot: sell(db, lot), lots) for one in lot]
    assert len(results) == 100
    assert sum(isinstance(one, Exception) for one in results) == 10
    # A transaction tells what it leaves, and some take twice from the same customer.
    assert told(db, anna) in ([250], [240])
    assert told(db, boris) in ([190], [180])


def test_a_threshold_can_be_set_read_and_taken_away(db: Database) -> None:
    """Setting it above the balance crosses nothing; without it nothing is told."""
    anna = customer(db, 100, None)
    assert alerts.threshold(db, anna) is None
    alerts.set_threshold(db, anna, 200)
    assert alerts.threshold(db, anna) == 200
    post(db, move(anna, CHARGE, 10))
    assert told(db, anna) == []
    alerts.set_threshold(db, anna, None)
    post(db, move(anna, CHARGE, 90))
    assert told(db, anna) == []


def test_without_an_account_there_is_no_threshold(db: Database) -> None:
    """Nobody's balance has no alert, and cannot get one."""
    nobody = new_id()
    assert alerts.threshold(db, nobody) is None
    with pytest.raises(NotFound):
        alerts.set_threshold(db, nobody, 10)
