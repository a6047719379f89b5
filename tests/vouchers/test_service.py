"""Batches: made once, shown once, stored as hashes, and stopped for good."""

from dataclasses import replace

import pytest

from augury.audit_log.service import Actor
from augury.kit.clock import SECOND, now
from augury.kit.db import Database, metadata
from augury.kit.errors import InvalidInput, NotFound
from augury.kit.ids import new_id
from augury.ledger.refusals import IdempotencyConflict
from augury.vouchers import service
from augury.vouchers.codes import hash_of
from augury.vouchers.redeem import VoucherExpired, redeem
from support.vouchers import ADMIN, OFFER, available, batch, customers, found


def test_only_hashes_of_codes_are_in_the_database(db: Database) -> None:
    """No value of any table contains a code, in any spelling; each hash is there once."""
    made, codes = batch(db, codes=50)
    redeem(db, customers(db)[0], codes[0], key=codes[1][:8])
    secrets = {code.replace("-", "") for code in codes}
    stored: list[str] = []
    with db.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.exec_driver_sql(f"SELECT * FROM {table.name}"):
                stored += [str(value) for value in row]
    assert made.id in stored
    plain = "\n".join(stored).upper().replace("-", "")
    assert [secret for secret in secrets if secret in plain] == []
    assert {hash_of(code) for code in codes} < set(stored)


def test_ten_thousand_codes_are_made_at_once(db: Database) -> None:
    """The largest batch: all codes differ, and the last can be redeemed."""
    _, codes = batch(db, codes=10_000)
    assert len(set(codes)) == 10_000
    (user,) = customers(db)
    redeem(db, user, codes[-1])
    assert available(db, user) == 500
    assert found(db) == []


def test_the_same_key_and_offer_make_one_batch(db: Database) -> None:
    """A replay shows the batch without codes; another offer, even of another name, is refused."""
    made, codes = service.make_batch(db, OFFER, actor=ADMIN, key="one")
    again, none = service.make_batch(db, OFFER, actor=ADMIN, key="one")
    assert (again, none) == (made, None)
    assert codes is not None
    for other in (replace(OFFER, name="autumn"), replace(OFFER, credits=501)):
        with pytest.raises(IdempotencyConflict):
            service.make_batch(db, other, actor=ADMIN, key="one")
    service.make_batch(db, OFFER, actor=Actor(new_id()), key="one")
    service.make_batch(db, OFFER, actor=ADMIN, key=None)
    service.make_batch(db, OFFER, actor=ADMIN, key=None)
    assert len(service.list_batches(db, limit=10)) == 4


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"expires_at": 1}, "/expires_at"),
        ({"total_uses": 4}, "/total_uses"),
        ({"total_uses": 0}, "/total_uses"),
        ({"credits": 2**53 // 3}, None),
        ({"credits": 2**53 // 3 + 1}, "/credits"),
        ({"total_uses": 1}, None),
        # Asked for when the tests are collected, which may be long before this one runs.
        ({"expires_at": now() + 365 * 24 * 3600 * SECOND}, None),
    ],
)
def test_an_offer_has_limits(db: Database, changes: dict[str, int], pointer: str | None) -> None:
    """A batch cannot be over before it begins, nor give more than codes or balances allow."""
    offer = replace(OFFER, **changes)  # type: ignore[arg-type]  # every changed member is a number
    if pointer is None:
        made, _ = service.make_batch(db, offer, actor=ADMIN, key=None)
        assert made.offer == offer
        return
    with pytest.raises(InvalidInput) as refused:
        service.make_batch(db, offer, actor=ADMIN, key=None)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert service.list_batches(db, limit=10) == []


def test_a_stopped_batch_gives_nothing_more(db: Database) -> None:
    """What was redeemed stays, the rest is over, and the first moment of stopping is kept."""
    made, codes = batch(db)
    anna, boris = customers(db, 2)
    redeem(db, anna, codes[0])
    stopped = service.stop_batch(db, made.id, ADMIN)
    assert (stopped.status, stopped.uses, stopped.stopped_by) == ("stopped", 1, ADMIN.user_id)
    assert service.stop_batch(db, made.id, Actor(new_id())) == stopped
    with pytest.raises(VoucherExpired):
        redeem(db, boris, codes[1])
    assert (available(db, anna), available(db, boris)) == (500, 0)
    assert found(db) == []


def test_the_status_says_whether_codes_can_be_redeemed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Active until the last use or the last moment."""
    anna, boris = customers(db, 2)
    small, (code, _) = batch(db, codes=2, total_uses=1)
    timed, _ = batch(db, expires_at=now() + 3600 * SECOND)
    assert [small.status, timed.status] == ["active", "active"]
    redeem(db, anna, code)
    later = now() + 3601 * SECOND
    monkeypatch.setattr(service, "now", lambda: later)
    listed = service.list_batches(db, limit=10)
    assert [one.status for one in listed] == ["expired", "used_up"]
    assert boris


def test_batches_and_redemptions_come_in_pages(db: Database) -> None:
    """Newest first, each once, of this batch only."""
    made, codes = batch(db, codes=5)
    other, more = batch(db, codes=5)
    users = customers(db, 5)
    ids = [redeem(db, user, code)[0].id for user, code in zip(users, codes, strict=True)]
    redeem(db, users[0], more[0])
    assert [one.id for one in service.list_batches(db, limit=1)] == [other.id]
    assert [one.id for one in service.list_batches(db, limit=9, before=other.id)] == [made.id]
    whole, first = service.find_batch(db, made.id, limit=3)
    _, second = service.find_batch(db, made.id, limit=3, before=first[-1].id)
    assert whole.uses == 5
    assert [one.id for one in (*first, *second)] == ids[::-1]
    assert [one.user_id for one in (*first, *second)] == users[::-1]


def test_a_batch_that_is_not_there_is_not_found(db: Database) -> None:
    """Neither to see nor to stop, whatever its name looks like."""
    for nothing in (new_id(), "nonsense", ""):
        with pytest.raises(NotFound):
            service.find_batch(db, nothing, limit=1)
        with pytest.raises(NotFound):
            service.stop_batch(db, nothing, ADMIN)
