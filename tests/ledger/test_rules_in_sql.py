"""The ledger in SQL: what a transfer leaves behind, whose things are whose, and overdue holds."""

import pytest
from sqlalchemy import select

from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service
from augury.ledger.audit import audit
from augury.ledger.core import (
    COUNTERPARTY,
    Balance,
    Book,
    Instruction,
    Posted,
    Refused,
    TransferType,
    apply,
)
from augury.ledger.tables import transfers


def _customer(db: Database) -> str:
    account_id = new_id()
    with db.write() as tx:
        service.open_accounts(tx, [account_id])
    return account_id


def _books_are_right(db: Database) -> None:
    with db.read() as tx:
        found = [one for one in audit(tx).findings if one.kind != "hold_overdue"]
    assert found == []


# type, amount, what it adds to posted and held, and who is on the other side.
_EFFECTS = [
    ("top_up", 7, 7, 0, "PAYMENTS"),
    ("promotion", 7, 7, 0, "PROMOTIONS"),
    ("adjustment", 7, 7, 0, "ADJUSTMENTS"),
    ("adjustment", -7, -7, 0, "ADJUSTMENTS"),
    ("charge", 7, -7, 0, "REVENUE"),
    ("hold", 7, 0, 7, "REVENUE"),
]


@pytest.mark.parametrize(("type_", "amount", "posted", "held", "party"), _EFFECTS)
def test_a_transfer_names_both_sides(
    db: Database, type_: str, amount: int, posted: int, held: int, party: str
) -> None:
    """A transfer is one row with both accounts, its effect, and the balance after it."""
    account_id = _customer(db)
    first = Instruction(new_id(), TransferType.TOP_UP, account_id, 100)
    expires_at = now() + SECOND if type_ == "hold" else None
    one = Instruction(
        new_id(), TransferType(type_), account_id, amount, reference="why", expires_at=expires_at
    )
    with db.write() as tx:
        service.post(tx, [first, one])
        row = tx.execute(select(transfers).where(transfers.c.id == one.id)).one()
    assert (row.posted, row.held, row.available_after) == (posted, held, 100 + posted - held)
    assert (row.account_id, row.number, row.type, row.reference) == (account_id, 2, type_, "why")
    assert row.counterparty_id == COUNTERPARTY[TransferType(type_)]
    assert COUNTERPARTY[TransferType(type_)].name == party


def test_nobody_touches_anothers_holds_charges_and_keys(db: Database) -> None:
    """What belongs to one account cannot be captured, released, refunded or replayed by another."""
    anna, boris = _customer(db), _customer(db)
    hold = Instruction(new_id(), TransferType.HOLD, anna, 10, expires_at=now() + 3600 * SECOND)
    sale = Instruction(new_id(), TransferType.CHARGE, anna, 10, key="k", fingerprint="f")
    asked = [
        Instruction(new_id(), TransferType.TOP_UP, anna, 100),
        Instruction(new_id(), TransferType.TOP_UP, boris, 100),
        hold,
        sale,
        Instruction(new_id(), TransferType.CAPTURE, boris, 5, hold_id=hold.id),
        Instruction(new_id(), TransferType.RELEASE, boris, 0, hold_id=hold.id),
        Instruction(new_id(), TransferType.REFUND, boris, 5, corrects=sale.id),
        Instruction(new_id(), TransferType.CHARGE, boris, 10, key="k", fingerprint="other"),
        Instruction(new_id(), TransferType.CHARGE, new_id(), 1),
    ]
    expected = [
        None,
        None,
        None,
        None,
        Refused.HOLD_UNKNOWN,
        Refused.HOLD_UNKNOWN,
        Refused.NOTHING_TO_REFUND,
        None,
        Refused.ACCOUNT_UNKNOWN,
    ]
    book = Book().with_account(anna).with_account(boris)
    for one, outcome in zip(asked, expected, strict=True):
        book, given = apply(book, one, now())
        assert isinstance(given, Posted) if outcome is None else given is outcome
    with db.write() as tx:
        outcomes = service.post(tx, asked)
    for given, outcome in zip(outcomes, expected, strict=True):
        assert isinstance(given, Posted) if outcome is None else given is outcome
    with db.read() as tx:
        found = service.balances(tx, [anna, boris])
    assert found == {anna: Balance(90, 10), boris: Balance(90, 0)} == dict(book.balances)


def test_holds_expire_by_themselves(db: Database) -> None:
    """The sweep releases what is overdue, once, and leaves alone what is not."""
    account_id = _customer(db)
    asked = [
        Instruction(new_id(), TransferType.TOP_UP, account_id, 100),
        Instruction(new_id(), TransferType.HOLD, account_id, 10, expires_at=1),
        Instruction(new_id(), TransferType.HOLD, account_id, 20, expires_at=2),
        Instruction(new_id(), TransferType.HOLD, account_id, 30, expires_at=now() + 3600 * SECOND),
    ]
    with db.write() as tx:
        service.post(tx, asked)
    for released, held in ((1, 50), (1, 30), (0, 30)):
        assert service.expire_holds(db, most=1) == released
        with db.read() as tx:
            assert service.balances(tx, [account_id])[account_id] == Balance(100, held)
    _books_are_right(db)
