"""The audit of the vouchers: clean on clean books, and every planted corruption is found."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from augury.kit.db import Database, WriteTx
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.vouchers.redeem import redeem
from support.vouchers import batch, customers, found


@pytest.fixture
def books(db: Database) -> Database:
    """Two batches, some of whose codes were redeemed, and a welcome promotion."""
    users = customers(db, 3)
    for _ in range(2):
        _, codes = batch(db, codes=4, uses_per_code=2, uses_per_user=2)
        for user, code in zip(users, codes, strict=False):
            redeem(db, user, code)
    welcome = Instruction(new_id(), TransferType.PROMOTION, users[0], 10, reference="welcome")
    with db.write() as tx:
        ledger.post(tx, [welcome])
    return db


def test_clean_books_are_clean(books: Database) -> None:
    """What the rooms did themselves has no findings; other promotions are not looked at."""
    assert found(books) == []


def _sql(statement: str) -> Callable[[WriteTx], object]:
    return lambda tx: tx.execute(text(statement))


def _promote(tx: WriteTx, reference: str) -> None:
    account_id = tx.execute(text("SELECT user_id FROM voucher_uses LIMIT 1")).scalar_one()
    forged = Instruction(new_id(), TransferType.PROMOTION, account_id, 500, reference=reference)
    ledger.post(tx, [forged])


_ANY = "(SELECT id FROM voucher_redemptions ORDER BY id LIMIT 1)"
_LAST = "(SELECT id FROM voucher_redemptions ORDER BY id DESC LIMIT 1)"
_PLANTED: dict[str, tuple[Callable[[WriteTx], object], set[str]]] = {
    "the first redemption is gone": (
        _sql(f"DELETE FROM voucher_redemptions WHERE id = {_ANY}"),
        {"voucher_without_redemption", "voucher_batch_drift", "voucher_drift", "voucher_uses_drift"},
    ),
    "the last redemption is gone": (
        _sql(f"DELETE FROM voucher_redemptions WHERE id = {_LAST}"),
        {"voucher_without_redemption", "voucher_batch_drift", "voucher_drift", "voucher_uses_drift"},
    ),
    "a redemption names another transfer": (
        lambda tx: tx.execute(
            text(f"UPDATE voucher_redemptions SET transfer_id = :id WHERE id = {_ANY}"),
            {"id": new_id()},
        ),
        {"voucher_without_transfer", "voucher_without_redemption"},
    ),
    "a redemption names another user": (
        lambda tx: tx.execute(
            text(f"UPDATE voucher_redemptions SET user_id = :id WHERE id = {_ANY}"),
            {"id": new_id()},
        ),
        {"voucher_differs", "voucher_uses_drift"},
    ),
    "a batch gives another amount": (
        _sql("UPDATE voucher_batches SET credits = 501"),
        {"voucher_differs"},
    ),
    "a transfer without a redemption": (
        lambda tx: _promote(tx, f"voucher:{new_id()}"),
        {"voucher_without_redemption"},
    ),
    "a batch has more left": (
        _sql("UPDATE voucher_batches SET uses_left = uses_left + 1"),
        {"voucher_batch_drift"},
    ),
    "a code has less left": (
        _sql("UPDATE vouchers SET uses_left = uses_left - 1"),
        {"voucher_drift"},
    ),
    "a user's count is lower": (_sql("UPDATE voucher_uses SET uses = 0"), {"voucher_uses_drift"}),
    "a user's count is gone": (_sql("DELETE FROM voucher_uses"), {"voucher_uses_drift"}),
    "a user has redeemed too often": (
        _sql("UPDATE voucher_batches SET uses_per_user = 0"),
        {"voucher_uses_drift"},
    ),
    "a code has moved to another batch": (
        _sql("UPDATE vouchers SET batch_id = (SELECT id FROM voucher_batches b WHERE b.id <> vouchers.batch_id)"),
        {"voucher_moved"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", _PLANTED)
def test_a_planted_corruption_is_found(books: Database, planted: str) -> None:
    """Each is called by its name, and nothing else is."""
    corrupt, kinds = _PLANTED[planted]
    with books.write() as tx:
        corrupt(tx)
    assert {finding.kind for finding in found(books)} == kinds
