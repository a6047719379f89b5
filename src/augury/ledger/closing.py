"""The end of an account: nothing is on it, nothing is held, and nothing moves ever after."""

from sqlalchemy import select, update

from augury.kit.clock import now
from augury.kit.db import WriteTx
from augury.kit.ids import new_id
from augury.ledger import guards, service
from augury.ledger.core import Balance, Instruction, Posted, TransferType
from augury.ledger.refusals import AccountClosed
from augury.ledger.tables import accounts

_REASON = "given up with the account by its owner"


def require_open(tx: WriteTx, account_id: str) -> None:
    """Keep an account from being closed until the transaction ends; `AccountClosed` if it is."""
    guards.lock_accounts(tx, [account_id])
    closed = select(accounts.c.closed_at).where(accounts.c.id == account_id)
    if tx.execute(closed).scalar() is not None:
        raise AccountClosed


def locked_balance(tx: WriteTx, account_id: str) -> Balance:
    """Return a balance that stays until the transaction ends."""
    guards.lock_accounts(tx, [account_id])
    return service.balances(tx, [account_id]).get(account_id, Balance())


def close_account(tx: WriteTx, account_id: str) -> int:
    """Close an account on which nothing is held; return how many credits were given up with it.

    They leave by an adjustment of its owner, so that the journal explains where they are.
    """
    left = locked_balance(tx, account_id)
    if left.available:
        transfer_id = new_id()
        giving_up = Instruction(
            transfer_id,
            TransferType.ADJUSTMENT,
            account_id,
            -left.available,
            reference=transfer_id,
            reason=_REASON,
            actor_id=account_id,
        )
        (outcome,) = service.post(tx, [giving_up])
        assert isinstance(outcome, Posted)  # noqa: S101 -- it is locked, and so much was there
    closed = tx.execute(
        update(accounts)
        .where(accounts.c.id == account_id, accounts.c.posted == 0, accounts.c.held == 0)
        .values(closed_at=now())
    )
    if closed.rowcount == 0:
        raise AccountClosed
    return left.available
