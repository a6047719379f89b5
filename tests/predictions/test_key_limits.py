"""The credit limit of an API key holds in the sale's own transaction, whatever happens at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from augury.audit_log.service import HOUSE
from augury.bootstrap import audit_books
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.ledger.refusals import IdempotencyConflict, InsufficientCredits
from augury.predictions import batch_outcomes, job_outcomes
from augury.predictions.batch_orders import place as place_batch
from augury.predictions.jobs import cancel, place
from augury.predictions.till import Order, Sold, sell
from augury.users import keys
from augury.users.keys import KeyLimitReached, Scope, Wish
from augury.users.tables import api_keys, users
from augury.users.tokens import Unauthenticated
from support import batches as batch_rows
from support import orders
from support.jobs import OUTPUTS, PRICE, balance, claimed, customer, new_job


def person(db: Database, credits_: int = 10_000) -> str:
    """Return a customer who is a user as well."""
    id_ = customer(db, credits_)
    row: dict[str, Any] = dict.fromkeys(("id", "username", "email"), id_)
    row |= {"username_key": id_, "email_key": id_, "password_hash": "x", "created_at": 1}
    with db.write() as tx:
        tx.execute(insert(users).values(role="customer", status="active", **row))
    return id_


def key_of(db: Database, user_id: str, limit: int | None = 20 * PRICE) -> str:
    key, _ = keys.create(db, user_id, Wish("k", list(Scope), limit), HOUSE)
    return key.id


def order(
    user_id: str, api_key_id: str | None, price: int = PRICE, key: str | None = None
) -> Order:
    return orders.order(user_id, price, key, api_key_id)


def used(db: Database, key_id: str) -> int:
    """Return what a key has spent, after an audit that finds nothing."""
    with db.read() as tx:
        assert audit_books(tx).findings == []
        found = select(api_keys.c.credits_used).where(api_keys.c.id == key_id)
        return int(tx.execute(found).scalar_one())


def kinds(results: list[Sold | Exception]) -> list[type]:
    return [type(result) for result in results]


def test_a_hundred_at_once_sell_exactly_what_the_key_may_spend(
    db: Database, database_url: str
) -> None:
    """Through two databases of their own, as two processes have, in lots of different sizes."""
    anna, other = person(db), Database(database_url)
    key = key_of(db, anna)
    lots = [[order(anna, key) for _ in range(1 + n % 4)] for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        doors = [(db, other)[n % 2] for n in range(40)]
        results = [one for lot in threads.map(sell, doors, lots) for one in lot]
    other.close()
    assert len(results) == 100
    assert kinds(results).count(tuple) == 20
    refused = [one for one in results if isinstance(one, KeyLimitReached)]
    assert len(refused) == 80
    assert used(db, key) == 200
    assert balance(db, anna).available == 10_000 - 200


def test_many_keys_of_many_owners_never_wait_in_a_circle(db: Database, database_url: str) -> None:
    """Lots that have the same keys in different orders, through two databases."""
    owners = [person(db) for _ in range(4)]
    both = [(owner, key_of(db, owner, None)) for owner in owners for _ in range(2)]
    turned = [both[n % 8 :] + both[: n % 8] for n in range(40)]
    lots = [[order(*pair) for pair in pairs[:: 1 - 2 * (n % 2)]] for n, pairs in enumerate(turned)]
    other = Database(database_url)
    with ThreadPoolExecutor(8) as threads:
        doors = [(db, other)[n % 2] for n in range(40)]
        results = [one for lot in threads.map(sell, doors, lots) for one in lot]
    other.close()
    assert set(kinds(results)) == {tuple}
    assert {used(db, key) for _, key in both} == {40 * PRICE}


def test_a_key_has_no_effect_on_neighbours(db: Database) -> None:
    """In one commit: with a limit, without one, and without a key."""
    anna = person(db)
    small, free = key_of(db, anna, PRICE), key_of(db, anna, None)
    wanted = [order(anna, key) for key in (small, None, small, free, None, free)]
    results = sell(db, wanted)
    assert kinds(results) == [tuple, tuple, KeyLimitReached, tuple, tuple, tuple]
    assert (used(db, small), used(db, free)) == (PRICE, 2 * PRICE)


def test_a_smaller_sale_fits_where_a_larger_did_not(db: Database) -> None:
    """As if they had come one after another, and the refusal says what is left."""
    anna = person(db)
    key = key_of(db, anna, 25)
    results = sell(db, [order(anna, key, price) for price in (20, 10, 5, 1)])
    assert kinds(results) == [tuple, KeyLimitReached, tuple, KeyLimitReached]
    refused = results[1]
    assert isinstance(refused, KeyLimitReached)
    assert refused.values["required"] == 10
    assert used(db, key) == 25


def test_what_was_not_sold_does_not_count(db: Database) -> None:
    """No credits, another input for a known key, or a replay, which costs nothing at any limit."""
    anna = person(db, 15)
    key = key_of(db, anna, 30)
    first = order(anna, key, key="same")
    assert kinds(sell(db, [first, order(anna, key)])) == [tuple, InsufficientCredits]
    assert used(db, key) == 10
    again = sell(db, [order(anna, key, key="same"), order(anna, key, 30, key="same")])
    assert [one[1] for one in again if isinstance(one, tuple)] == [True, True]
    odd = order(anna, key, key="same")
    (conflict,) = sell(
        db, [Order(**{n: getattr(odd, n) for n in odd.__struct_fields__} | {"fingerprint": "g"})]
    )
    assert isinstance(conflict, IdempotencyConflict)
    assert used(db, key) == 10


@pytest.mark.parametrize("end", ["revoked", "expired", "blocked"])
def test_no_sale_with_a_dead_key_commits(db: Database, end: str) -> None:
    """The sale asks the row itself, so no process has to be told first."""
    anna = person(db)
    key = key_of(db, anna, None)
    if end == "revoked":
        keys.revoke(db, anna, key, HOUSE)
    with db.write() as tx:
        if end == "expired":
            tx.execute(update(api_keys).values(expires_at=now() - SECOND))
        elif end == "blocked":
            tx.execute(update(users).where(users.c.id == anna).values(status="blocked"))
    assert kinds(sell(db, [order(anna, key)])) == [Unauthenticated]
    assert balance(db, anna).available == 10_000


def test_a_job_counts_when_it_is_held_and_comes_back_unless_it_succeeds(db: Database) -> None:
    """One is cancelled, one fails, one succeeds, one is refused."""
    anna = person(db)
    key = key_of(db, anna, 3 * PRICE)
    wanted = [new_job(anna, api_key_id=key) for _ in range(4)]
    assert kinds(place(db, wanted)) == [tuple, tuple, tuple, KeyLimitReached]
    assert used(db, key) == 3 * PRICE
    cancel(db, anna, wanted[0].id)
    assert used(db, key) == 2 * PRICE
    assert job_outcomes.fail(db, claimed(db), "model_failed")
    assert used(db, key) == PRICE
    assert job_outcomes.succeed(db, claimed(db), OUTPUTS)
    assert used(db, key) == PRICE
    assert balance(db, anna).available == 10_000 - PRICE


def _finish(db: Database, _anna: str, _batch: str) -> None:
    chunk = batch_rows.claimed(db)
    assert batch_outcomes.finish(db, chunk, batch_rows.made(chunk, 2))


def _fail(db: Database, _anna: str, _batch: str) -> None:
    assert batch_outcomes.fail(db, batch_rows.claimed(db), "model_failed")


def _cancel(db: Database, anna: str, batch: str) -> None:
    batch_outcomes.cancel(db, anna, batch)


@pytest.mark.parametrize(("end", "rows"), [(_finish, 3), (_fail, 0), (_cancel, 0)])
def test_a_batch_counts_what_is_held_and_in_the_end_what_was_paid(
    db: Database, end: Callable[[Database, str, str], None], rows: int
) -> None:
    """A second one does not fit meanwhile, and nothing of it is stored."""
    anna = person(db)
    price = batch_rows.ROWS * batch_rows.PRICE
    key = key_of(db, anna, price)
    batch = batch_rows.placed(db, anna, api_key_id=key)
    assert used(db, key) == price
    with pytest.raises(KeyLimitReached):
        place_batch(db, batch_rows.new_batch(anna, api_key_id=key))
    end(db, anna, batch)
    assert used(db, key) == rows * batch_rows.PRICE
